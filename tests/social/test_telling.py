"""Telling of videos: their authors how it ended, and followers, however many, that one is there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest

from models.announcements import Announcement, VideoEvent
from models.documents import identity
from models.follows import Follow
from models.video import LiveStatus, Processing, ProcessingStatus, Visibility
from services.adapters.queue import Job
from services.container import new_id
from services.social import telling as telling_module
from tests.conftest import Person


@pytest.fixture
def follow(services) -> Callable:
    def follow(follower: Person | str, followed: Person) -> None:
        follower_id = follower if isinstance(follower, str) else follower.user.id
        services.telling.follows.follow(
            Follow(
                **identity(new_id()),
                follower_id=follower_id,
                following_id=followed.user.id,
                created_at=services.people.now(),
            )
        )

    return follow


@pytest.fixture
def told(client) -> Callable:
    """The kinds of what somebody was told, the latest first."""

    def told(person: Person) -> list[str]:
        found = client.get("/api/notifications", headers=person.headers).json
        return [one["kind"] for one in found["notifications"]]

    return told


@pytest.fixture
def fans(services) -> Callable:
    """People without passwords, in number."""

    def fans(count: int) -> list[str]:
        made, ids, rows = services.seeding.author(), [], []
        for number in range(count):
            user_id = new_id()
            names = {"username": f"fan{number}", "username_key": f"fan{number}"}
            rows.append(
                replace(made, **identity(user_id), email=f"fan{number}@example.com", **names)
            )
            ids.append(user_id)
        services.people.users.add_many(rows)
        return ids

    return fans


def published(at: dt.datetime) -> Announcement:
    return Announcement(event=VideoEvent.PUBLISHED, at=at)


def run_all(services) -> int:
    """Do what the sweeper and workers do, until nothing is left; in how many jobs."""
    jobs = 0
    while waiting := services.telling.tellings.unattended(services.people.now(), 10):
        for telling_id in waiting:
            services.telling.run(telling_id)
            jobs += 1
    return jobs


def test_who_follows_is_told_of_a_new_video_once(services, told, follow, ann, bob, join, add_video):
    cleo, video = join("cleo"), add_video(ann, title="Film")
    follow(bob, ann)
    announcement = published(services.people.now())
    for _ in range(2):
        services.telling.heard(video, announcement)
    assert services.queue.is_waiting(Job.TELL_FOLLOWERS, announcement.id_for(video.id))
    run_all(services)
    services.telling.heard(video, announcement)
    run_all(services)
    assert (told(bob), told(cleo), told(ann)) == (["new_video"], [], [])


@pytest.mark.parametrize("playable", [False, True], ids=["taken back", "growing"])
def test_a_film_that_may_yet_be_bad_is_told_of_when_it_is_known_to_be_good(
    services, told, follow, ann, bob, add_video, playable
):
    video = add_video(
        ann,
        playable=playable,
        playback_version="v0" if playable else None,
        processing_status=ProcessingStatus.PROCESSING,
    )
    follow(bob, ann)
    announcement = published(services.people.now())
    services.telling.heard(video, announcement)
    services.telling.run(announcement.id_for(video.id))
    assert told(bob) == []
    values = {"playable": True, "playback_version": "v1"}
    services.telling.videos.collection.update_one({"id": video.id}, {"$set": values})
    later = services.people.now() + telling_module.PAUSE
    replace(services.telling, now=lambda: later).run(announcement.id_for(video.id))
    assert told(bob) == ["new_video"]


def test_followers_hear_of_a_live_stream_while_it_grows(
    services, told, follow, ann, bob, add_video
):
    growing = {"playback_version": "v0", "processing_status": ProcessingStatus.PROCESSING}
    video = add_video(ann, live_status=LiveStatus.LIVE, **growing)
    follow(bob, ann)
    services.telling.heard(video, published(services.people.now()))
    run_all(services)
    assert told(bob) == ["new_video"]


def test_publishing_through_the_api_tells_followers(
    client, services, told, follow, ann, bob, add_video
):
    video = add_video(ann, visibility=Visibility.PRIVATE, published_at=None)
    follow(bob, ann)
    body = {"visibility": "public"}
    answer = client.patch(f"/api/videos/{video.id}", json=body, headers=ann.headers)
    assert answer.status_code == 200
    services.event_relay.sweep()
    run_all(services)
    assert told(bob) == ["new_video"]
    services.event_relay.sweep()
    run_all(services)
    assert told(bob) == ["new_video"]


def test_thousands_are_told_batch_by_batch_each_once_whoever_dies(
    services, follow, fans, ann, add_video, monkeypatch
):
    monkeypatch.setattr(telling_module, "BATCH", 40)
    monkeypatch.setattr(telling_module, "BATCHES_PER_JOB", 3)
    monkeypatch.setattr(telling_module, "PUSHED_AT_MOST", 40)
    people = fans(300)
    for one in people:
        follow(one, ann)
    video, announcement = add_video(ann), published(services.people.now())
    services.telling.heard(video, announcement)
    telling_id = announcement.id_for(video.id)
    # One dies after it has told, and before it has noted so.
    now = services.people.now()
    held = services.telling.tellings.claim(telling_id, "dead", now=now, until=now)
    services.telling._tell_batch(held)
    assert run_all(services) >= 3
    rows = services.notifications.notifications.collection
    found = list(rows.find({"video_id": video.id}, {"user_id": 1, "count": 1}))
    assert sorted(row["user_id"] for row in found) == sorted(people)
    assert {row["count"] for row in found} == {1}
    heard = [one for one in services.events.recent() if one.event["type"] == "notification"]
    assert len({one.channel for one in heard}) == 40


def test_another_does_not_tell_while_one_is_at_it(services, follow, ann, bob, told, add_video):
    follow(bob, ann)
    video, announcement = add_video(ann), published(services.people.now())
    services.telling.heard(video, announcement)
    now, telling_id = services.people.now(), announcement.id_for(video.id)
    until = now + dt.timedelta(seconds=60)
    services.telling.tellings.claim(telling_id, "another", now=now, until=until)
    services.telling.run(telling_id)
    assert told(bob) == []
    assert services.telling.sweep() == 0


def test_nobody_is_told_of_a_video_that_was_hidden_before_its_turn(
    services, told, follow, ann, bob, add_video
):
    follow(bob, ann)
    video = add_video(ann)
    services.telling.heard(video, published(services.people.now()))
    values = {"$set": {"visibility": Visibility.PRIVATE}}
    services.catalogue.videos.collection.update_one({"id": video.id}, values)
    run_all(services)
    assert told(bob) == []


def test_an_author_is_told_how_processing_ended_once(services, client, ann, told, add_video):
    video = add_video(ann, title="Film")
    for event in (VideoEvent.READY, VideoEvent.FAILED):
        for _ in range(2):
            services.telling.heard(video, Announcement(event=event, at=services.people.now()))
    assert sorted(told(ann)) == ["video_failed", "video_ready"]
    found = client.get("/api/notifications", headers=ann.headers).json["notifications"]
    assert {one["message"] for one in found} == {
        "“Film” is ready",
        "“Film” could not be processed",
    }


def test_failing_for_real_tells_the_author(services, told, ann, add_video, clock):
    now = services.people.now()
    video = add_video(
        ann,
        processing_status=ProcessingStatus.UPLOADED,
        playable=False,
        processing=Processing(lease_until=now),
    )
    videos = services.catalogue.videos
    videos.claim(video.id, "lease", now=now, until=now)
    videos.fail(video.id, "lease", code="not_a_video", message="This is no video.", now=now)
    clock.forward(seconds=1)
    services.event_relay.sweep()
    assert told(ann) == ["video_failed"]
