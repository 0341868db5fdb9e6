"""Lists: each combination of filter and order answers right, and reads what it answers."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from models.documents import After
from models.errors import Invalid
from models.listings import ANY_STATE_SORTS, SEARCHED, Listing
from models.video import ProcessingStatus, Sort, Video, Visibility
from services.policies import is_public
from tests.serving.test_queries import BAD_STAGES, number, stages

VIDEOS = 1_500
PAGE = 60
# The author who has most of them, so that narrowing their list is worth an index.
PROLIFIC = 0
FILTERS: dict[str, dict[str, Any]] = {
    "all": {},
    "category": {"category": "music"},
    "tag": {"tags": ("live",)},
    "tags": {"tags": ("live", "short")},
    "category and tag": {"category": "music", "tags": ("live",)},
    "category and tags": {"category": "music", "tags": ("live", "short")},
    "author": {"author": PROLIFIC},
    "author and category": {"author": PROLIFIC, "category": "music"},
    "author and tag": {"author": PROLIFIC, "tags": ("live",)},
    "author and tags": {"author": PROLIFIC, "tags": ("live", "short")},
    "author, category and tag": {"author": PROLIFIC, "category": "music", "tags": ("live",)},
    "length": {"min_seconds": 100.0, "max_seconds": 300.0},
    "category and length": {"category": "music", "min_seconds": 300.0},
    "tag and length": {"tags": ("live",), "max_seconds": 300.0},
    "author and length": {"author": PROLIFIC, "min_seconds": 300.0},
}
OF_ANY_STATE: dict[str, dict[str, Any]] = {
    "everybody's": {},
    "everybody's private": {"visibility": Visibility.PRIVATE},
    "everybody's of a category": {"category": "music"},
    "one's own": {"author": PROLIFIC},
    "one's own failed": {"author": PROLIFIC, "status": ProcessingStatus.ERROR},
    "one's own unlisted": {"author": PROLIFIC, "visibility": Visibility.UNLISTED},
    "one's own of a tag": {"author": PROLIFIC, "tags": ("live",), "category": "music"},
}


@pytest.fixture
def stored(services) -> list[Video]:
    """Videos in every state, with many equal values in every order."""
    dice = random.Random(7)  # noqa: S311 - any will do, the same each time
    now = services.seeding.now()
    authors = [services.seeding.new_id() for _ in range(4)]
    made = []
    for index in range(VIDEOS):
        demo = services.seeding._demo_video(index, authors, now)
        at = now - dt.timedelta(minutes=dice.randrange(200))
        made.append(
            replace(
                demo,
                author_id=authors[PROLIFIC if dice.random() < 0.7 else dice.randrange(4)],
                category=dice.choice(["music", "music", "travel", ""]),
                tags=tuple(dice.sample(["live", "short", "howto", "story"], dice.randrange(4))),
                view_count=0 if dice.random() < 0.7 else dice.randrange(50),
                ranking_score=dice.randrange(30) / 2,
                duration_seconds=float(dice.randrange(20, 600)),
                published_at=at,
                created_at=at - dt.timedelta(minutes=dice.randrange(3)),
                **_state(dice, now),
            )
        )
    services.catalogue.videos.add_many(made)
    return made


def _state(dice: random.Random, now: dt.datetime) -> dict[str, Any]:
    hidden: list[dict[str, Any]] = [
        {"visibility": Visibility.PRIVATE},
        {"visibility": Visibility.UNLISTED},
        {"is_active": False},
        {"deleted_at": now},
        {"playable": False, "processing_status": ProcessingStatus.ERROR},
    ]
    return dice.choice(hidden) if dice.random() < 0.25 else {}


def listings(
    stored: list[Video], filters: dict[str, dict[str, Any]], sorts: Any, **fixed: Any
) -> Iterator[tuple[str, Listing]]:
    counts = {video.author_id: 0 for video in stored}
    for video in stored:
        counts[video.author_id] += 1
    prolific = max(counts, key=lambda author: counts[author])
    orders = [(sort, ascending) for sort in sorts for ascending in (False, True)]
    for (name, values), (sort, ascending) in product(filters.items(), orders):
        asked = {key: value for key, value in values.items() if key != "author"}
        author = prolific if "author" in values else None
        direction = "up" if ascending else "down"
        yield (
            f"{name} by {sort.name} {direction}",
            Listing(sort=sort, ascending=ascending, author_id=author, **asked, **fixed),
        )


def belongs(video: Video, listing: Listing) -> bool:
    """The same as the query, said in Python."""
    there = video.deleted_at is None
    shortest, longest = listing.min_seconds or 0, listing.max_seconds or 10**9
    return (
        (there if listing.any_state else there and is_public(video))
        and listing.category in {None, video.category}
        and (not listing.tags or bool(set(listing.tags) & set(video.tags)))
        and listing.author_id in {None, video.author_id}
        and listing.visibility in {None, video.visibility}
        and listing.status in {None, video.processing_status}
        and shortest <= video.duration_seconds < longest
    )


def expected(stored: list[Video], listing: Listing) -> list[str]:
    def place(video: Video) -> Any:
        return getattr(video, listing.sort.value), video.oid

    found = [video for video in stored if belongs(video, listing)]
    return [v.id for v in sorted(found, key=place, reverse=not listing.ascending)]


def explained(services, listing: Listing, after: After | None, limit: int) -> dict[str, Any]:
    """How the query that `listed` sends is carried out."""
    collection = services.catalogue.videos.collection
    cursor = services.catalogue.videos._read(listing, after, 0, limit)
    command = {"find": collection.name, "filter": cursor._spec, "sort": dict(listing.order)}
    command |= {"hint": listing.index, "limit": limit}
    return collection.database.command("explain", command, verbosity="executionStats")


def check_reads(name: str, found: dict[str, Any], limit: int) -> None:
    used = set(stages(found["queryPlanner"]["winningPlan"]))
    assert not used & BAD_STAGES, (name, used)
    stats = found["executionStats"]
    assert stats["totalDocsExamined"] <= 2 * stats["nReturned"] + 4, (name, stats)
    assert number(stats, "works") <= VIDEOS * 4, name
    assert stats["nReturned"] <= limit


def walk(services, name: str, listing: Listing) -> list[str]:
    """Every page by cursor; each is explained."""
    videos, seen, after = services.catalogue.videos, [], None
    while True:
        check_reads(name, explained(services, listing, after, PAGE), PAGE)
        page = videos.listed(listing, after=after, limit=PAGE)
        seen += [video.id for video in page]
        if len(page) < PAGE:
            return seen
        after = After(getattr(page[-1], listing.sort.value), page[-1].oid)


def test_every_public_list_is_right_and_reads_what_it_shows(services, stored, subtests):
    combinations = list(listings(stored, FILTERS, Sort))
    assert len(combinations) == len(FILTERS) * 4 * 2
    for name, listing in combinations:
        with subtests.test(name):
            wanted = expected(stored, listing)
            assert len(wanted) > PAGE
            check_reads(name, explained(services, listing, None, PAGE), PAGE)
            found = services.catalogue.videos.listed(listing, limit=PAGE)
            assert [video.id for video in found] == wanted[:PAGE]
            assert services.catalogue.videos.count_listed(listing) == len(wanted)


def test_every_page_of_a_list_is_right_and_reads_what_it_shows(services, stored, subtests):
    for name, listing in listings(stored, FILTERS, (Sort.POPULAR,)):
        with subtests.test(name):
            assert walk(services, name, listing) == expected(stored, listing)


def test_every_list_of_any_state_is_right_and_reads_what_it_shows(services, stored, subtests):
    for name, listing in listings(stored, OF_ANY_STATE, ANY_STATE_SORTS, any_state=True):
        with subtests.test(name):
            assert walk(services, name, listing) == expected(stored, listing)
            assert services.catalogue.videos.count_listed(listing) == len(expected(stored, listing))


def test_a_page_may_be_skipped_to_and_counting_stops_where_it_is_told_to(services, stored):
    listing = Listing(tags=("live", "short"), sort=Sort.POPULAR)
    found = services.catalogue.videos.listed(listing, skip=40, limit=10)
    assert [video.id for video in found] == expected(stored, listing)[40:50]

    assert services.catalogue.videos.count_listed(Listing(), most=100) == 100
    assert services.catalogue.videos.count_listed(Listing(category="none"), most=100) == 0


# Words


@pytest.fixture
def library(ann, add_video) -> dict[str, str]:
    """Titles by the ids of their videos."""
    titles = {
        "How to bake bread": "Flour, water, salt.",
        "Bread and butter": "A film about Bäcker.",
        "Water polo": "",
        "Ünïcode — 日本 2024": "rock-n-roll",
    }
    return {
        add_video(ann, title=title, description=text).id: title for title, text in titles.items()
    }


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("bread", {"How to bake bread", "Bread and butter"}),
        ("BREAD", {"How to bake bread", "Bread and butter"}),
        ("bread butter", {"Bread and butter"}),
        ("bread -butter", {"Bread and butter"}),
        ("- bread", {"How to bake bread", "Bread and butter"}),
        ('"bread', {"How to bake bread", "Bread and butter"}),
        ("water", {"How to bake bread", "Water polo"}),
        ("backer", {"Bread and butter"}),
        ("unicode", {"Ünïcode — 日本 2024"}),
        ("日本", {"Ünïcode — 日本 2024"}),
        ("rock-n-roll", {"Ünïcode — 日本 2024"}),
        ("brea", set()),
        ("$where", set()),
        ("!!", set()),
        ("--", set()),
        ('"\\"', set()),
    ],
)
def test_words_are_looked_for_in_titles_and_descriptions(services, library, words, found):
    listing = Listing(words=words)
    assert {v.title for v in services.catalogue.videos.listed(listing, limit=9)} == found
    assert services.catalogue.videos.count_listed(listing) == len(found)


def test_a_search_keeps_to_filters_and_order_page_after_page(services, stored):
    listing = Listing(words="demo video", category="music", sort=Sort.POPULAR)
    wanted = expected(stored, listing)
    videos = services.catalogue.videos
    first = videos.listed(listing, limit=20)
    after = After(first[-1].view_count, first[-1].oid)
    rest = videos.listed(listing, after=after, limit=20)
    assert [video.id for video in (*first, *rest)] == wanted[:40]
    assert videos.count_listed(listing) == len(wanted)
    # It looks at so many videos, and no more.
    assert len([v for v in stored if is_public(v) and v.deleted_at is None]) > SEARCHED
    assert services.catalogue.videos.count_listed(Listing(words="demo")) == SEARCHED
    assert services.catalogue.videos.count_listed(Listing(words="demo"), most=10) == 10
    assert len(services.catalogue.videos.listed(Listing(words="demo"), limit=5_000)) == SEARCHED


def test_what_takes_too_long_to_find_is_refused(services, stored):
    videos = services.catalogue.videos
    videos.search_milliseconds = 1
    with pytest.raises(Invalid, match="rarer"):
        videos.listed(Listing(words="demo row catalogue behind without"), limit=20)
