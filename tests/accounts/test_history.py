"""Watch history: what is noted when something plays, and what of it is shown (002)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.documents import After, identity
from models.history import Watched
from models.user import Role
from models.video import Video, Visibility
from services.container import new_id
from services.people.history import KEPT_PER_PERSON
from services.policies import Actor
from tests.conftest import Person
from tests.wire import failed, moment

STREAMS = ("/stream/{}", "/video/{}/stream")


@pytest.fixture
def play(client, services) -> Callable:
    def play(person: Person, video: Video, path: str = STREAMS[0]):
        token = services.catalogue.tokens.playback(person.user.id, video)
        return client.get(f"{path.format(video.id)}?token={token}", headers=person.headers)

    return play


@pytest.fixture
def watched(client) -> Callable:
    """What a person's history shows, as video ids."""

    def watched(person: Person, query: str = "") -> list[str]:
        body = client.get(f"/users/me/history{query}", headers=person.headers).json
        return [entry["videoId"] for entry in body["history"]]

    return watched


@pytest.fixture
def note(services) -> Callable:
    """Put an entry into somebody's history, as old as a test wants."""

    def note(person: Person, video_id: str, at: dt.datetime) -> Watched:
        entry = Watched(
            **identity(new_id()), user_id=person.user.id, video_id=video_id, watched_at=at
        )
        services.history.history.note(entry)
        return entry

    return note


@pytest.fixture
def entries(services) -> Callable:
    return lambda: services.history.history.collection.count_documents({"user_id": {"$gt": ""}})


@pytest.mark.parametrize("path", STREAMS)
def test_what_plays_is_in_the_history_of_who_plays_it(
    client, play, watched, ann, bob, add_video, path
):
    video = add_video(bob, title="Film")
    assert play(ann, video, path).status_code == 200
    body = client.get("/users/me/history", headers=ann.headers).json
    assert set(body) == {"history", "hasMore"}
    assert body["hasMore"] is False
    (entry,) = body["history"]
    moment(entry.pop("watchedAt"))
    assert entry.pop("thumbnailUrl").endswith(f"/api/videos/{video.id}/thumbnail")
    assert entry == {"videoId": video.id, "title": "Film", "positionSeconds": 0.0}
    assert watched(bob) == []
    me = client.get("/users/me", headers=ann.headers).json
    assert [seen["videoId"] for seen in me["watchHistory"]] == [video.id]
    assert set(me["watchHistory"][0]) == set(entry) | {"watchedAt", "thumbnailUrl"}


def test_the_one_file_is_noted_too(services, watched, ann, add_video):
    video = add_video(ann, progressive="progressive/x.mp4")
    token = services.catalogue.tokens.playback(ann.user.id, video)
    services.playback.progressive(Actor(id=ann.user.id), video.id, token)
    assert watched(ann) == [video.id]


def test_a_youtube_video_is_noted_like_any_other(services, play, watched, ann):
    video = services.seeding.youtube()[0]
    play(ann, video)
    assert watched(ann) == [video.id]


@pytest.mark.parametrize(
    "fields", [{"is_active": False}, {"playable": False}, {"deleted_at": dt.datetime.now(dt.UTC)}]
)
def test_what_does_not_play_is_not_noted(play, ann, add_video, entries, fields):
    assert play(ann, add_video(ann, **fields)).status_code >= 400
    assert entries() == 0


def test_a_wrong_quality_is_not_noted(client, services, ann, add_video, entries):
    video = add_video(ann)
    token = services.catalogue.tokens.playback(ann.user.id, video)
    answer = client.get(f"/stream/{video.id}?token={token}&quality=9p", headers=ann.headers)
    assert (answer.status_code, entries()) == (400, 0)


def test_within_a_minute_a_video_is_noted_once_and_later_anew(services, ann, add_video, clock):
    ticks = [0.0]
    history = services.history
    noted = type(history.noted)(seconds=60, timer=lambda: ticks[0])
    service = type(history)(
        history=history.history,
        videos=history.videos,
        noted=noted,
        now=clock,
        new_id=new_id,
    )
    actor, video, other = Actor(id=ann.user.id), add_video(ann), add_video(ann)
    seen = lambda: {s.video.id: s.watched_at for s in service.list(actor, limit=9).items}  # noqa: E731
    service.note(actor, video)
    first = seen()[video.id]
    for ticks[0], is_again in ((59.0, False), (61.0, True)):
        clock.forward(seconds=60)
        service.note(actor, video)
        assert (seen()[video.id] > first) is is_again
    service.note(actor, other)
    assert list(seen()) == [other.id, video.id]
    service.note(Actor(), video)


def test_watching_again_moves_to_the_top_and_keeps_the_place(
    note, services, watched, ann, add_video
):
    now, one, two = services.people.now(), add_video(ann), add_video(ann)
    first = note(ann, one.id, now)
    services.history.history.collection.update_one(
        {"id": first.id}, {"$set": {"position_seconds": 42.5}}
    )
    note(ann, two.id, now + dt.timedelta(seconds=1))
    assert watched(ann) == [two.id, one.id]
    note(ann, one.id, now + dt.timedelta(seconds=2))
    assert watched(ann) == [one.id, two.id]
    newest = services.history.list(Actor(id=ann.user.id), limit=1).items[0]
    assert newest.position_seconds == 42.5


HIDDEN = {
    "deleted": {"deleted_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
    "inactive": {"is_active": False},
    "private": {"visibility": Visibility.PRIVATE},
    "not playable any more": {"playable": False},
    "removed": None,
}


@pytest.mark.parametrize("case", HIDDEN)
def test_what_is_gone_or_hidden_by_now_is_left_out(
    client, services, play, ann, bob, add_video, case
):
    stays, goes = add_video(bob), add_video(bob)
    for video in (stays, goes):
        play(ann, video)
    videos, where, change = services.catalogue.videos.collection, {"id": goes.id}, HIDDEN[case]
    videos.update_one(where, {"$set": change}) if change else videos.delete_one(where)
    listed = client.get("/users/me/history", headers=ann.headers).json
    assert [seen["videoId"] for seen in listed["history"]] == [stays.id]
    me = client.get("/users/me", headers=ann.headers).json
    assert [seen["videoId"] for seen in me["watchHistory"]] == [stays.id]


def test_ones_own_private_video_stays_in_ones_history(play, watched, ann, join, add_video):
    video = add_video(ann, visibility=Visibility.PRIVATE)
    staff = join("sue", role=Role.STAFF)
    for person in (ann, staff):
        play(person, video)
        assert watched(person) == [video.id]


def test_a_history_is_leafed_through_without_gaps(client, note, services, ann, add_video):
    now = services.people.now()
    # Some at the same instant: `_id` keeps them apart.
    made = [add_video(ann) for _ in range(9)]
    notes = [note(ann, v.id, now - dt.timedelta(seconds=n // 3)) for n, v in enumerate(made)]
    expected = sorted(notes, key=lambda entry: (entry.watched_at, entry.oid), reverse=True)
    seen, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        body = client.get(f"/users/me/history?limit=2&cursor={cursor}", headers=ann.headers).json
        seen += [entry["videoId"] for entry in body["history"]]
        cursor, pages = body.get("nextCursor", ""), pages + 1
        assert body["hasMore"] is bool(cursor)
    assert seen == [entry.video_id for entry in expected]
    assert pages == 5


def test_a_page_is_full_however_many_videos_before_it_are_gone(note, services, ann, add_video):
    now, actor = services.people.now(), Actor(id=ann.user.id)
    for number in range(500):
        note(ann, f"gone-{number}", now - dt.timedelta(seconds=number))
    old = [add_video(ann) for _ in range(3)]
    for number, video in enumerate(old):
        note(ann, video.id, now - dt.timedelta(hours=1 + number))
    page = services.history.list(actor, limit=2)
    assert [seen.video.id for seen in page.items] == [old[0].id, old[1].id]
    assert page.has_more
    last = services.history.list(actor, after=page.end, limit=2)
    assert ([seen.video.id for seen in last.items], last.has_more) == ([old[2].id], False)
    assert services.history.list(actor, after=last.end, limit=2).end is None


def test_the_overview_shows_the_newest_20(client, note, services, ann, add_video):
    now, made = services.people.now(), [add_video(ann) for _ in range(23)]
    for number, video in enumerate(made):
        note(ann, video.id, now - dt.timedelta(seconds=number))
    me = client.get("/users/me", headers=ann.headers).json
    assert [seen["videoId"] for seen in me["watchHistory"]] == [video.id for video in made[:20]]


def test_the_oldest_entry_makes_room_for_the_1001st(note, services, ann, bob, add_video, entries):
    now, history = services.people.now(), services.history.history
    rows = [
        {"id": str(n), "user_id": ann.user.id, "video_id": str(n), "position_seconds": 0.0,
         "watched_at": now - dt.timedelta(seconds=1 + n)}
        for n in range(KEPT_PER_PERSON)
    ]  # fmt: skip
    history.collection.insert_many(rows)
    note(bob, "bobs", now - dt.timedelta(days=9))
    services.history.note(Actor(id=ann.user.id), add_video(ann))
    assert entries() == KEPT_PER_PERSON + 1  # and bob's
    ids = set(history.collection.distinct("video_id", {"user_id": ann.user.id}))
    assert str(KEPT_PER_PERSON - 1) not in ids
    assert str(KEPT_PER_PERSON - 2) in ids


def test_trimming_keeps_exactly_the_newest_also_among_equals(note, services, ann):
    now, history = services.people.now(), services.history.history
    made = [note(ann, f"v{number}", now) for number in range(10)]
    history.trim(ann.user.id, keep=4)
    kept = history.newest_of(ann.user.id, after=None, limit=20)
    newest = sorted(made, key=lambda entry: entry.oid, reverse=True)[:4]
    assert [entry.oid for entry in kept] == [entry.oid for entry in newest]
    history.trim(ann.user.id, keep=4)
    assert len(history.newest_of(ann.user.id, after=None, limit=20)) == 4
    assert history.newest_of(ann.user.id, after=After(now, "0" * 24), limit=20) == []


def test_a_history_is_cleared_by_its_owner_and_nobody_elses(
    client, play, watched, ann, bob, add_video
):
    video = add_video(ann)
    for person in (ann, bob):
        play(person, video)
    answer = client.delete("/users/me/history", headers=ann.headers)
    assert (answer.status_code, answer.json) == (200, {"success": True})
    assert (watched(ann), watched(bob)) == ([], [video.id])
    assert client.delete("/users/me/history", headers=ann.headers).json == {"success": True}


def test_a_deleted_persons_history_is_forgotten_and_counted(note, services, ann, bob, entries):
    for person in (ann, ann, bob):
        note(person, new_id(), services.people.now())
    assert services.history.history.forget_all_of(ann.user.id) == 2
    assert services.history.history.forget_all_of(ann.user.id) == 0
    assert entries() == 1


def test_a_history_is_nobody_elses(client):
    for method in ("get", "delete"):
        failed(getattr(client, method)("/users/me/history"), 401, "UNAUTHORIZED")


def test_two_who_note_the_same_at_once_make_one_entry(services, ann, add_video, entries):
    video, history = add_video(ann), services.history.history
    now = services.people.now()

    def note(_: int) -> bool:
        made = identity(new_id())
        return history.note(Watched(**made, user_id=ann.user.id, video_id=video.id, watched_at=now))

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(note, range(64))) == 1
    assert entries() == 1
