"""What a video is: its states, its parts, and which of them everybody may see."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.documents import Document, Entity


class Visibility(StrEnum):
    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"
    # Private until `publish_at`, when the scheduler makes it public.
    SCHEDULED = "scheduled"


class Charge(StrEnum):
    """What it costs to watch (002's `monetization.type`)."""

    FREE = "free"
    SUBSCRIPTION = "subscription"
    PAY_PER_VIEW = "pay_per_view"
    AD_SUPPORTED = "ad_supported"


class ProcessingStatus(StrEnum):
    UPLOADED = "uploaded"
    PROCESSING = "processing"
    READY = "ready"
    ERROR = "error"


class Sort(StrEnum):
    """The orders of a public list, by the field that each descends on."""

    LATEST = "published_at"
    POPULAR = "view_count"
    TRENDING = "ranking_score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """How far the pipeline is, and who holds it."""

    stage: str = "queued"
    percent: float = 0.0
    attempts: int = 0
    lease: str | None = None
    lease_until: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file as it was uploaded. `key` is where storage keeps it until it is processed."""

    key: str
    filename: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One encoding of the picture, as it can be played now."""

    name: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdConfig:
    """Where players may put advertisements (002); `frequency` is seconds between mid-rolls."""

    pre_roll: bool = False
    mid_roll: bool = False
    post_roll: bool = False
    frequency: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Monetization:
    """002's, with the price in minor units: 499 and EUR are 4.99 euros."""

    type: Charge = Charge.FREE
    price_minor: int = 0
    currency: str = ""
    ad_config: AdConfig = field(default_factory=AdConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Video(Entity):
    author_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    visibility: Visibility = Visibility.PUBLIC
    is_active: bool = True
    deleted_at: datetime | None = None
    # When the media and the words of a deleted video were taken away.
    erased_at: datetime | None = None
    published_at: datetime | None = None
    # When a scheduled video becomes public.
    publish_at: datetime | None = None
    monetization: Monetization = field(default_factory=Monetization)
    # 002: encrypted, with a key that only a licence call gives out.
    drm_enabled: bool = False
    # ISO 3166 countries where it does not play.
    geo_restrictions: tuple[str, ...] = ()
    # 001: never in any answer but inside `stream_url`.
    youtube_id: str | None = None
    source: Source | None = None
    processing_status: ProcessingStatus = ProcessingStatus.UPLOADED
    processing: Processing = field(default_factory=Processing)
    playable: bool = False
    # The folder of the current manifests; versions before it stay for those who watch them.
    playback_version: str | None = None
    renditions: tuple[Rendition, ...] = ()
    progressive: str | None = None
    has_poster: bool = False
    # What storage holds of it: the source while it waits, afterwards what was made of that.
    stored_bytes: int = 0
    duration_seconds: float = 0.0
    view_count: int = 0
    like_count: int = 0
    dislike_count: int = 0
    comment_count: int = 0
    watch_time_seconds: float = 0.0
    ranking_score: float = 0.0


# What anybody may see in a list; the partial indexes below hold exactly these videos.
PUBLIC: Document = {
    "is_active": True,
    "visibility": "public",
    "playable": True,
    "deleted_at": None,
}
