"""Watch history in the platform API: paged, taken out of, and paused (test_history.py has more)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.documents import identity
from models.history import Watched
from models.video import Video, Visibility
from services.container import new_id
from services.policies import Actor
from tests.conftest import Person
from tests.wire import failed, moment

PATH = "/api/users/me/history"


@pytest.fixture
def watch(services, clock) -> Callable:
    """Have somebody watch a video a second after the one before."""

    def watch(person: Person, video: Video, position: float = 0.0) -> None:
        clock.forward(seconds=1)
        services.history.history.reach(
            Watched(
                **identity(new_id()),
                user_id=person.user.id,
                video_id=video.id,
                watched_at=clock(),
                position_seconds=position,
            )
        )

    return watch


def test_the_history_says_where_to_go_on(client, ann, bob, watch, add_video):
    video = add_video(bob, title="Film", duration_seconds=60.0)
    watch(ann, video, 42.5)
    body = client.get(PATH, headers=ann.headers).json
    (one,) = body["history"]
    moment(one.pop("watched_at"))
    assert one.pop("thumbnail_url").endswith("/thumbnail")
    assert one == {
        "video_id": video.id,
        "title": "Film",
        "duration": 60.0,
        "position_seconds": 42.5,
    }
    assert body["pagination"]["total_items"] == 1
    assert client.get(PATH, headers=bob.headers).json["history"] == []


def test_pages_by_number_and_by_cursor_show_the_same(client, ann, bob, watch, add_video):
    videos = [add_video(bob) for _ in range(7)]
    hidden = add_video(bob, visibility=Visibility.PRIVATE)
    for video in (*videos[:3], hidden, *videos[3:]):
        watch(ann, video)
    shown = lambda query: [  # noqa: E731 - short beside its uses
        one["video_id"]
        for one in client.get(f"{PATH}?{query}", headers=ann.headers).json["history"]
    ]
    newest = [video.id for video in videos[::-1]]
    assert [shown(f"limit=3&page={page}") for page in (1, 2, 3, 4)] == [
        newest[:3],
        newest[3:6],
        newest[6:],
        [],
    ]
    found, cursor = [], ""
    while True:
        body = client.get(f"{PATH}?limit=2&cursor={cursor}", headers=ann.headers).json
        found += [one["video_id"] for one in body["history"]]
        cursor = body["pagination"]["next_cursor"]
        if not cursor:
            break
    assert found == newest


@pytest.mark.parametrize("base", [PATH, "/users/me/history"])
def test_one_is_taken_out_and_then_all(client, services, ann, bob, watch, add_video, base):
    one, two, gone = add_video(bob), add_video(bob), add_video(bob)
    for video in (one, two, gone):
        watch(ann, video)
    services.catalogue.videos.collection.update_one(
        {"id": gone.id}, {"$set": {"deleted_at": services.people.now()}}
    )
    failed(client.delete(f"{base}/{one.id}", headers=bob.headers), 404, "NOT_FOUND")
    for reference in (one.oid, gone.id):
        assert client.delete(f"{base}/{reference}", headers=ann.headers).status_code == 200
        failed(client.delete(f"{base}/{reference}", headers=ann.headers), 404, "NOT_FOUND")
    left = client.get(PATH, headers=ann.headers).json["history"]
    assert [entry["video_id"] for entry in left] == [two.id]
    assert client.delete(base, headers=ann.headers).status_code == 200
    assert client.get(PATH, headers=ann.headers).json["history"] == []


@pytest.mark.parametrize(
    ("path", "name"), [("/api/users/me", "history_paused"), ("/users/me", "historyPaused")]
)
def test_who_pauses_their_history_has_nothing_noted(client, services, ann, add_video, path, name):
    actor, video = Actor(id=ann.user.id), add_video(ann)
    body = {"settings": {"privacy": {name: True}}}
    assert client.patch(path, json=body, headers=ann.headers).status_code == 200
    services.history.note(actor, video)
    services.history.reach(actor, video, 10.0)
    assert client.get(PATH, headers=ann.headers).json["history"] == []
