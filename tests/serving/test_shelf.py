"""The shelf: what strangers may see a second late, and what nobody does."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from blueprints.client.schemas.catalogue import CatalogueVideo
from blueprints.client.schemas.videos import ClientVideo
from blueprints.platform.schemas.videos import VideoOut
from models.listings import Listing
from models.video import Visibility
from services.policies import VISITOR, Actor
from services.videos.catalogue import Query


@pytest.fixture
def settings(settings):
    return replace(settings, shelf_seconds=60)


@pytest.fixture
def video(ann, add_video):
    return add_video(ann, title="First")


def rename(services, video, **values) -> None:
    services.catalogue.videos.collection.update_one(
        {"id": video.id}, {"$set": values or {"title": "Second"}}
    )


def test_a_stranger_may_see_a_public_video_a_moment_late(services, video):
    assert services.catalogue.get(VISITOR, video.id).video.title == "First"
    rename(services, video)
    assert services.catalogue.get(VISITOR, video.id).video.title == "First"


def test_an_owner_sees_every_change_at_once(services, video, ann):
    services.catalogue.get(VISITOR, video.id)
    rename(services, video)
    owner = Actor(id=ann.user.id)
    assert services.catalogue.get(owner, video.id).video.title == "Second"
    assert services.catalogue.get(VISITOR, video.id).video.title == "Second", "and so do others"


@pytest.mark.parametrize(
    "hidden", [{"visibility": Visibility.UNLISTED}, {"visibility": Visibility.PRIVATE}]
)
def test_a_video_that_is_not_for_everybody_is_never_shelved(services, ann, add_video, hidden):
    video = add_video(ann, title="First", **hidden)
    owner = Actor(id=ann.user.id)
    services.catalogue.get(owner, video.id)
    assert services.catalogue.shelf.recent.known(video.id) is None


def test_the_shelf_forgets(services, video, settings):
    shelf = services.catalogue.shelf
    assert shelf.recent.known(video.id) is None
    shelf.get(VISITOR, video.id)
    assert shelf.recent.known(video.id) == video
    shelf.recent._entries.clear()
    rename(services, video)
    assert shelf.get(VISITOR, video.id).title == "Second"


def test_each_list_has_a_place_of_its_own(services, ann, add_video):
    add_video(ann, title="News", category="news")
    add_video(ann, title="Music", category="music")
    query = lambda category: Query(limit=5, listing=Listing(category=category))  # noqa: E731
    titles = {
        category: [
            page.video.title for page in services.catalogue.list(VISITOR, query(category)).items
        ]
        for category in ("news", "music")
    }
    assert titles == {"news": ["News"], "music": ["Music"]}


# What everybody is shown is also written down once.

LISTS = (("/api/videos", VideoOut), ("/videos", CatalogueVideo), ("/videos/feed", ClientVideo))


@pytest.mark.parametrize(("path", "shape"), LISTS)
def test_a_list_says_what_its_shape_says_the_first_time_and_the_next(
    app, client, services, ann, add_video, path, shape
):
    for number in range(3):
        add_video(ann, title=f"Ünïcode {number}", tags=("a",))
    with app.test_request_context("/"):
        app.preprocess_request()
        pages = services.catalogue.list(VISITOR, Query(limit=20)).items
        expected = orjson.loads(orjson.dumps(shape().dump(pages, many=True)))
    assert len(expected) == 3
    answers = [client.get(path) for _ in range(3)]
    assert [answer.json["videos"] for answer in answers] == [expected] * 3
    assert len({answer.data for answer in answers}) == 1


@pytest.mark.parametrize(("path", "_shape"), LISTS)
def test_links_begin_as_each_caller_reached_it(client, video, path, _shape):
    for host in ("a.example", "b.example", "a.example"):
        text = client.get(path, headers={"Host": host}).text
        assert video.id in text
        assert f"http://{host}/" in text
        assert text.count("http://") == text.count(f"http://{host}/")


def test_an_owner_and_others_are_shown_one_list_in_turn_each_their_own(client, video, ann, bob):
    def processing(person):
        headers = person.headers if person else {}
        (shown,) = client.get("/api/videos", headers=headers).json["videos"]
        assert shown["id"] == video.id
        return shown["processing"]

    for _ in range(2):
        assert processing(None) is None
        assert processing(bob) is None
        assert processing(ann)["stage"] == video.processing.stage


def test_a_list_that_leaves_the_shelf_is_written_anew(client, services, video):
    def title():
        return client.get("/api/videos").json["videos"][0]["title"]

    assert title() == "First"
    rename(services, video)
    assert title() == "First"
    services.catalogue.shelf.pages._entries.clear()
    assert title() == "Second"
