"""Browsing: what somebody asks to see becomes a list that they may see.

Everybody browses what is public. Of their own, an owner may also list what is not (any state but
deleted), and staff of everybody's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from models.documents import After
from models.errors import Forbidden, Invalid, NotFound, Unauthorized
from models.listings import ANY_STATE_SORTS, NEWEST, Listing
from models.video import Sort, Visibility
from services.people.people import PeopleService
from services.policies import Actor, may_list_any_state
from services.videos.catalogue import CatalogueService, NumberedList, Query
from services.videos.totals import TotalService

ME = "me"
# How far numbered pages reach: skipping takes longer the further it goes.
REACH = 10_000
# The author of nothing.
NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for, as they say it."""

    # As asked: of whom, and what is meant by a category, is not settled yet.
    listing: Listing = NEWEST
    # Somebody by either id, or `me`: all of one's own.
    author: str | None = None
    after: After | None = None
    skip: int = 0
    limit: int
    # Whether to say how many there are.
    counted: bool = True

    @property
    def any_state(self) -> bool:
        return self.listing.any_state or self.author == ME

    @property
    def sort(self) -> Sort:
        """Of any state, the newest are those that came in last."""
        asked = self.listing.sort
        return Sort.CREATED if self.any_state and asked is Sort.LATEST else asked

    @property
    def order(self) -> str:
        """Names the order, so that a cursor is taken only where it was given."""
        direction = "up" if self.listing.ascending else "down"
        return f"{'any' if self.any_state else 'public'}.{self.sort}.{direction}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowsingService:
    catalogue: CatalogueService
    people: PeopleService
    totals: TotalService
    # How a category that is named in whatever way is kept with its videos.
    category: Callable[[str], str]

    def browse(self, actor: Actor, wish: Wish) -> NumberedList:
        """A page of what was asked for.

        Raises `Invalid` for what does not go together, `Unauthorized` or `Forbidden` for what is
        not this person's to see.
        """
        _check(wish)
        listing = self._listing(actor, wish)
        query = Query(listing=listing, after=wish.after, skip=wish.skip, limit=wish.limit)
        return NumberedList(
            videos=self.catalogue.list(actor, query),
            total=self.totals.of(listing) if wish.counted else None,
        )

    def _listing(self, actor: Actor, wish: Wish) -> Listing:
        author_id = self._author(actor, wish.author)
        if wish.any_state:
            _insist(actor, author_id)
        asked = wish.listing
        return replace(
            asked,
            sort=wish.sort,
            author_id=author_id,
            any_state=wish.any_state,
            category=self.category(asked.category) if asked.category else None,
            visibility=asked.visibility if wish.any_state else None,
        )

    def _author(self, actor: Actor, reference: str | None) -> str | None:
        """Whose videos; of somebody who is not there, or hidden, there are none."""
        if reference is None:
            return None
        if reference == ME:
            return actor.id or NOBODY
        try:
            return self.people.visible(actor, reference).id
        except NotFound:
            return NOBODY


def check_reach(skip: int) -> None:
    """Raises `Invalid` for a numbered page that is too far down."""
    if skip >= REACH:
        raise Invalid(
            f"Numbered pages reach the first {REACH:,} videos. To go on, send the cursor that the"
            " page before answers as `cursor`.",
            fields={"page": ["Too far down: go on with `cursor`."]},
        )


def _insist(actor: Actor, author_id: str | None) -> None:
    if actor.id is None:
        raise Unauthorized("Sign in to list what is not public.")
    if not may_list_any_state(actor, author_id):
        raise Forbidden("What is not public is listed for its owner and for staff.")


def _check(wish: Wish) -> None:
    check_reach(wish.skip)
    asked = wish.listing
    if wish.any_state:
        if wish.sort not in ANY_STATE_SORTS:
            raise _refused("sort", "Only what is public has a rank: sort by date or by views.")
        return
    if asked.visibility not in {None, Visibility.PUBLIC}:
        raise _refused("visibility", "All but public ones are listed of your own videos only.")
    if asked.status is not None:
        raise _refused("status", "The state is asked of your own videos only.")


def _refused(field: str, message: str) -> Invalid:
    return Invalid(message, fields={field: [message]})
