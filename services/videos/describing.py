"""What its owner says about a new video, whichever way it comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.video import Monetization, Visibility
from services.videos.categories import CategoryService
from services.videos.editing import shown_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    title: str
    description: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    visibility: Visibility = Visibility.PUBLIC
    publish_at: datetime | None = None
    monetization: Monetization = field(default_factory=Monetization)
    drm_enabled: bool = False
    geo_restrictions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Describing:
    categories: CategoryService
    now: Callable[[], datetime]

    def check(self, details: Details) -> None:
        """Raises `Invalid` for a time at which nothing can be published."""
        shown_to(details.visibility, details.publish_at, None, self.now())

    def fields_of(self, details: Details) -> dict[str, Any]:
        """The fields of a new video. What took longer to arrive than it was to wait is due."""
        is_scheduled = details.visibility is Visibility.SCHEDULED
        return {
            "title": details.title,
            "description": details.description,
            "category": self.categories.settle(details.category),
            "tags": details.tags,
            "visibility": details.visibility,
            "publish_at": details.publish_at if is_scheduled else None,
            "monetization": details.monetization,
            "drm_enabled": details.drm_enabled,
            "geo_restrictions": details.geo_restrictions,
        }
