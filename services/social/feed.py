"""Lists of videos that are one's own affair: of the people one follows, and those one likes.

The feed is put together when it is asked for. For each 200 people MongoDB merges the newest of
their videos within one index, so that a page reads some hundred index keys, however many videos and
followers they have.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from models.channels import MERGED, Place
from models.documents import After
from models.errors import Forbidden, Invalid
from models.follows import Follows
from models.reactions import Reactions
from models.videos import Videos
from services.people.people import PeopleService
from services.policies import Actor, knows_all_of, may_see
from services.remembered import Remembered
from services.social.follows import MOST_FOLLOWED
from services.videos.catalogue import CatalogueService, NumberedList, VideoList

# How far numbered pages reach; all before a page is merged for it.
REACH = 1_000
COUNTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedService:
    follows: Follows
    reactions: Reactions
    videos: Videos
    people: PeopleService
    catalogue: CatalogueService
    # How long somebody's feed is; up to half a minute old.
    totals: Remembered[str, int]

    def following(
        self, actor: Actor, *, after: After | None = None, skip: int = 0, limit: int
    ) -> NumberedList:
        """Public videos of those whom `actor` follows, the newest first."""
        _check_reach(skip)
        authors = self.follows.followed_by(actor.id or "", MOST_FOLLOWED)
        found = self._newest(authors, after, skip + limit + 1)[skip:]
        shown = found[:limit]
        known = self.videos.by_ids(place.video_id for place in shown)
        videos = [video for place in shown if (video := known.get(place.video_id))]
        return NumberedList(
            videos=VideoList(
                items=self.catalogue.pages(actor, videos),
                has_more=len(found) > limit,
                end=After(shown[-1].published_at, shown[-1].oid) if shown else None,
            ),
            total=self.totals.one(actor.id or "", lambda: self._count(authors)),
        )

    def liked(self, actor: Actor, reference: str, *, after: After | None, limit: int) -> VideoList:
        """004: the videos that somebody likes, the latest like first; for themselves and staff.

        Videos that are gone or hidden are left out: a page can be shorter than was asked for.
        Raises `NotFound` for who is hidden, `Forbidden` for who is somebody else.
        """
        user = self.people.visible(actor, reference)
        if not knows_all_of(actor, user):
            raise Forbidden("What somebody likes is shown to themselves only.")
        rows = self.reactions.liked_by(user.id, after=after, limit=limit + 1)
        shown = rows[:limit]
        known = self.videos.by_ids(row.target_id for row in shown)
        videos = (known[row.target_id] for row in shown if row.target_id in known)
        return VideoList(
            items=self.catalogue.pages(actor, [v for v in videos if may_see(actor, v)]),
            has_more=len(rows) > limit,
            end=After(shown[-1].created_at, shown[-1].oid) if shown else None,
        )

    def _newest(self, authors: list[str], after: After | None, limit: int) -> list[Place]:
        parts = (self.videos.newest_of(part, after=after, limit=limit) for part in _parts(authors))
        return list(islice(heapq.merge(*parts, reverse=True), limit))

    def _count(self, authors: list[str]) -> int:
        """As many as there are, up to `COUNTED`."""
        total = 0
        for part in _parts(authors):
            total += self.videos.count_public_of(part, most=COUNTED - total)
            if total >= COUNTED:
                break
        return total


def _parts(authors: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(authors), MERGED):
        yield authors[first : first + MERGED]


def _check_reach(skip: int) -> None:
    if skip >= REACH:
        raise Invalid(
            f"Numbered pages of this feed reach its first {REACH:,} videos. To go on, send the"
            " cursor that the page before answers as `cursor`.",
            fields={"page": ["Too far down: go on with `cursor`."]},
        )
