"""Notifications: who is told of what, once, grouped as they want it, and read when they say so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from models.blocks import Block
from models.documents import identity
from models.notifications import NotificationKind
from models.video import Video, Visibility
from services.container import new_id
from services.policies import Actor
from services.social.notifications import Target, comment_target, video_target
from services.social.sentences import sentence
from tests.conftest import Person
from tests.wire import NOBODY, failed, fields_of, moment

PLATFORM, CLIENT = "/api/notifications", "/users/me/notifications"
LIKE, COMMENT = NotificationKind.LIKE, NotificationKind.COMMENT


@pytest.fixture
def tell(services) -> Callable:
    return services.notifications.notify


@pytest.fixture
def told(client) -> Callable:
    def told(person: Person, query: str = "") -> dict[str, Any]:
        answer = client.get(f"{PLATFORM}{query}", headers=person.headers)
        assert answer.status_code == 200, answer.json
        return answer.json

    return told


@pytest.fixture
def heard(services) -> Callable:
    """What was published to WebSockets, read from the stream that they read."""

    def heard() -> list[tuple[str, dict[str, Any]]]:
        recent = services.events.recent()
        return [(one.channel, one.event) for one in recent if one.event["type"] == "notification"]

    return heard


@pytest.fixture
def kept(services) -> Callable:
    """How many events each of somebody's notifications tells of, the latest first."""

    def kept(person: Person) -> list[int]:
        found = services.notifications.list(Actor(id=person.user.id), limit=50)
        return [one.notification.count for one in found.items]

    return kept


@pytest.fixture
def choose(services) -> Callable:
    """Set some of somebody's settings, by dotted path."""

    def choose(person: Person, **values: object) -> None:
        users = services.people.users.collection
        users.update_one({"id": person.user.id}, {"$set": values})

    return choose


def test_one_is_told_in_both_families(client, services, tell, ann, bob, add_video):
    video = add_video(ann, title="Film")
    tell(ann.user.id, LIKE, bob.user.id, video_target(video.id))
    platform = client.get(PLATFORM, headers=ann.headers).json
    (one,) = platform["notifications"]
    assert (one["kind"], one["message"], one["count"]) == ("like", "bob liked “Film”", 1)
    assert (one["target_type"], one["target_id"]) == ("video", video.id)
    assert one["video"]["title"] == "Film"
    assert [actor["id"] for actor in one["actors"]] == [bob.user.id]
    moment(one["updated_at"])
    assert (platform["unread_count"], platform["pagination"]["total_items"]) == (1, 1)
    camel = client.get(CLIENT, headers=ann.headers).json
    assert camel["notifications"][0]["message"] == one["message"]
    assert (camel["unreadCount"], camel["hasMore"]) == (1, False)
    assert client.get(PLATFORM, headers=bob.headers).json["notifications"] == []


def test_likes_of_one_thing_within_a_day_are_one_notification(
    tell, told, kept, ann, join, add_video, clock
):
    video, other = add_video(ann, title="Film"), add_video(ann)
    people = [join(f"fan{number}") for number in range(4)]
    for person in people:
        tell(ann.user.id, LIKE, person.user.id, video_target(video.id))
    tell(ann.user.id, LIKE, people[0].user.id, video_target(other.id))
    found = told(ann)["notifications"]
    assert [one["count"] for one in found] == [1, 4]
    assert found[1]["message"] == "fan3 and 3 others liked “Film”"
    assert len(found[1]["actors"]) == 3
    clock.forward(hours=24)
    tell(ann.user.id, LIKE, people[0].user.id, video_target(video.id))
    assert kept(ann) == [1, 1, 4]


def test_telling_of_the_same_event_again_changes_nothing(
    services, tell, kept, ann, bob, add_video, clock
):
    about, at = video_target(add_video(ann).id), clock()
    for _ in range(3):
        tell(ann.user.id, LIKE, bob.user.id, about, at=at)
    for event in ("c1", "c2", "c1", "c2"):
        tell(ann.user.id, COMMENT, bob.user.id, about, event_id=event, at=at)
    services.notifications.read(Actor(id=ann.user.id), [], None)
    clock.forward(days=3)
    tell(ann.user.id, COMMENT, bob.user.id, about, event_id="c2", at=at)
    assert sorted(kept(ann)) == [1, 2]
    assert services.notifications.unread(Actor(id=ann.user.id)) == 0


def test_what_comes_later_makes_it_unread_again_and_puts_it_on_top(
    services, tell, told, ann, bob, add_video, clock
):
    video, other, actor = add_video(ann), add_video(ann), Actor(id=ann.user.id)
    tell(ann.user.id, LIKE, bob.user.id, video_target(video.id))
    clock.forward(seconds=1)
    tell(ann.user.id, LIKE, bob.user.id, video_target(other.id))
    services.notifications.read(actor, [], None)
    clock.forward(seconds=1)
    tell(ann.user.id, LIKE, NOBODY, video_target(video.id))
    found = told(ann)
    assert [one["target_id"] for one in found["notifications"]] == [video.id, other.id]
    assert [one["read"] for one in found["notifications"]] == [False, True]
    assert found["unread_count"] == 1


def test_a_hundred_at_once_are_counted_once_each(services, tell, told, ann, add_video):
    about = video_target(add_video(ann).id)
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda n: tell(ann.user.id, COMMENT, NOBODY, about, event_id=str(n % 50)),
                range(100),
            )
        )
    assert [one["count"] for one in told(ann)["notifications"]] == [50]


def test_nobody_is_told_of_themselves_or_of_whom_they_blocked(
    services, tell, told, ann, bob, add_video
):
    about = video_target(add_video(ann).id)
    tell(ann.user.id, LIKE, ann.user.id, about)
    services.notifications.blocks.add(
        Block(
            **identity(new_id()),
            user_id=ann.user.id,
            blocked_id=bob.user.id,
            created_at=services.people.now(),
        )
    )
    tell(ann.user.id, LIKE, bob.user.id, about)
    tell(NOBODY, LIKE, bob.user.id, about)
    assert told(ann)["notifications"] == []


WANTED = {
    "settings.notifications.comments": {"comment", "reply"},
    "settings.notifications.followers": {"follower"},
    "preferences.notifications": {"comment", "reply", "follower", "like", "new_video"},
}


@pytest.mark.parametrize("setting", WANTED)
def test_settings_decide_what_one_is_told(services, tell, told, ann, bob, choose, setting):
    choose(ann, **{setting: False})
    for kind in NotificationKind:
        tell(ann.user.id, kind, bob.user.id, Target(type="user", id=bob.user.id))
    every = {kind.value for kind in NotificationKind}
    assert {one["kind"] for one in told(ann)["notifications"]} == every - WANTED[setting]


def test_who_wants_no_push_is_told_without_a_word_on_the_websocket(
    tell, told, heard, ann, bob, choose, add_video
):
    about = video_target(add_video(ann, title="Film").id)
    tell(ann.user.id, LIKE, bob.user.id, about)
    ((channel, event),) = heard()
    assert channel == f"user:{ann.user.id}"
    assert event["notification"]["message"] == "bob liked “Film”"
    choose(ann, **{"settings.notifications.push": False})
    tell(ann.user.id, COMMENT, bob.user.id, about, event_id="1")
    assert len(heard()) == 1
    assert len(told(ann)["notifications"]) == 2


def test_reading_some_all_before_and_all(client, tell, told, ann, bob, clock, add_video):
    videos = [add_video(ann) for _ in range(4)]
    for video in videos:
        tell(ann.user.id, LIKE, bob.user.id, video_target(video.id))
        clock.forward(seconds=1)
    fourth, third, _second, first = told(ann)["notifications"]

    def read(**body: object) -> int:
        answer = client.post(f"{PLATFORM}/read", json=body, headers=ann.headers)
        assert answer.status_code == 200, answer.json
        assert answer.json["unread_count"] == told(ann)["unread_count"]
        return answer.json["unread_count"]

    assert read(ids=[fourth["id"], NOBODY, "nonsense"]) == 3
    assert read(ids=[fourth["id"]]) == 3
    assert told(ann, "?unread=true")["notifications"][0]["id"] == third["id"]
    assert read(before=first["updated_at"]) == 2
    assert read() == 0
    answer = client.post(
        f"{CLIENT}/read", json={"ids": ["x"], "before": "2026-01-01T00:00:00Z"}, headers=ann.headers
    )
    assert "before" in fields_of(failed(answer, 400, "VALIDATION_ERROR"))


@pytest.mark.parametrize("base", [PLATFORM, CLIENT])
def test_only_ones_own_are_read_and_removed(client, tell, told, ann, bob, add_video, base):
    tell(ann.user.id, LIKE, bob.user.id, video_target(add_video(ann).id))
    (one,) = told(ann)["notifications"]
    client.post(f"{base}/read", json={"ids": [one["id"]]}, headers=bob.headers)
    client.post(f"{base}/read", json={}, headers=bob.headers)
    failed(client.delete(f"{base}/{one['id']}", headers=bob.headers), 404, "NOT_FOUND")
    client.delete(base, headers=bob.headers)
    assert told(ann)["unread_count"] == 1
    assert client.delete(f"{base}/{one['id']}", headers=ann.headers).status_code == 200
    failed(client.delete(f"{base}/{one['id']}", headers=ann.headers), 404, "NOT_FOUND")
    tell(ann.user.id, LIKE, bob.user.id, video_target(add_video(ann).id))
    assert client.delete(base, headers=ann.headers).status_code == 200
    assert told(ann)["notifications"] == []


def test_pages_go_on_where_they_ended_while_others_come_in(
    client, tell, told, ann, bob, add_video, clock
):
    def event() -> str:
        clock.forward(seconds=1)
        video: Video = add_video(ann)
        tell(ann.user.id, LIKE, bob.user.id, video_target(video.id))
        return video.id

    made = [event() for _ in range(5)]
    first = told(ann, "?limit=2")
    event()
    second = told(ann, f"?limit=9&cursor={first['pagination']['next_cursor']}")
    shown = [one["target_id"] for one in first["notifications"] + second["notifications"]]
    assert shown == made[::-1]
    assert told(ann, "?limit=2&page=3")["pagination"]["total_items"] == 6
    camel = client.get(f"{CLIENT}?limit=4", headers=ann.headers).json
    rest = client.get(f"{CLIENT}?cursor={camel['nextCursor']}", headers=ann.headers).json
    assert (len(rest["notifications"]), rest["hasMore"]) == (2, False)
    failed(client.get(f"{PLATFORM}?page=9999", headers=ann.headers), 400, "VALIDATION_ERROR")


def test_what_is_hidden_by_now_is_not_named(services, tell, told, ann, bob, add_video):
    video = add_video(bob, title="Secret")
    tell(ann.user.id, NotificationKind.NEW_VIDEO, bob.user.id, video_target(video.id))
    values = {"$set": {"visibility": Visibility.PRIVATE}}
    services.catalogue.videos.collection.update_one({"id": video.id}, values)
    (one,) = told(ann)["notifications"]
    assert (one["message"], one["video"]) == ("bob published a video", None)


def test_who_is_deleted_is_forgotten_as_told_and_as_telling(
    services, tell, told, ann, bob, join, add_video
):
    about = video_target(add_video(ann, title="Film").id)
    cleo = join("cleo")
    for person in (cleo, bob):
        tell(ann.user.id, LIKE, person.user.id, about)
    tell(bob.user.id, LIKE, ann.user.id, Target(type="user", id="x"))
    for forget in services.deletion.forgetting:
        forget(bob.user.id)
    assert told(bob)["notifications"] == []
    (one,) = told(ann)["notifications"]
    assert one["message"] == "cleo and one other liked “Film”"
    rows = services.notifications.notifications.every_one_of(ann.user.id)
    assert bob.user.id not in str(list(rows))


def test_a_video_that_is_gone_takes_its_notifications_along(services, tell, told, ann, bob):
    tell(ann.user.id, LIKE, bob.user.id, video_target("v1"))
    tell(ann.user.id, LIKE, bob.user.id, comment_target("c1", "v1"))
    for forget in services.removal.forgetting:
        forget("v1")
    assert told(ann)["notifications"] == []


@pytest.mark.parametrize(
    ("names", "count", "said"),
    [
        ([], 1, "Somebody liked “Film”"),
        ([], 12, "12 people liked “Film”"),
        (["Ann"], 1, "Ann liked “Film”"),
        (["Ann"], 2, "Ann and one other liked “Film”"),
        (["Ann", "Bob"], 2, "Ann and Bob liked “Film”"),
        (["Ann", "Bob"], 12, "Ann and 11 others liked “Film”"),
    ],
)
def test_how_many_did_it_is_said_in_words(names, count, said):
    assert sentence(LIKE, names, count, "Film") == said


def test_what_is_not_named_begins_with_a_capital_too():
    assert sentence(NotificationKind.VIDEO_READY, [], 1, "") == "Your video is ready"
    said = sentence(LIKE, ["Ann"], 1, "Film", comment=True)
    assert said == "Ann liked your comment"
    assert sentence(COMMENT, ["Ann", "Bob"], 7, "Film") == "Ann and others commented on “Film”"


def test_likes_follows_and_comments_tell_whom_they_concern(
    client, told, heard, ann, bob, add_video
):
    video = add_video(ann, title="Film")
    for _ in range(2):
        for action in ("like", "remove", "like"):
            path = f"/api/videos/{video.id}/like"
            client.post(path, json={"action": action}, headers=bob.headers)
        client.post(f"/api/users/{ann.user.id}/follow", headers=bob.headers)
        client.delete(f"/api/users/{ann.user.id}/follow", headers=bob.headers)
    path = f"/api/videos/{video.id}/comments"
    written = client.post(path, json={"content": "Good"}, headers=bob.headers).json
    comment_id = written.get("comment", written)["id"]
    path = f"/api/comments/{comment_id}/like"
    client.post(path, json={"action": "like"}, headers=ann.headers)
    assert {(one["kind"], one["message"], one["count"]) for one in told(ann)["notifications"]} == {
        ("like", "bob liked “Film”", 1),
        ("follower", "bob followed you", 1),
        ("comment", "bob commented on “Film”", 1),
    }
    assert [one["message"] for one in told(bob)["notifications"]] == ["ann liked your comment"]
    assert len(heard()) == 4
