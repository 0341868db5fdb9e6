"""Changing what is said of a video, who sees it and what it costs: its owner's, and staff's.

A change is one update of the fields that were sent: of two at once, both hold, and of one field the
last. Who must not overwrite what they have not seen says which version that was, and is told
`Stale` if there is another by now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from models.documents import to_doc
from models.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from models.video import Monetization, Video, Visibility
from models.videos import Videos
from services.adapters.events import Events
from services.people.activity import Activity
from services.policies import VISITOR, Actor, may_edit, may_see
from services.videos.catalogue import CatalogueService, VideoPage
from services.videos.categories import CategoryService
from services.videos.listeners import look_again
from services.videos.ranking import first_score
from services.videos.shelf import Shelf
from services.videos.visible import visible

PLAIN = ("title", "description", "category", "tags", "geo_restrictions", "monetization")
SWITCHES = ("comments_enabled", "comments_held")
DRM = "What is stored cannot be encrypted, or decrypted, later: send new content with this change."
STALE = "This video was changed since you read it. Read it again, and repeat your change."
TOO_EARLY = "Say when it is to be published: a time that is still to come."


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What to change of a video. What is None stays as it is."""

    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    category: str | None = None
    visibility: Visibility | None = None
    publish_at: datetime | None = None
    monetization: Monetization | None = None
    drm_enabled: bool | None = None
    geo_restrictions: tuple[str, ...] | None = None
    comments_enabled: bool | None = None
    comments_held: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditingService:
    videos: Videos
    shelf: Shelf
    catalogue: CatalogueService
    categories: CategoryService
    activity: Activity
    events: Events
    now: Callable[[], datetime]

    def update(
        self, actor: Actor, reference: str, change: Change, *, seen: datetime | None = None
    ) -> VideoPage:
        """Change a video; `seen` is the `updated_at` of the version that the change is of.

        Raises `NotFound`, `Forbidden`, `Invalid`, `Conflict`, or `Stale`.
        """
        video = self.editable(actor, reference)
        if change.drm_enabled is not None and change.drm_enabled != video.drm_enabled:
            raise Conflict(DRM)
        return self.apply(actor, video, change, seen)

    def check(self, video: Video, change: Change, seen: datetime | None) -> None:
        """Raises `Invalid`, or `Stale`, for a change that cannot be made."""
        if seen is not None and seen != video.updated_at:
            raise Stale(STALE)
        self._values(video, change)

    def apply(
        self, actor: Actor, video: Video, change: Change, seen: datetime | None = None
    ) -> VideoPage:
        """As `update`, of a video that `actor` may edit, but for its encryption."""
        self.check(video, change, seen)
        values, now = self._values(video, change), self.now()
        if not values:
            return self.catalogue.page(actor, video)
        changed = self.videos.change(
            video.id, values, now=now, score=first_score(now), unless_changed_since=seen
        )
        if changed is None:
            raise Stale(STALE) if seen else NotFound("Video not found")
        self.shelf.forget(changed)
        self._silence(values, changed)
        self.activity.note(actor)
        return self.catalogue.page(actor, changed)

    def editable(self, actor: Actor, reference: str) -> Video:
        """Raises `NotFound` for what `actor` cannot see either, else `Forbidden`."""
        video = visible(actor, self.videos.get(reference))
        if not may_edit(actor, video):
            raise Forbidden("This is somebody else's video.")
        return video

    def _silence(self, values: dict[str, Any], changed: Video) -> None:
        """Have it looked up who may go on listening to what was just hidden."""
        # As it was asked for, not as it differs from what was read: of two at once, one is told.
        if "visibility" in values and not may_see(VISITOR, changed):
            look_again(self.events, changed.id)

    def _values(self, video: Video, change: Change) -> dict[str, Any]:
        """What is to be stored: plain values of the fields that were sent."""
        if change.category is not None:
            change = replace(change, category=self.categories.settle(change.category))
        doc = to_doc(change)
        found = {name: doc[name] for name in PLAIN + SWITCHES if doc[name] is not None}
        if change.visibility is None and change.publish_at is None:
            return found
        visibility = change.visibility or video.visibility
        return found | shown_to(visibility, change.publish_at, video.publish_at, self.now())


def shown_to(
    visibility: Visibility, publish_at: datetime | None, before: datetime | None, now: datetime
) -> dict[str, Any]:
    """Who sees a video, and from when on: what is to be stored of it.

    `publish_at` is what was asked for, `before` what was set already.
    """
    if visibility is not Visibility.SCHEDULED:
        if publish_at is not None:
            message = "Only a scheduled video is published at a time: send visibility as well."
            raise Invalid(message, fields={"publish_at": [message]})
        return {"visibility": visibility, "publish_at": None}
    wanted = publish_at or before
    if wanted is None or (publish_at is not None and publish_at <= now):
        raise Invalid(TOO_EARLY, fields={"publish_at": [TOO_EARLY]})
    return {"visibility": visibility, "publish_at": wanted}
