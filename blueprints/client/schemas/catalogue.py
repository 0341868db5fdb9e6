"""002's catalogue on the wire: what may be asked for, and a video with all that 002 says of it."""

# ruff: noqa: N815 - the wire's spelling

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validate, validates_schema

from blueprints.client.schemas.tracks import audio_tracks_out, captions_out
from blueprints.client.schemas.videos import FEED_LIMIT, ClientVideo
from blueprints.http import filters
from blueprints.http.links import link, thumbnail
from blueprints.http.parsing import Lenient
from blueprints.http.reactions import SAID, said
from blueprints.http.shapes import NAME, Shape, many, record
from blueprints.http.tags import to_tags
from models.listings import Listing
from models.video import Charge, Sort, Video, Visibility
from services.videos.catalogue import VideoPage
from services.videos.monetization import price_of

SORTS = {
    "latest": Sort.LATEST,
    "popular": Sort.POPULAR,
    "trending": Sort.TRENDING,
    "createdAt": Sort.CREATED,
    "views": Sort.POPULAR,
}
ORDERS = ("asc", "desc")
LAST_PAGE = 1_000_000


class CatalogueQuery(filters.Repeated, Lenient):
    """Goes on by `cursor`; numbered where `page` is sent, and then says how many there are."""

    cursor = fields.String(validate=validate.Length(max=500))
    page = fields.Integer(validate=validate.Range(1, LAST_PAGE))
    limit = fields.Integer(load_default=20, validate=validate.Range(1, FEED_LIMIT))
    category = filters.category()
    tags = filters.tags()
    creatorId = filters.person()
    mine = fields.Boolean(metadata={"description": "One's own, whatever their state."})
    all = fields.Boolean(metadata={"description": "Whatever their state; for staff."})
    visibility = fields.Enum(
        Visibility, by_value=True, metadata={"description": "With one's own, or for staff."}
    )
    status = filters.state()
    sort = fields.String(load_default="latest", validate=validate.OneOf(list(SORTS)))
    order = fields.String(load_default="desc", validate=validate.OneOf(ORDERS))
    minDuration = filters.seconds("Seconds: as long as this, or longer.")
    maxDuration = filters.seconds("Seconds: shorter than this.")
    q = filters.words()

    @validates_schema
    def is_possible(self, data: dict[str, Any], **_: Any) -> None:
        filters.alternatives(data, ("page", "cursor"))
        filters.whose(data, "mine", "creatorId")
        filters.ordered(data, "minDuration", "maxDuration")

    @post_load
    def listing(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """What is asked, in the core's words, beside the rest."""
        asked = Listing(
            sort=SORTS[data["sort"]],
            ascending=data["order"] == "asc",
            category=data.get("category"),
            tags=to_tags(data.get("tags", "")),
            any_state=data.get("all", False),
            visibility=data.get("visibility"),
            status=filters.STATES.get(data.get("status", "")),
            min_seconds=data.get("minDuration"),
            max_seconds=data.get("maxDuration"),
            words=data.get("q", ""),
        )
        return data | {"listing": asked}


class AdConfigOut(Shape):
    preRoll = fields.Boolean(attribute="pre_roll")
    midRoll = fields.Boolean(attribute="mid_roll")
    postRoll = fields.Boolean(attribute="post_roll")
    frequency = fields.Integer(metadata={"description": "Seconds between mid-rolls."})


class MonetizationOut(Shape):
    type = fields.Enum(Charge, by_value=True)
    price = fields.Function(
        price_of, metadata={"type": "number", "description": "4.99 of EUR, not 499."}
    )
    currency = fields.String()
    adConfig = fields.Nested(AdConfigOut, attribute="ad_config")


class StatsOut(Shape):
    """Reads a `Video`."""

    views = fields.Integer(attribute="view_count")
    likes = fields.Integer(attribute="like_count")
    comments = fields.Integer(attribute="comment_count")
    shares = fields.Integer(attribute="share_count")
    watchTime = fields.Float(
        attribute="watch_time_seconds", metadata={"description": "Seconds, of all who watched."}
    )


def qualities(video: Video) -> dict[str, str]:
    """What exists, by name: where to ask for a stream of just that rendition."""
    return {r.name: link(f"/stream/{video.id}?quality={r.name}") for r in video.renditions}


class ProcessingOut(Shape):
    """How far an upload is, and why it failed. Reads a `Processing`."""

    stage = fields.String()
    percent = fields.Float()
    attempts = fields.Integer()
    errorCode = fields.String(attribute="error_code")
    errorMessage = fields.String(attribute="error_message")


_PROCESSING = ProcessingOut()
PROCESSING = record(
    nullable=True,
    stage="string",
    percent="number",
    attempts="integer",
    errorCode=NAME,
    errorMessage=NAME,
)
AUDIO_TRACKS = {
    "type": "array",
    "items": record(
        id="string",
        language="string",
        label="string",
        default="boolean",
        state="string",
        createdAt="string",
    ),
}


def processing_of(page: VideoPage) -> dict[str, Any] | None:
    """Only its owner and staff see it."""
    return _PROCESSING.dump(page.video.processing) if page.is_editable else None


class CatalogueVideo(ClientVideo):
    """004's `Video`, with what 002's has beside it. Reads a `VideoPage`."""

    creatorId = fields.String(attribute="video.author_id", dump_only=True)
    visibility = fields.Enum(Visibility, by_value=True, attribute="video.visibility")
    monetization = fields.Nested(MonetizationOut, attribute="video.monetization")
    drmEnabled = fields.Boolean(attribute="video.drm_enabled")
    geoRestrictions = fields.List(fields.String(), attribute="video.geo_restrictions")
    qualities = fields.Function(
        lambda page: qualities(page.video),
        metadata={"type": "object", "additionalProperties": {"type": "string"}},
    )
    captions = fields.Function(
        lambda page: captions_out(page.video), metadata=many("ClientCaptionOut")
    )
    audioTracks = fields.Function(lambda page: audio_tracks_out(page.video), metadata=AUDIO_TRACKS)
    playable = fields.Boolean(attribute="video.playable")
    processing = fields.Function(
        processing_of,
        metadata=PROCESSING | {"description": "For the owner: stage, percent, and why it failed."},
    )
    stats = fields.Nested(StatsOut, attribute="video")
    commentsEnabled = fields.Boolean(attribute="video.comments_enabled")
    commentsHeld = fields.Boolean(
        attribute="video.comments_held",
        metadata={"description": "Whether each waits for approval."},
    )
    publishAt = fields.DateTime(attribute="video.publish_at", allow_none=True)
    publishedAt = fields.DateTime(attribute="video.published_at", allow_none=True)
    updatedAt = fields.DateTime(attribute="video.updated_at")


class RelatedVideo(Shape):
    """As little as a link to a video needs. Reads a `VideoPage`."""

    id = fields.String(attribute="video.id")
    title = fields.String(attribute="video.title")
    thumbnailUrl = fields.Function(lambda page: thumbnail(page.video), metadata={"type": "string"})
    duration = fields.Float(attribute="video.duration_seconds")
    views = fields.Integer(attribute="video.view_count")
    userId = fields.String(attribute="video.author_id")
    username = fields.Function(
        lambda page: page.author.username if page.author else None,
        metadata={"type": ["string", "null"]},
    )
    createdAt = fields.DateTime(attribute="video.created_at")


class DetailVideo(CatalogueVideo):
    """002's detail. Reads a `DetailPage`."""

    userAction = fields.Function(
        lambda page: said(page.reaction),
        metadata={
            "type": ["string", "null"],
            "enum": [*SAID.values(), None],
            "description": "What the caller thinks of it; null for visitors.",
        },
    )
    related = fields.List(
        fields.Nested(RelatedVideo),
        metadata={"description": "At most ten to watch next, the closest first."},
    )


class CatalogueOut(Shape):
    videos = fields.List(fields.Nested(CatalogueVideo))
    nextCursor = fields.String()
    hasMore = fields.Boolean()
    page = fields.Integer(metadata={"description": "Where `page` was asked for; the next two too."})
    limit = fields.Integer()
    total = fields.Integer()


class RelatedOut(Shape):
    videos = fields.List(fields.Nested(CatalogueVideo))
