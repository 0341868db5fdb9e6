"""Reactions: one for each person and target, in every family, and counters that equal the rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from models import database
from models.blocks import Block
from models.documents import identity
from models.reactions import Choice, Kind
from models.video import Visibility
from services import container
from services.container import new_id
from services.policies import Actor
from tests.wire import NOBODY, failed, fields_of

ACTIONS = ("like", "dislike", "remove")


@pytest.fixture
def react(client):
    def react(person, video, action):
        answer = client.post(
            f"/api/videos/{video.id}/like", json={"action": action}, headers=person.headers
        )
        assert answer.status_code == 200, answer.json
        return answer.json

    return react


@pytest.fixture
def heard(services, settings, clock):
    """What subscribers of a video have been told."""

    def heard(video):
        told = services.events.recent()
        return [one.event for one in told if one.channel == f"video:{video.id}"]

    return heard


def kept(services, video):
    found = services.catalogue.videos.get(video.id)
    return found.like_count, found.dislike_count


def totals(services, person):
    user = services.people.users.get(person.user.id)
    return user.total_likes_received, user.total_dislikes_received


def rows(services):
    return services.reactions.reactions.collection.count_documents({})


def actor(person):
    return Actor(id=person.user.id, session_id="s")


# Reacting


def test_each_action_answers_as_000_says(react, ann, bob, add_video, services):
    video = add_video(ann)
    steps = [
        ("like", "liked", 1, 0), ("like", "liked", 1, 0), ("dislike", "disliked", 0, 1),
        ("remove", "none", 0, 0), ("remove", "none", 0, 0), ("dislike", "disliked", 0, 1),
        ("like", "liked", 1, 0),
    ]  # fmt: skip
    for action, said, likes, dislikes in steps:
        assert react(bob, video, action) == {
            "success": True,
            "user_action": said,
            "like_count": likes,
            "dislike_count": dislikes,
        }
        assert kept(services, video) == (likes, dislikes) == totals(services, ann)
        assert rows(services) == (0 if said == "none" else 1)


def test_the_client_family_says_the_same_in_its_words(client, ann, bob, add_video, services):
    video = add_video(ann)
    steps = [
        ("POST", "like", (1, 0)), ("POST", "like", (1, 0)), ("POST", "dislike", (0, 1)),
        ("DELETE", "like", (0, 0)), ("POST", "like", (1, 0)), ("DELETE", "dislike", (0, 0)),
    ]  # fmt: skip
    for method, word, expected in steps:
        answer = client.open(f"/videos/{video.oid}/{word}", method=method, headers=bob.headers)
        assert (answer.status_code, answer.json) == (200, {"success": True})
        assert kept(services, video) == expected


def test_the_counters_are_shown_in_every_family(client, react, ann, bob, add_video):
    video = add_video(ann)
    react(bob, video, "like")
    react(ann, video, "dislike")
    shown = client.get(f"/api/videos/{video.id}").json
    assert (shown["like_count"], shown["dislike_count"]) == (1, 1)
    shown = client.get(f"/videos/{video.id}").json
    assert (shown["likes"], shown["dislikes"], shown["stats"]["likes"]) == (1, 1, 1)
    assert client.get(f"/users/{ann.user.id}").json["totalLikes"] == 1
    me = client.get("/api/auth/me", headers=ann.headers).json
    assert me["profile"]["total_likes_received"] == 1


def test_a_video_says_what_the_caller_thinks_of_it(client, react, ann, bob, add_video):
    video = add_video(ann)
    for action, said in (("like", "liked"), ("dislike", "disliked"), ("remove", "none")):
        react(bob, video, action)
        seen = client.get(f"/api/videos/{video.id}", headers=bob.headers).json
        assert seen["user_action"] == said
        expected = {"liked": said == "liked", "disliked": said == "disliked"}
        assert seen["user_interaction"] == expected
        seen = client.get(f"/videos/{video.id}", headers=bob.headers).json
        assert seen["userAction"] == said
        assert client.get(f"/api/videos/{video.id}", headers=ann.headers).json["user_action"] == (
            "none"
        )
    seen = client.get(f"/api/videos/{video.id}").json
    assert (seen["user_action"], seen["user_interaction"]) == (None, None)


@pytest.mark.parametrize("body", [{}, {"action": "love"}, {"action": None}, {"action": ["like"]}])
def test_an_unknown_action_is_refused(client, ann, add_video, services, body):
    answer = client.post(f"/api/videos/{add_video(ann).id}/like", json=body, headers=ann.headers)
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"action"}
    assert rows(services) == 0


def test_only_who_may_see_a_video_reacts_to_it(client, ann, bob, add_video, services):
    private = add_video(ann, visibility=Visibility.PRIVATE)
    unlisted = add_video(ann, visibility=Visibility.UNLISTED)
    for video_id, status in ((private.id, 404), (NOBODY, 404), ("x", 404), (unlisted.id, 200)):
        for path, body in ((f"/api/videos/{video_id}/like", {"action": "like"}),
                           (f"/videos/{video_id}/like", None),
                           (f"/videos/{video_id}/dislike", None)):  # fmt: skip
            assert client.post(path, json=body, headers=bob.headers).status_code == status
            failed(client.post(path, json=body), 401, "UNAUTHORIZED")
    assert rows(services) == 1


def test_who_is_blocked_cannot_react_but_can_take_back(
    client, react, ann, bob, add_video, services
):
    video = add_video(ann)
    react(bob, video, "like")
    pair = {"user_id": ann.user.id, "blocked_id": bob.user.id}
    now = services.reactions.now()
    services.reactions.blocks.add(Block(**identity(new_id()), **pair, created_at=now))
    path = f"/api/videos/{video.id}/like"
    failed(client.post(path, json={"action": "like"}, headers=bob.headers), 403, "FORBIDDEN")
    assert react(bob, video, "remove")["like_count"] == 0


def test_who_watches_is_told(react, ann, bob, add_video, heard):
    video = add_video(ann)
    react(bob, video, "like")
    react(bob, video, "like")
    assert heard(video) == [
        {"type": "video_update", "video_id": video.id, "data": {"like_count": 1}}
    ]


def test_a_hundred_reactions_a_minute_are_enough(settings, clock, join, add_video, ann):
    from app import create_app  # noqa: PLC0415 - beside its only use

    strict = create_app(container.build(replace(settings, rate_limit_reactions="3/minute")))
    video, phone = add_video(ann), strict.test_client()
    asked = (
        (f"/videos/{video.id}/like", None),
        (f"/videos/{video.id}/dislike", None),
        (f"/api/videos/{video.id}/like", {"action": "like"}),
    )
    statuses = [
        phone.post(path, json=body, headers=ann.headers).status_code
        for _ in range(3)
        for path, body in asked
    ]
    assert statuses.count(429) >= 3
    assert settings.rate_limit_reactions == "100/minute"


# What one likes


def test_one_sees_what_one_likes_the_latest_first(client, react, ann, bob, add_video, clock):
    videos = [add_video(ann) for _ in range(3)]
    for video in videos:
        react(bob, video, "like")
        clock.forward(seconds=1)
    react(bob, videos[0], "dislike")
    path = f"/users/{bob.user.id}/liked"
    first = client.get(f"{path}?limit=1", headers=bob.headers)
    rest = client.get(f"{path}?cursor={first.headers['X-Next-Cursor']}", headers=bob.headers)
    assert [one["id"] for one in first.json + rest.json] == [videos[2].id, videos[1].id]
    assert "X-Next-Cursor" not in rest.headers


def test_what_is_hidden_by_now_is_left_out_of_it(client, react, ann, bob, add_video, services):
    videos = [add_video(ann) for _ in range(3)]
    for video in videos:
        react(bob, video, "like")
    client.delete(f"/api/videos/{videos[0].id}", headers=ann.headers)
    hidden = {"visibility": "private"}
    client.patch(f"/api/videos/{videos[1].id}", json=hidden, headers=ann.headers)
    shown = client.get(f"/users/{bob.user.id}/liked", headers=bob.headers).json
    assert [one["id"] for one in shown] == [videos[2].id]


def test_what_somebody_likes_is_nobody_elses(client, ann, bob):
    path = f"/users/{bob.user.id}/liked"
    failed(client.get(path, headers=ann.headers), 403, "FORBIDDEN")
    failed(client.get(path), 401, "UNAUTHORIZED")
    failed(client.get(f"/users/{NOBODY}/liked", headers=ann.headers), 404, "NOT_FOUND")


# Counters


def test_the_counters_are_right_whoever_changes_their_mind_at_once(ann, join, add_video, services):
    video, people = add_video(ann), [join() for _ in range(8)]

    def waver(person):
        for action in ("like", "dislike", "none", "like", "none", "dislike", "like"):
            services.reactions.react(actor(person), Kind.VIDEO, video.id, action)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(waver, people * 2))
    assert kept(services, video) == (8, 0) == totals(services, ann)
    assert rows(services) == 8


def test_what_was_cut_short_is_counted_by_the_scheduler(ann, bob, add_video, services):
    video, service = add_video(ann), services.reactions
    target = service.targets[Kind.VIDEO].find(actor(bob), video.id)
    service.reactions.react(service._row(actor(bob), Kind.VIDEO, target, Choice.LIKE))
    assert kept(services, video) == (0, 0)
    assert service.fold() == 1
    assert kept(services, video) == (1, 0) == totals(services, ann)
    assert service.fold() == 0


def test_who_is_deleted_likes_nothing_any_more(client, react, ann, bob, add_video, services):
    video, theirs = add_video(ann), add_video(bob)
    for person in (ann, bob):
        react(person, video, "like")
        react(person, theirs, "dislike")
    body = {"password": "Passw0rd"}
    assert client.delete("/api/users/me", json=body, headers=bob.headers).status_code == 200
    services.deletion.run(bob.user.id)
    services.reactions.fold()
    assert kept(services, video) == (1, 0) == totals(services, ann)
    assert rows(services) == 1
    assert bob.user.id not in str(list(services.reactions.reactions.collection.find()))


def test_reactions_go_with_their_video_and_out_of_the_totals(
    client, react, ann, bob, add_video, services
):
    video, other = add_video(ann), add_video(ann)
    react(bob, video, "like")
    react(bob, other, "like")
    client.delete(f"/api/videos/{video.id}", headers=ann.headers)
    assert totals(services, ann) == (2, 0)
    client.delete(f"/api/videos/{video.id}?permanent=true", headers=ann.headers)
    services.removal.purge(video.id)
    services.reactions.fold()
    assert (totals(services, ann), rows(services)) == ((1, 0), 1)


def test_reactions_go_with_the_videos_of_who_is_deleted(
    client, react, ann, bob, add_video, services
):
    video = add_video(ann)
    react(bob, video, "like")
    body = {"password": "Passw0rd"}
    assert client.delete("/api/users/me", json=body, headers=ann.headers).status_code == 200
    services.deletion.run(ann.user.id)
    services.reactions.fold()
    assert rows(services) == 0
    assert client.get(f"/users/{bob.user.id}/liked", headers=bob.headers).json == []


def test_a_counter_that_is_held_by_who_was_killed_holds_up_nobody(
    react, ann, bob, add_video, services, monkeypatch
):
    """MongoDB goes on with a transaction of a dead process until its time is over."""
    monkeypatch.setattr(database, "SOON_SECONDS", 0.3)
    video = add_video(ann)
    client = services.catalogue.videos.collection.database.client
    with client.start_session() as dead, dead.start_transaction():
        where = {"id": video.id}
        change = {"$inc": {"view_count": 1}}
        services.catalogue.videos.collection.update_one(where, change, session=dead)
        assert react(bob, video, "like")["like_count"] == 1
        assert react(ann, video, "dislike")["dislike_count"] == 1
        assert kept(services, video) == (0, 0)
        dead.abort_transaction()
    assert services.reactions.fold() == 1
    assert kept(services, video) == (1, 1)
