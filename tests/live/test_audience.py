"""Who watches a live stream: counted as players open it and are heard of, and told to all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from models.video import LiveStatus
from services.live.carrying import WITHDRAWN
from services.live.segments import live_key
from tests.conftest import Person
from tests.live.streams import (
    Encoder,
    carried,
    create,
    go_live,
    hold,
    interrupt,
    row,
    told,
    video_of,
)
from tests.stack import wait_for

# 000, and nothing else.
TOLD = {"type", "video_id", "status", "viewer_count"}
SECONDS = 60
FAMILIES = {
    "client": ("/stream/{}", "/stream/{}/heartbeat", "/stream/{}/stop", "streamId"),
    "mobile": ("/video/{}/stream", "/video/{}/heartbeat", "/video/{}/stop", "stream_id"),
}


@pytest.fixture(params=FAMILIES)
def family(request) -> str:
    return request.param


@pytest.fixture
def device(client) -> Callable[[Person], Person]:
    """Sign somebody in on one more device."""

    def sign_in(person: Person) -> Person:
        body = {"email": person.user.email, "password": "Passw0rd"}
        answer = client.post("/auth/login", json=body).json
        return Person(person.user, answer["token"], answer["refresh_token"])

    return sign_in


class Screen:
    """A player on somebody's device."""

    def __init__(self, client: Any, services: Any, family: str, person: Person, video_id: str):
        self.open_path, self.beat_path, self.stop_path, self.field = (
            text.format(video_id) for text in FAMILIES[family]
        )
        self.client, self.person = client, person
        token = services.catalogue.tokens.playback(person.user.id, video_of(services, video_id))
        answer = client.get(f"{self.open_path}?token={token}", headers=person.headers)
        assert answer.status_code == 200, answer.json
        self.body = {self.field: answer.json[self.field]}

    def beat(self, **more: Any) -> Any:
        body = {**self.body, **more}
        return self.client.post(self.beat_path, json=body, headers=self.person.headers)

    def stop(self, **more: Any) -> Any:
        body = {**self.body, **more}
        return self.client.post(self.stop_path, json=body, headers=self.person.headers)


@pytest.fixture
def watch(client, services) -> Callable[..., Screen]:
    def open_it(person: Person, made: dict[str, Any], family: str = "client") -> Screen:
        return Screen(client, services, family, person, made["video_id"])

    return open_it


@pytest.fixture
def live(client, services, ann) -> dict[str, Any]:
    made = create(client, ann)
    go_live(services, made)
    return made


@pytest.fixture
def count(client) -> Callable[[dict[str, Any]], int]:
    """As everybody is told."""

    def ask(made: dict[str, Any]) -> int:
        shown = client.get(f"/api/videos/{made['video_id']}/live").json
        listed = {one["video_id"]: one for one in client.get("/api/live").json["live"]}
        if shown["status"] == "live":
            assert listed[made["video_id"]]["viewer_count"] == shown["viewer_count"]
        found: int = shown["viewer_count"]
        return found

    return ask


# Counting


def test_who_opens_it_is_counted_and_who_stops_is_not(live, watch, count, bob, join, family):
    assert count(live) == 0
    screens = [watch(person, live, family) for person in (bob, join("cleo"), join("dan"))]
    assert count(live) == 3
    assert screens[0].stop().status_code < 300
    assert count(live) == 2
    # Players say so twice.
    assert screens[0].stop().status_code < 300
    assert count(live) == 2


def test_the_same_device_counts_once_and_another_of_the_same_person_again(
    live, watch, count, bob, device
):
    for family in ("client", "mobile", "client"):
        watch(bob, live, family)
    assert count(live) == 1
    watch(device(bob), live)
    assert count(live) == 2


def test_who_is_silent_is_not_there_any_more(live, watch, count, bob, join, clock, services):
    assert services.settings.stream_lease_seconds == 60
    watch(bob, live)
    clock.forward(seconds=59)
    assert count(live) == 1
    watch(join("cleo"), live)
    clock.forward(seconds=2)
    assert count(live) == 1
    clock.forward(seconds=60)
    assert count(live) == 0


def test_heartbeats_keep_somebody_counted(live, watch, count, bob, join, clock, family):
    screen = watch(bob, live, family)
    watch(join("cleo"), live, family)
    for _ in range(4):
        clock.forward(seconds=40)
        assert screen.beat().status_code == 200
    assert count(live) == 1
    clock.forward(seconds=61)
    assert count(live) == 0
    # A phone that was without a network comes back.
    assert screen.beat().status_code == 200
    assert count(live) == 1


def test_nobody_counts_with_a_stream_that_is_not_theirs(live, watch, count, bob, join):
    screen = watch(bob, live)
    other = watch(join("cleo"), live)
    other.stop()
    thief = watch(join("dan"), live)
    thief.stop()
    thief.body = screen.body
    assert thief.beat().status_code == 404
    assert thief.stop().status_code < 300
    assert count(live) == 1


def test_each_stream_has_an_audience_of_its_own(client, services, live, watch, count, bob):
    second = create(client, bob)
    go_live(services, second)
    watch(bob, live)
    assert (count(live), count(second)) == (1, 0)


def test_who_watches_a_video_that_is_not_live_is_not_counted(client, services, ann, bob, add_video):
    video = add_video(ann)
    screen = Screen(client, services, "client", bob, video.id)
    assert screen.beat().status_code == 200
    assert screen.stop().status_code < 300
    assert services.playback.audience.count(video.id) == 0


def test_who_waits_for_an_interrupted_stream_is_counted_still(live, watch, count, bob, services):
    screen = watch(bob, live)
    interrupt(services, row(services, live["video_id"]))
    assert count(live) == 1
    assert screen.beat().status_code == 200
    assert count(live) == 1


def test_nothing_of_an_audience_is_kept(live, watch, bob, clock, services, settings):
    watch(bob, live)
    redis: Any = Redis.from_url(settings.redis_url)
    (key,) = redis.keys(f"live:*{live['video_id']}*")
    assert 0 < redis.ttl(key) <= 62


# What is said


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    return Encoder(tmp_path / "encoder")


@pytest.fixture
def sent(client, services, ann, encoder) -> Iterator[dict[str, Any]]:
    """A stream that is carried, as everybody sees it."""
    made = create(client, ann)
    with carried(services, hold(services, made), encoder):
        encoder.send(3)
        wait_for(lambda: said(services, made)[-1:] == [("live", 0)], SECONDS)
        yield made


def said(services, made) -> list[tuple[str, int]]:
    """Each time what, in exactly 000's form."""
    found = told(services, made["video_id"])
    assert all(set(event) == TOLD for event in found)
    assert {event["video_id"] for event in found} <= {made["video_id"]}
    return [(event["status"], event["viewer_count"]) for event in found]


def waits_for(services, made, *expected: tuple[str, int]) -> None:
    wait_for(lambda: said(services, made) == list(expected), SECONDS)


def test_all_who_look_are_told_as_it_begins_is_watched_and_ends(
    sent, encoder, watch, bob, join, services
):
    first = watch(bob, sent)
    waits_for(services, sent, ("live", 0), ("live", 1))
    watch(join("cleo"), sent)
    waits_for(services, sent, ("live", 0), ("live", 1), ("live", 2))
    first.stop()
    waits_for(services, sent, ("live", 0), ("live", 1), ("live", 2), ("live", 1))
    encoder.end()
    wait_for(lambda: said(services, sent)[-1] == ("offline", 1), SECONDS)
    shown = video_of(services, sent["video_id"])
    assert (shown.live_status, shown.playable) == (LiveStatus.OFFLINE, True)


def test_its_end_is_told_with_nobody_watching_any_more(sent, client, ann, watch, bob, services):
    watch(bob, sent)
    waits_for(services, sent, ("live", 0), ("live", 1))
    path = f"/api/videos/{sent['video_id']}/live"
    client.post(f"{path}/end", headers=ann.headers)
    wait_for(lambda: row(services, sent["video_id"]).lease is None, SECONDS)
    services.live_endings.broadcasts.collection.update_one(
        {"video_id": sent["video_id"]}, {"$set": {"keep_replay": False}}
    )
    services.live_endings.run(sent["video_id"])
    assert said(services, sent)[-1] == ("offline", 0)
    shown = client.get(path, headers=ann.headers).json
    assert (shown["status"], shown["viewer_count"]) == ("ended", 0)


def test_the_most_who_watched_at_a_time_are_remembered(
    sent, client, watch, bob, join, clock, services
):
    for person in (bob, join("cleo"), join("dan")):
        watch(person, sent)
    wait_for(lambda: row(services, sent["video_id"]).peak_viewers == 3, SECONDS)
    clock.forward(seconds=61)
    wait_for(lambda: said(services, sent)[-1] == ("live", 0), SECONDS)
    shown = client.get(f"/api/videos/{sent['video_id']}/live").json
    assert (shown["viewer_count"], shown["peak_viewer_count"]) == (0, 3)


def test_before_there_is_enough_to_show_nothing_is_said(client, services, ann, encoder):
    made = create(client, ann)
    with carried(services, hold(services, made), encoder):
        encoder.send(2)
        key = f"{live_key(made['video_id'])}/001-000001-1000000.m4s"
        wait_for(lambda: services.storage.size(key), SECONDS)
    assert said(services, made) == []
    shown = video_of(services, made["video_id"])
    assert (shown.live_status, shown.playable) == (LiveStatus.WAITING, False)


def test_redis_away_ends_no_stream_and_nobody_is_counted(live, services, monkeypatch):
    """A viewer's first and last word may be lost; watching goes on."""
    audience = services.playback.audience
    away = Redis(port=1, socket_connect_timeout=1)
    monkeypatch.setattr(audience.viewers, "_redis", away)
    video = video_of(services, live["video_id"])
    audience.saw(video, "somebody")
    audience.left(video, "somebody")
    assert audience.count(video.id) == 0


# Who may not go on


def test_a_deleted_video_is_sent_no_longer(sent, client, ann, services):
    client.delete(f"/api/videos/{sent['video_id']}", headers=ann.headers)
    wait_for(lambda: row(services, sent["video_id"]).lease is None, SECONDS)
    ended = row(services, sent["video_id"])
    assert (ended.status, ended.end_reason) == (LiveStatus.ENDED, "deleted")


def test_who_is_deactivated_is_sent_no_longer(sent, client, ann, join, services):
    services.accounts.users.set_active(ann.user.id, services.broadcasts.now(), is_active=False)
    wait_for(lambda: row(services, sent["video_id"]).lease is None, SECONDS)
    ended = row(services, sent["video_id"])
    assert (ended.status, ended.end_reason, ended.open) == (LiveStatus.ENDED, WITHDRAWN, False)


def test_a_deleted_account_leaves_no_media_of_a_stream_under_way(client, ann, services, encoder):
    made = create(client, ann)
    folder = f"{live_key(made['video_id'])}/"
    with carried(services, hold(services, made), encoder):
        encoder.send(3)
        wait_for(lambda: said(services, made), SECONDS)
        # It is stored when all else is gone; whoever carries it takes it away.
        encoder.rest = 2
        answer = client.delete("/api/users/me", json={"password": "Passw0rd"}, headers=ann.headers)
        assert answer.status_code == 200
        services.deletion.run(ann.user.id)
        wait_for(lambda: not encoder.is_there, SECONDS)
    assert list(services.storage.entries(folder)) == []
    assert services.broadcasts.broadcasts.of(made["video_id"]) is None
