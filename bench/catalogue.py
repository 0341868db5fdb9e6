"""Lists of a catalogue of a million videos beside those of one of ten thousand.

Both are in one MongoDB and are asked in turn, through the whole of the API but for the socket.
SHELF_SECONDS is 0, so that each request asks MongoDB. Page 10,000 is found by its cursor; the small
catalogue has no such page, and is asked for its middle.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from flask.testing import FlaskClient

from app import create_app
from bench.fresh import fresh, prepared
from blueprints.http.cursors import to_cursor
from models.documents import After
from models.listings import NEWEST, Listing
from models.video import Sort
from services.container import Services
from services.seeding import CATEGORIES, TAGS
from services.videos.browsing import Wish

SMALL, LARGE = 10_000, 1_000_000
AUTHORS = 1_000
ROUNDS = 60
LIMIT = 20
PAGE = 10_000


@dataclass(frozen=True)
class Catalogue:
    services: Services
    client: FlaskClient
    size: int
    author: str
    video: str

    def get(self, path: str) -> float:
        """Milliseconds until the answer."""
        started = time.perf_counter()
        answer = self.client.get(path)
        took = time.perf_counter() - started
        assert answer.status_code == 200, (path, answer.json)
        return took * 1000


def run(folder: Path, large: int = LARGE) -> None:
    with fresh(folder, shelf_seconds=0, log_level="WARNING") as services:
        small = filled(services, SMALL)
        big = filled(prepared(replace(services.settings, mongo_db_name="large")), large)
        report(small, big, {name: measured(ask, small, big) for name, ask in asked().items()})


def filled(services: Services, size: int) -> Catalogue:
    """Indexes are made last: to build them over what is there is faster than to keep them."""
    videos = services.catalogue.videos
    videos.collection.drop_indexes()
    started = time.monotonic()
    written = sum(services.seeding.catalogue(AUTHORS, size))
    between = time.monotonic()
    services.prepare()
    done = time.monotonic()
    print(
        f"{written:,} rows: {between - started:.0f} s, their indexes: {done - between:.0f} s,"
        f" {index_mb(services):,.0f} MB of indexes"
    )
    count_all(services)
    newest = videos.listed(NEWEST, limit=1)[0]
    client = create_app(services).test_client()
    return Catalogue(services, client, size, newest.author_id, newest.id)


def index_mb(services: Services) -> float:
    collection = services.catalogue.videos.collection
    found = collection.database.command("collStats", collection.name)
    return found["totalIndexSize"] / 1e6


def count_all(services: Services) -> None:
    """What the scheduler does once somebody has asked for a long list."""
    narrowed = [Listing(category=category) for category in CATEGORIES]
    for listing in (NEWEST, *narrowed, *(Listing(tags=(tag,)) for tag in TAGS)):
        services.totals.of(listing)
    started = time.monotonic()
    while services.totals.recount():
        pass
    print(f"counted by the scheduler: {time.monotonic() - started:.1f} s")


def asked() -> dict[str, Callable[[Catalogue, int], str]]:
    """Paths by what they show; the number turns, so that not one page alone is asked for."""
    category = lambda n: CATEGORIES[n % len(CATEGORIES)]  # noqa: E731 - three words each
    tag = lambda n: TAGS[n % len(TAGS)]  # noqa: E731
    return {
        "first page": lambda _c, _n: "/api/videos",
        "by views": lambda _c, _n: "/api/videos?sort=popular",
        "trending": lambda _c, _n: "/api/videos?sort=trending",
        "oldest first": lambda _c, _n: "/api/videos?sort_by=created_at&order=asc",
        "a category": lambda _c, n: f"/api/videos?category={category(n)}",
        "a category by views": lambda _c, n: f"/api/videos?category={category(n)}&sort=popular",
        "a tag": lambda _c, n: f"/api/videos?tags={tag(n)}",
        "two tags, by views": lambda _c, n: f"/api/videos?sort=popular&tags={tag(n)},{tag(n + 3)}",
        "a category and a tag": lambda _c, n: f"/api/videos?category={category(n)}&tags={tag(n)}",
        "an author": lambda c, _n: f"/api/videos?uploaded_by={c.author}",
        "an author's of a tag": lambda c, n: f"/api/videos?uploaded_by={c.author}&tags={tag(n)}",
        "002's list": lambda _c, _n: "/videos",
        "numbered page 100": lambda _c, _n: "/api/videos?page=100",
        **{f"page 10,000 {name}": deep(listing) for name, listing in DEEP.items()},
        "one video": lambda c, _n: f"/api/videos/{c.video}",
        "related to it": lambda c, _n: f"/api/videos/{c.video}/related",
    }


DEEP = {
    "of all": NEWEST,
    "by views": Listing(sort=Sort.POPULAR),
    "of a category": Listing(category=CATEGORIES[1]),
    "of a tag": Listing(tags=(TAGS[1],)),
}


def deep(listing: Listing) -> Callable[[Catalogue, int], str]:
    """The page that a cursor leads to, after skipping there once."""
    known: dict[int, str] = {}
    sort = {Sort.LATEST: "latest", Sort.POPULAR: "popular"}[listing.sort]
    narrowed = f"&category={listing.category}" if listing.category else ""
    narrowed += f"&tags={listing.tags[0]}" if listing.tags else ""

    def path(catalogue: Catalogue, _number: int) -> str:
        if catalogue.size not in known:
            known[catalogue.size] = cursor_of(catalogue, listing)
        return f"/api/videos?sort={sort}{narrowed}&cursor={known[catalogue.size]}"

    return path


def cursor_of(catalogue: Catalogue, listing: Listing) -> str:
    videos = catalogue.services.catalogue.videos
    skip = min((PAGE - 1) * LIMIT - 1, videos.count_listed(listing) // 2)
    (last,) = videos.listed(listing, skip=skip, limit=1)
    with catalogue.client.application.app_context():
        order = Wish(listing=listing, limit=LIMIT).order
        return to_cursor(order, After(getattr(last, listing.sort.value), last.oid)) or ""


def measured(ask: Callable[[Catalogue, int], str], *catalogues: Catalogue) -> tuple[float, ...]:
    """Median milliseconds of each, asked in turn."""
    for catalogue in catalogues:
        for number in range(8):
            catalogue.get(ask(catalogue, number))
    rounds = [[c.get(ask(c, number)) for c in catalogues] for number in range(ROUNDS)]
    return tuple(statistics.median(column) for column in zip(*rounds, strict=True))


def report(small: Catalogue, big: Catalogue, found: dict[str, tuple[float, ...]]) -> None:
    print(f"\nMedians of {ROUNDS} requests, in ms, one at a time")
    print(f"| | {small.size:,} videos | {big.size:,} videos | times |")
    print("| --- | ---: | ---: | ---: |")
    for name, (few, many) in found.items():
        print(f"| {name} | {few:.1f} | {many:.1f} | {many / few:.2f} |")
