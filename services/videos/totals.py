"""How many videos a list holds: exact for short lists, for long ones as last counted.

Up to `COUNTED` videos are counted while somebody waits, which takes some milliseconds, and the
number is remembered for half a minute. A longer list is counted by the scheduler, from when it is
first asked for; until then it is said to hold `COUNTED`. Whether a page has another one behind it
is never told from a total.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from models.documents import identity
from models.listings import Listing
from models.totals import Total, Totals
from models.video import Sort
from models.videos import Videos
from services.remembered import Remembered

COUNTED = 10_000
# So many are counted before it is looked up whether the list is a long one.
GLANCED = 1_000
# In one go of the scheduler, so that other tasks have their turn.
LISTS_PER_RUN = 10
AGAIN_AFTER = timedelta(seconds=60)
# A list of a million is counted every ten minutes: about half a percent of the time goes there.
COUNTED_PER_SECOND = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalService:
    totals: Totals
    videos: Videos
    remembered: Remembered[Listing, int]
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    at_once: int = COUNTED
    at_a_glance: int = GLANCED

    def of(self, listing: Listing) -> int:
        """Up to half a minute old, but for one's own; of a long list, up to some minutes."""
        same = unsorted(listing)
        if listing.any_state:
            return self._count(same)
        return self.remembered.one(same, lambda: self._count(same))

    def recount(self) -> int:
        """For the scheduler: count what is due; how many lists that were."""
        due = list(self.totals.due(self.now(), limit=LISTS_PER_RUN))
        for row in due:
            total = self.videos.count_listed(row.listing)
            again = AGAIN_AFTER + timedelta(seconds=total / COUNTED_PER_SECOND)
            self.totals.counted(row.key, total, now=self.now(), again=again)
        return len(due)

    def _count(self, listing: Listing) -> int:
        total = self.videos.count_listed(listing, most=self.at_a_glance)
        if total < self.at_a_glance:
            return total
        if (known := self.totals.known(repr(listing), self.now())) >= self.at_once:
            return known
        total = self.videos.count_listed(listing, most=self.at_once)
        if total < self.at_once or not is_kept(listing):
            return total
        return max(self.at_once, self.totals.ask(self.row(listing)) or 0)

    def row(self, listing: Listing) -> Total:
        """What asks the scheduler to count this."""
        now = self.now()
        return Total(
            **identity(self.new_id()), key=repr(listing), listing=listing, asked_at=now, due_at=now
        )


def unsorted(listing: Listing) -> Listing:
    """The same for every list of the same videos, whatever their order."""
    sort = Sort.CREATED if listing.any_state else Sort.LATEST
    return replace(listing, sort=sort, ascending=False, tags=tuple(sorted(listing.tags)))


def is_kept(listing: Listing) -> bool:
    """Whether there are few enough lists of its kind for the scheduler to count them all."""
    by_length = (listing.min_seconds, listing.max_seconds) != (None, None)
    return not (listing.words or by_length or len(listing.tags) > 1)
