"""Wiring: lists of videos, how long they are, channels, and what is related."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.container.management import categories
from services.container.parts import Parts
from services.people.channels import ChannelService
from services.people.people import PeopleService
from services.remembered import Remembered
from services.videos.browsing import BrowsingService
from services.videos.catalogue import CatalogueService
from services.videos.categories import CategoryService
from services.videos.related import RelatedService
from services.videos.totals import TotalService

COUNT_SECONDS = 30
CATEGORY_SECONDS = 5
RELATED_SECONDS = 10
RELATED_SIZE = 2_000


def browsing(parts: Parts, catalogue: CatalogueService, people: PeopleService) -> dict[str, Any]:
    """All of it, by the names that `Services` has for it."""
    category = _category(categories(parts))
    totals = TotalService(
        totals=parts.totals,
        videos=parts.videos,
        remembered=Remembered(seconds=COUNT_SECONDS),
        now=parts.now,
        new_id=parts.new_id,
    )
    return {
        "catalogue": catalogue,
        "totals": totals,
        "browsing": BrowsingService(
            catalogue=catalogue, people=people, totals=totals, category=category
        ),
        "channels": ChannelService(
            people=people, catalogue=catalogue, totals=totals, category=category
        ),
        "related": RelatedService(
            videos=parts.videos,
            catalogue=catalogue,
            remembered=Remembered(seconds=RELATED_SECONDS, size=RELATED_SIZE),
        ),
    }


def _category(categories: CategoryService) -> Callable[[str], str]:
    """What videos hold for a category that is named in whatever way; some seconds old."""
    known: Remembered[str, str] = Remembered(seconds=CATEGORY_SECONDS, size=1_000)

    def find(text: str) -> str:
        found = categories.resolve(text)
        return found.slug if found else text

    return lambda text: known.one(text, lambda: find(text))
