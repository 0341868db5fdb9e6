"""What to watch next: public videos with the same tags, of the same author, or category."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from models.listings import Listing
from models.video import Sort, Video
from models.videos import Videos
from services.policies import Actor
from services.remembered import Remembered
from services.videos.catalogue import CatalogueService, VideoPage

RELATED = 10
# Looked at of each kind: enough that the video itself and what is in two kinds leave ten.
CANDIDATES = 15
SHARED_TAG, SAME_AUTHOR, SAME_CATEGORY = 2.0, 2.0, 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DetailPage(VideoPage):
    """A video's page with what is beside it."""

    related: Sequence[VideoPage] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedService:
    videos: Videos
    catalogue: CatalogueService
    # By the id of the video that they are related to.
    remembered: Remembered[str, list[Video]]

    def of(self, actor: Actor, reference: str) -> Sequence[VideoPage]:
        """At most ten, the closest first. Raises `NotFound` as the video's own page does."""
        return self._beside(actor, self.catalogue.get(actor, reference).video)

    def detail(self, actor: Actor, reference: str) -> DetailPage:
        """A video's page, and at most ten to watch next."""
        page = self.catalogue.get(actor, reference)
        own = {spec.name: getattr(page, spec.name) for spec in fields(page)}
        return DetailPage(**own, related=self._beside(actor, page.video))

    def _beside(self, actor: Actor, video: Video) -> Sequence[VideoPage]:
        """The same for everybody, some seconds old; so three queries do for all who watch."""
        found = self.remembered.one(video.id, lambda: self._find(video))
        return self.catalogue.pages(actor, found)

    def _find(self, video: Video) -> list[Video]:
        found = {
            other.id: other
            for listing in _beside(video)
            for other in self.videos.listed(listing, limit=CANDIDATES)
            if other.id != video.id
        }
        return sorted(found.values(), key=lambda other: _closeness(video, other))[:RELATED]


def _beside(video: Video) -> Iterator[Listing]:
    """Where to look; each is answered by its index within a page."""
    if video.tags:
        yield Listing(sort=Sort.TRENDING, tags=video.tags)
    if video.category:
        yield Listing(sort=Sort.TRENDING, category=video.category)
    yield Listing(sort=Sort.LATEST, author_id=video.author_id)


def _closeness(video: Video, other: Video) -> tuple[float, float, str]:
    """Sorts the closest first; among equally close ones, what ranks higher."""
    points = SHARED_TAG * len(set(video.tags) & set(other.tags))
    points += SAME_AUTHOR * (video.author_id == other.author_id)
    points += SAME_CATEGORY * (video.category == other.category != "")
    return (-points, -other.ranking_score, other.id)
