"""A person's channel: the list of their videos, where their profile may be seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from models.listings import Listing
from models.user import User
from models.video import Sort
from services.people.people import PeopleService
from services.policies import Actor, knows_all_of
from services.videos.browsing import check_reach
from services.videos.catalogue import CatalogueService, NumberedList, Query, VideoList
from services.videos.totals import TotalService


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelService:
    people: PeopleService
    catalogue: CatalogueService
    totals: TotalService
    # How a category that is named in whatever way is kept with its videos.
    category: Callable[[str], str]

    def list(self, actor: Actor, reference: str, query: Query) -> VideoList:
        """Somebody's videos, the newest first: all of one's own, of others the public ones.

        Raises `NotFound` where the profile is hidden.
        """
        return self.catalogue.list(actor, self._of(actor, reference, query))

    def numbered(self, actor: Actor, reference: str, query: Query) -> NumberedList:
        """A page, and how many videos all pages hold."""
        mine = self._of(actor, reference, query)
        return NumberedList(
            videos=self.catalogue.list(actor, mine), total=self.totals.of(mine.listing)
        )

    def _of(self, actor: Actor, reference: str, query: Query) -> Query:
        check_reach(query.skip)
        listing = _of(actor, self.people.visible(actor, reference), query.listing)
        category = self.category(listing.category) if listing.category else None
        return replace(query, listing=replace(listing, category=category))


def _of(actor: Actor, user: User, asked: Listing) -> Listing:
    """By when they came in, or by views: the orders that also hold what is not public."""
    sort = asked.sort if asked.sort is Sort.POPULAR else Sort.CREATED
    everything = knows_all_of(actor, user)
    return replace(asked, author_id=user.id, any_state=everything, sort=sort)
