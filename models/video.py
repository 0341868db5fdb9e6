"""What a video is: its states, its parts, and which of them everybody may see."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.documents import Document, Entity
from models.tracks import AudioTrack, Caption, Presentation, TrackWork


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


class LiveStatus(StrEnum):
    """How a live stream stands (models/broadcasts.py)."""

    # Nobody has sent anything yet.
    WAITING = "waiting"
    LIVE = "live"
    # Interrupted: whoever sends it may come back.
    OFFLINE = "offline"
    ENDED = "ended"


class Sort(StrEnum):
    """The orders of a public list, by the field that each descends on."""

    LATEST = "published_at"
    POPULAR = "view_count"
    TRENDING = "ranking_score"
    CREATED = "created_at"


class Phase(StrEnum):
    """What processing has to do next. First renditions of all videos come before the rest."""

    FIRST = "first"
    # Workers encode pieces of it; nobody holds the video itself until they are done.
    CHUNKS = "chunks"
    REST = "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """How far the pipeline is, and who holds it."""

    phase: Phase = Phase.FIRST
    # Not to be cut into pieces: that has failed before.
    whole: bool = False
    # Asked to end; the worker that holds it, or the next to claim it, lets it fail so.
    cancelled: bool = False
    # How often its media was replaced: each edition has folders of its own.
    edition: int = 0
    # The upload that brought it: ending that twice replaces nothing twice.
    upload_id: str = ""
    stage: str = "queued"
    percent: float = 0.0
    attempts: int = 0
    lease: str | None = None
    lease_until: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    finished_at: datetime | None = None
    # The messages by which a processor elsewhere settled it, the last one last (external.py).
    event_ids: tuple[str, ...] = ()
    # Which worker holds it, and since when.
    worker: str = ""
    claimed_at: datetime | None = None
    # For an administrator: what the tools said last, when it could not be done.
    last_error: str = ""


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
class ExternalVariant:
    """One rendition that a processor elsewhere has made, and where it plays from."""

    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalMedia:
    """What plays from elsewhere (000's webhook), the smallest rendition first."""

    variants: tuple[ExternalVariant, ...]
    thumbnail_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A picture in several sizes, by the length of their longest side, the largest last."""

    version: str
    sides: tuple[int, ...]


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
class Edition:
    """What plays of a video, to go back to if the content that is to replace it fails."""

    edition: int = 0
    playback_version: str | None = None
    renditions: tuple[Rendition, ...] = ()
    audio_tracks: tuple[AudioTrack, ...] = ()
    presentation: Presentation | None = None
    storyboard: str | None = None
    progressive: str | None = None
    has_poster: bool = False
    duration_seconds: float = 0.0
    drm_enabled: bool = False


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
    # Staff's deletion is not its author's to take back.
    deleted_by: str | None = None
    # Until when a deleted video can be restored; its end is final from `condemned_at` on.
    purge_at: datetime | None = None
    condemned_at: datetime | None = None
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
    external: ExternalMedia | None = None
    source: Source | None = None
    processing_status: ProcessingStatus = ProcessingStatus.UPLOADED
    processing: Processing = field(default_factory=Processing)
    playable: bool = False
    # None for what was never meant to be live.
    live_status: LiveStatus | None = None
    # While its content is replaced, and then until nobody can be watching that any more.
    previous: Edition | None = None
    retire_at: datetime | None = None
    # The folder of the current manifests; versions before it stay for those who watch them.
    playback_version: str | None = None
    renditions: tuple[Rendition, ...] = ()
    captions: tuple[Caption, ...] = ()
    audio_tracks: tuple[AudioTrack, ...] = ()
    tracks: TrackWork = field(default_factory=TrackWork)
    presentation: Presentation | None = None
    # The WebVTT of its small pictures, relative to what a playback grant opens.
    storyboard: str | None = None
    progressive: str | None = None
    has_poster: bool = False
    # A picture of its owner's choice, which is shown instead of the poster.
    thumbnail: Thumbnail | None = None
    # What storage holds of it: the source while it waits, afterwards what was made of that.
    stored_bytes: int = 0
    duration_seconds: float = 0.0
    view_count: int = 0
    like_count: int = 0
    dislike_count: int = 0
    comment_count: int = 0
    # Of its comments, those that are no replies.
    thread_count: int = 0
    comments_enabled: bool = True
    # Whether each comment waits for its owner to approve it.
    comments_held: bool = False
    share_count: int = 0
    watch_time_seconds: float = 0.0
    ranking_score: float = 0.0

    @property
    def manifests(self) -> str | None:
        """The folder of the manifests to play: those with all tracks, once they are up to date."""
        made = self.presentation
        return made.folder if made and made.base == self.playback_version else self.playback_version


# What anybody may see in a list; the partial indexes below hold exactly these videos.
PUBLIC: Document = {
    "is_active": True,
    "visibility": "public",
    "playable": True,
    "deleted_at": None,
}
