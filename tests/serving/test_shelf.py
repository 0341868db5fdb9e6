"""The shelf: what strangers may see a second late, and what nobody does."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
