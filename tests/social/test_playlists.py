"""Playlists and watch later: whose they are, what order they keep, and what others see of them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from models import ranks
from models.notifications import NotificationKind
from models.video import Visibility
from services.policies import Actor
from services.social import playlist_contents, playlists
from tests.conftest import Person
from tests.wire import NOBODY, failed, fields_of

PLATFORM, CLIENT = "/api/playlists", "/playlists"


@pytest.fixture
def make(client) -> Callable:
    def make(person: Person, **body: Any) -> str:
        answer = client.post(PLATFORM, json={"title": "Mine", **body}, headers=person.headers)
        assert answer.status_code == 201, answer.json
        return answer.json["id"]

    return make


@pytest.fixture
def put(client) -> Callable:
    """Add a video to a list; answers what the API says."""

    def put(person: Person, playlist: str, video_id: str, **body: Any) -> Any:
        path = f"{PLATFORM}/{playlist}/items"
        return client.post(path, json={"video_id": video_id, **body}, headers=person.headers)

    return put


@pytest.fixture
def order(client) -> Callable:
    """What is in a list, as video ids in their order, page by page."""

    def order(person: Person | None, playlist: str, limit: int = 3) -> list[str]:
        found, cursor = [], ""
        headers = person.headers if person else {}
        while True:
            path = f"{PLATFORM}/{playlist}/items?limit={limit}&cursor={cursor}"
            body = client.get(path, headers=headers).json
            found += [item["video_id"] for item in body["items"]]
            cursor = body["pagination"]["next_cursor"]
            if not cursor:
                return found

    return order


# Lists


@pytest.mark.parametrize("base", [PLATFORM, CLIENT])
def test_a_playlist_is_made_shown_changed_and_removed_in_both_families(client, ann, base):
    made = client.post(base, json={"title": "  Road  "}, headers=ann.headers)
    assert made.status_code == 201
    body = made.json
    assert (body["title"], body["visibility"], body["kind"]) == ("Road", "private", "custom")
    assert body["owner"]["username"] == "ann"
    path = f"{base}/{body['id']}"
    change = {"description": "All of it", "visibility": "public"}
    changed = client.patch(path, json=change, headers=ann.headers)
    assert changed.json["description"] == "All of it"
    assert client.get(path).json["title"] == "Road"
    assert client.delete(path, headers=ann.headers).status_code == 200
    failed(client.get(path, headers=ann.headers), 404, "NOT_FOUND")


@pytest.mark.parametrize("base", [PLATFORM, CLIENT])
@pytest.mark.parametrize("title", ["", "   ", "x" * 151])
def test_a_playlist_needs_a_title_of_some_length(client, ann, base, title):
    answer = client.post(base, json={"title": title}, headers=ann.headers)
    assert "title" in fields_of(failed(answer, 400, "VALIDATION_ERROR"))


@pytest.mark.parametrize(
    ("visibility", "shown", "listed"),
    [("public", 200, True), ("unlisted", 200, False), ("private", 404, False)],
)
def test_visibility_decides_who_sees_a_list_and_who_finds_it(
    client, ann, bob, make, visibility, shown, listed
):
    playlist = make(ann, visibility=visibility)
    for headers in (bob.headers, {}):
        for base in (PLATFORM, CLIENT):
            assert client.get(f"{base}/{playlist}", headers=headers).status_code == shown
            assert client.get(f"{base}/{playlist}/items", headers=headers).status_code == shown
        for family in ("/api/users", "/users"):
            found = client.get(f"{family}/{ann.user.id}/playlists", headers=headers).json
            assert [one["id"] for one in found["playlists"]] == [playlist] * listed


def test_nobody_changes_anothers_list(client, ann, bob, make, put, add_video):
    playlist, video = make(ann, visibility="public"), add_video(ann)
    item = put(ann, playlist, video.id).json["id"]
    path = f"{PLATFORM}/{playlist}"
    for answer in (
        client.patch(path, json={"title": "x"}, headers=bob.headers),
        client.delete(path, headers=bob.headers),
        put(bob, playlist, video.id),
        client.post(f"{path}/items/{item}/move", json={"at": "first"}, headers=bob.headers),
        client.delete(f"{path}/items/{item}", headers=bob.headers),
    ):
        failed(answer, 403, "FORBIDDEN")
    hidden = make(ann)
    failed(put(bob, hidden, video.id), 404, "NOT_FOUND")


def test_lists_are_paged_without_skipping_while_others_come_in(client, ann, make):
    made = [make(ann, title=f"{number}", visibility="public") for number in range(5)]
    first = client.get(f"/api/users/{ann.user.id}/playlists?limit=2").json
    assert first["pagination"]["total_items"] == 5
    make(ann, visibility="public")
    cursor = first["pagination"]["next_cursor"]
    second = client.get(f"/api/users/{ann.user.id}/playlists?limit=9&cursor={cursor}").json
    ids = [one["id"] for one in first["playlists"] + second["playlists"]]
    assert ids == made[::-1]
    numbered = client.get(f"/api/users/{ann.user.id}/playlists?limit=2&page=3").json
    assert [one["id"] for one in numbered["playlists"]] == [made[1], made[0]]


def test_a_person_has_so_many_lists_and_no_more(services, ann, monkeypatch, client, make):
    monkeypatch.setattr(playlists, "MOST", 2)
    make(ann)
    make(ann)
    failed(client.post(PLATFORM, json={"title": "x"}, headers=ann.headers), 409, "CONFLICT")


# Watch later


def test_watch_later_is_there_for_everybody_and_stays(client, ann, bob, put, order, add_video):
    video = add_video(bob)
    path = f"{PLATFORM}/watch-later"
    assert put(ann, "watch-later", video.id).json["is_new"] is True
    assert put(ann, "watch-later", video.id).json["is_new"] is False
    assert order(ann, "watch-later") == [video.id]
    assert order(bob, "watch-later") == []
    own = client.get(PLATFORM, headers=ann.headers).json["playlists"]
    assert [(one["kind"], one["item_count"]) for one in own] == [("watch_later", 1)]
    for answer in (
        client.delete(path, headers=ann.headers),
        client.patch(path, json={"title": "x"}, headers=ann.headers),
    ):
        failed(answer, 403, "FORBIDDEN")
    failed(client.get(path), 404, "NOT_FOUND")
    assert client.delete(f"{path}/items/{video.id}", headers=ann.headers).status_code == 200
    assert order(ann, "watch-later") == []


def test_watch_later_is_made_once_however_many_ask_for_it(services, ann):
    actor = Actor(id=ann.user.id)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: services.playlists.watch_later(actor).id, range(16)))
    assert len(set(found)) == 1


# Order


def test_what_is_added_goes_where_it_is_asked_to(ann, make, put, order, add_video):
    playlist, videos = make(ann), [add_video(ann).id for _ in range(4)]
    one, two, three, four = videos
    first = put(ann, playlist, one).json["id"]
    put(ann, playlist, two)
    put(ann, playlist, three, at="first")
    put(ann, playlist, four, after=first)
    assert order(ann, playlist) == [three, one, four, two]
    answer = put(ann, playlist, add_video(ann).id, after=NOBODY)
    assert "after" in fields_of(failed(answer, 400, "VALIDATION_ERROR"))
    both = put(ann, playlist, add_video(ann).id, after=first, at="last")
    failed(both, 400, "VALIDATION_ERROR")
    assert len(order(ann, playlist)) == 4


def test_moving_changes_one_row_and_keeps_every_other_order(
    services, client, ann, make, put, order, add_video
):
    playlist, draw = make(ann), random.Random(7)  # noqa: S311 - no secret
    expected = [add_video(ann).id for _ in range(6)]
    items = {video: put(ann, playlist, video).json["id"] for video in expected}
    collection = services.playlist_contents.items.collection
    for _ in range(40):
        video, target = draw.choice(expected), draw.choice([None, "first", "last", *expected])
        before = {doc["id"]: doc["rank"] for doc in collection.find({"playlist_id": playlist})}
        body = {"at": target} if target in {"first", "last"} else {}
        body |= {"after": items[target]} if target in items else {}
        path = f"{PLATFORM}/{playlist}/items/{items[video]}/move"
        assert client.post(path, json=body, headers=ann.headers).status_code == 200
        if target != video:
            expected.remove(video)
            at = {"first": 0, "last": len(expected), None: len(expected)}
            where = at[target] if target in at else expected.index(target) + 1
            expected.insert(where, video)
        after = {doc["id"]: doc["rank"] for doc in collection.find({"playlist_id": playlist})}
        assert {k for k in after if after[k] != before[k]} <= {items[video]}
        assert order(ann, playlist, limit=4) == expected


def test_ranks_stay_short_and_apart_wherever_things_go():
    draw, order = random.Random(1), []  # noqa: S311 - no secret
    for _ in range(2000):
        at = draw.randrange(len(order) + 1)
        before = order[at - 1] if at else None
        order.insert(at, ranks.between(before, order[at] if at < len(order) else None))
    assert order == sorted(order)
    assert len(set(order)) == 2000
    assert max(map(len, order)) < 40
    low, high = ranks.between(None, None), None
    for _ in range(300):
        high = ranks.between(low, high)
        assert low < high
    with pytest.raises(ValueError, match="does not come before"):
        ranks.between(high, low)


def test_many_at_once_leave_every_rank_apart_and_the_count_right(services, ann, make, add_video):
    playlist, actor = make(ann), Actor(id=ann.user.id)
    videos = [add_video(ann).id for _ in range(12)]
    add = services.playlist_contents.add

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda video: add(actor, playlist, video), videos * 2))
    found = services.playlist_contents.list(actor, playlist, limit=50)
    assert sorted(page.item.video_id for page in found.items) == sorted(videos)
    assert found.total == 12

    def shuffle(video: str) -> None:
        if video in videos[:4]:
            services.playlist_contents.remove(actor, playlist, video)
        else:
            place = playlist_contents.Place(first=True)
            services.playlist_contents.move(actor, playlist, video, place)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(shuffle, videos))
    found = services.playlist_contents.list(actor, playlist, limit=50)
    assert sorted(page.item.video_id for page in found.items) == sorted(videos[4:])
    assert found.total == services.playlist_contents.items.collection.count_documents(
        {"playlist_id": playlist}
    )


# Duplicates, limits, what is not there


def test_a_list_may_hold_a_video_twice_and_a_request_adds_it_once(ann, make, put, order, add_video):
    playlist, video = make(ann, allows_duplicates=True), add_video(ann).id
    assert [put(ann, playlist, video, request_id="a").json["is_new"] for _ in range(2)] == [
        True,
        False,
    ]
    put(ann, playlist, video, request_id="b")
    put(ann, playlist, video)
    assert order(ann, playlist) == [video] * 3


def test_a_full_list_takes_no_more_and_is_as_it_was(
    client, ann, make, put, order, add_video, monkeypatch
):
    monkeypatch.setattr(playlist_contents, "MOST_ITEMS", 2)
    playlist = make(ann)
    kept = [add_video(ann).id for _ in range(2)]
    for video in kept:
        put(ann, playlist, video)
    failed(put(ann, playlist, add_video(ann).id), 409, "CONFLICT")
    assert put(ann, playlist, kept[0]).json["is_new"] is False
    assert order(ann, playlist) == kept
    shown = client.get(f"{PLATFORM}/{playlist}", headers=ann.headers).json
    assert shown["item_count"] == 2


def test_what_is_hidden_or_gone_is_said_to_be_so(  # noqa: PLR0917 - fixtures
    services, client, ann, bob, make, put, order, add_video
):
    playlist = make(ann, visibility="public")
    shown, hidden, gone = add_video(bob), add_video(bob, title="Secret"), add_video(bob)
    for video in (hidden, shown, gone):
        put(ann, playlist, video.id)
    videos = services.catalogue.videos.collection
    videos.update_one({"id": hidden.id}, {"$set": {"visibility": Visibility.PRIVATE}})
    videos.update_one({"id": gone.id}, {"$set": {"deleted_at": services.people.now()}})
    for base, flag in ((PLATFORM, "is_available"), (CLIENT, "isAvailable")):
        path = f"{base}/{playlist}/items"
        answer = client.get(path, headers=ann.headers)
        assert [item[flag] for item in answer.json["items"]] == [False, True, False]
        assert "Secret" not in answer.text
        assert [item[flag] for item in client.get(path, headers=bob.headers).json["items"]] == [
            True,
            True,
            False,
        ]
    cover = lambda person: client.get(  # noqa: E731 - short beside its uses
        f"{PLATFORM}/{playlist}", headers=person.headers
    ).json["cover_url"]
    assert cover(ann) is None
    assert hidden.id in cover(bob)
    for video in (hidden, gone):
        path = f"{PLATFORM}/{playlist}/items/{video.id}"
        assert client.delete(path, headers=ann.headers).status_code == 200
        failed(client.delete(path, headers=ann.headers), 404, "NOT_FOUND")
    assert shown.id in cover(ann)
    failed(put(ann, playlist, hidden.id), 404, "NOT_FOUND")


def test_who_is_deleted_takes_their_lists_along(services, ann, bob, make, put, add_video):
    mine, theirs = make(ann), make(bob)
    video = add_video(bob)
    put(ann, mine, video.id)
    put(bob, theirs, video.id)
    for forget in services.deletion.forgetting:
        forget(ann.user.id)
    assert services.playlists.playlists.get(mine) is None
    left = services.playlist_contents.items.collection.find({"rank": {"$gt": ""}}, {"owner_id": 1})
    assert {doc["owner_id"] for doc in left.hint([("playlist_id", 1), ("rank", 1)])} == {
        bob.user.id
    }


def test_the_export_has_lists_shares_and_notifications(client, services, ann, make, put, add_video):
    playlist, video = make(ann), add_video(ann)
    put(ann, playlist, video.id)
    client.post(f"/api/videos/{video.id}/share", headers=ann.headers)
    services.notifications.notify(ann.user.id, NotificationKind.SYSTEM, text="Hello")
    body = json.loads(client.get("/api/users/me/export", headers=ann.headers).data)
    assert [one["id"] for one in body["playlists"]] == [playlist]
    assert [(one["playlist_id"], one["video_id"]) for one in body["playlist_items"]] == [
        (playlist, video.id)
    ]
    assert [one["video_id"] for one in body["shares"]] == [video.id]
    assert [one["text"] for one in body["notifications"]] == ["Hello"]
