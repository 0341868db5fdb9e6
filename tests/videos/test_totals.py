"""Totals: exact for short lists, and for long ones as the scheduler last counted them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from models.documents import identity
from models.listings import NEWEST, Listing
from models.video import ProcessingStatus, Sort, Visibility
from services.remembered import Remembered
from services.videos.totals import TotalService, is_kept, unsorted

AT_ONCE, LONG = 30, 45


@pytest.fixture
def totals(services) -> TotalService:
    """Counts few at once, and remembers nothing."""
    return replace(
        services.totals, at_once=AT_ONCE, at_a_glance=5, remembered=Remembered(seconds=0)
    )


@pytest.fixture
def long_list(services, ann) -> None:
    """More videos of one category than are counted at once."""
    demo = services.seeding._demo_video(0, [ann.user.id], services.seeding.now())
    made = replace(demo, category="music", tags=())
    ids = (services.seeding.new_id() for _ in range(LONG))
    services.catalogue.videos.add_many([replace(made, **identity(each)) for each in ids])


def test_a_long_list_is_counted_by_the_scheduler(
    totals, services, clock, long_list, ann, add_video
):
    music = Listing(category="music")
    assert totals.of(NEWEST) == totals.of(music) == AT_ONCE, "so many are counted at once"
    assert services.totals.recount() == 2
    by_views = replace(music, sort=Sort.POPULAR, ascending=True)
    assert totals.of(NEWEST) == totals.of(by_views) == LONG

    add_video(ann, category="music")
    assert services.totals.recount() == 0, "it was counted a moment ago"
    assert totals.of(NEWEST) == LONG
    clock.forward(seconds=70)
    assert services.totals.recount() == 2
    assert totals.of(NEWEST) == LONG + 1
    assert totals.of(Listing(category="travel")) == 0


def test_what_is_asked_in_endless_ways_is_not_counted_for_everybody(totals, services, long_list):
    for listing in (Listing(max_seconds=9000.0), Listing(category="music", min_seconds=1.0)):
        assert totals.of(listing) == AT_ONCE
    assert services.totals.recount() == 0


def test_pages_are_counted_by_the_whole_list(client, long_list):
    pagination = client.get("/api/videos?limit=2").json["pagination"]
    assert (pagination["total_items"], pagination["total_pages"]) == (LONG, 23)


def test_an_owners_total_is_never_a_moment_old(client, ann, add_video):
    for number in (1, 2, 3):
        add_video(ann)
        mine = client.get("/api/videos?mine=true", headers=ann.headers).json["pagination"]
        assert mine["total_items"] == number


def test_the_longer_a_list_the_more_rarely_it_is_counted(services, clock):
    row = services.totals.row(NEWEST)
    services.totals.totals.ask(row)
    later = services.totals.totals.due(clock() + dt.timedelta(seconds=599), limit=5)
    assert [found.key for found in later] == [row.key]
    again = dt.timedelta(seconds=600)
    services.totals.totals.counted(row.key, 10**6, now=clock(), again=again)
    assert list(services.totals.totals.due(clock() + dt.timedelta(seconds=590), limit=5)) == []
    assert services.totals.totals.ask(row) == 10**6


def test_a_list_is_stored_with_all_that_makes_it_another(services, clock):
    listing = Listing(
        any_state=True,
        author_id="a",
        tags=("x",),
        category="c",
        visibility=Visibility.PRIVATE,
        status=ProcessingStatus.ERROR,
        sort=Sort.CREATED,
    )
    services.totals.totals.ask(services.totals.row(listing))
    (found,) = services.totals.totals.due(clock(), limit=5)
    assert found.listing == listing


def test_the_order_of_a_list_is_no_matter_of_its_length():
    one = Listing(sort=Sort.POPULAR, ascending=True, tags=("b", "a"), category="c")
    other = Listing(sort=Sort.TRENDING, tags=("a", "b"), category="c")
    assert unsorted(one) == unsorted(other)
    assert unsorted(one) != unsorted(replace(other, category="d"))
    mine = unsorted(Listing(any_state=True, sort=Sort.POPULAR))
    assert mine.index == "any_created"


def test_lists_of_which_there_are_endlessly_many_are_not_kept():
    for listing in (NEWEST, Listing(category="c", tags=("a",)), Listing(author_id="a")):
        assert is_kept(listing)
    for listing in (Listing(tags=("a", "b")), Listing(words="a"), Listing(min_seconds=1.0)):
        assert not is_kept(listing)
