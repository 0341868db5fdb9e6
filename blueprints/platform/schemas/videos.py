"""The wire shapes of the platform API. Changing a field here is changing a contract (000, 003)."""

from __future__ import annotations

from typing import Any, cast

from flask_smorest.fields import Upload
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate
from werkzeug.datastructures import FileStorage

from blueprints.http.describing import Tags
from blueprints.http.links import avatar, link, thumbnail
from blueprints.http.parsing import Trimmed
from blueprints.http.reactions import SAID, interaction, said
from blueprints.http.shapes import ADDRESS, ADDRESSES, NAME, Shape, many, record
from blueprints.http.states import STATUS_WORDS
from blueprints.platform.schemas.terms import Categorized, MonetizationOut, Terms, said_once
from blueprints.platform.schemas.tracks import audio_tracks_out, captions_out
from models.video import LiveStatus, ProcessingStatus, Video, Visibility
from services.videos.catalogue import VideoPage

PAGE_LIMIT = 50
PAGE_SIZE_LIMIT = 100
LAST_PAGE = 1_000_000
METRICS = record(
    watch_time_minutes="number",
    engagement_rate="number",
    retention_curve={"type": "array", "items": {"type": "number"}},
)
PROCESSING = record(
    nullable=True,
    stage="string",
    percent="number",
    attempts="integer",
    error_code=NAME,
    error_message=NAME,
)


def quality_variants(video: Video) -> dict[str, str]:
    """What exists, by name: where to ask for a stream of just that rendition."""
    return {r.name: link(f"/stream/{video.id}?quality={r.name}") for r in video.renditions}


def metrics(video: Video) -> dict[str, Any]:
    acts = video.like_count + video.dislike_count + video.comment_count
    return {
        "watch_time_minutes": round(video.watch_time_seconds / 60, 2),
        "engagement_rate": round(acts / video.view_count, 4) if video.view_count else 0.0,
        "retention_curve": [],
    }


def is_file(value: object) -> None:
    if not isinstance(value, FileStorage):
        raise ValidationError("Not a file.")


class NewVideo(Trimmed, Categorized, Terms):
    """A multipart form: the file, and what its owner says about it."""

    file = Upload(
        required=True,
        validate=is_file,
        metadata={"description": "MP4, MOV, AVI, MKV or WEBM."},
    )
    title = fields.String(required=True, validate=validate.Length(1, 100))
    description = fields.String(load_default="", validate=validate.Length(max=5000))
    tags = Tags(load_default=(), metadata={"description": "One text with commas, or several."})
    visibility = fields.Enum(Visibility, by_value=True, load_default=Visibility.PUBLIC)

    @post_load
    def said(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return said_once(data)


class AuthorOut(Shape):
    id = fields.String()
    username = fields.String()
    display_name = fields.String()
    avatar_url = fields.Function(lambda author: avatar(author.avatar_url), metadata=ADDRESS)
    follower_count = fields.Integer()
    verified = fields.Boolean()


class ProcessingOut(Shape):
    """How far an upload is; only its owner and staff see it."""

    stage = fields.String()
    percent = fields.Float()
    attempts = fields.Integer()
    error_code = fields.String()
    error_message = fields.String()


def processing_of(page: VideoPage) -> dict[str, Any] | None:
    if not page.is_editable:
        return None
    return cast("dict[str, Any]", ProcessingOut().dump(page.video.processing))


class VideoOut(Shape):
    """000's video, with 003's words for its state. Reads a `VideoPage`."""

    id = fields.String(attribute="video.id")
    title = fields.String(attribute="video.title")
    description = fields.String(attribute="video.description")
    thumbnail_url = fields.Function(lambda page: thumbnail(page.video), metadata=ADDRESS)
    video_url = fields.Function(
        lambda page: link(f"/api/videos/{page.video.id}/stream"), metadata=ADDRESS
    )
    duration = fields.Float(attribute="video.duration_seconds")
    view_count = fields.Integer(attribute="video.view_count")
    like_count = fields.Integer(attribute="video.like_count")
    dislike_count = fields.Integer(attribute="video.dislike_count")
    comment_count = fields.Integer(attribute="video.comment_count")
    comments_enabled = fields.Boolean(attribute="video.comments_enabled")
    comments_held = fields.Boolean(
        attribute="video.comments_held",
        metadata={"description": "Whether each waits for approval."},
    )
    author = fields.Nested(AuthorOut, allow_none=True)
    tags = fields.List(fields.String(), attribute="video.tags")
    category = fields.String(attribute="video.category")
    visibility = fields.Enum(Visibility, by_value=True, attribute="video.visibility")
    publish_at = fields.DateTime(attribute="video.publish_at", allow_none=True)
    monetization = fields.Nested(MonetizationOut, attribute="video.monetization")
    drm_enabled = fields.Boolean(attribute="video.drm_enabled")
    geo_restrictions = fields.List(fields.String(), attribute="video.geo_restrictions")
    published_at = fields.DateTime(attribute="video.published_at", allow_none=True)
    created_at = fields.DateTime(attribute="video.created_at")
    updated_at = fields.DateTime(attribute="video.updated_at")
    processing_status = fields.Enum(
        ProcessingStatus, by_value=True, attribute="video.processing_status"
    )
    status = fields.Function(
        lambda page: STATUS_WORDS[page.video.processing_status],
        metadata={"enum": list(STATUS_WORDS.values()), "type": "string"},
    )
    playable = fields.Boolean(attribute="video.playable")
    live_status = fields.Enum(
        LiveStatus,
        by_value=True,
        attribute="video.live_status",
        allow_none=True,
        metadata={"description": "Of what is, or was, sent live; else null."},
    )
    quality_variants = fields.Function(
        lambda page: quality_variants(page.video), metadata=ADDRESSES
    )
    captions = fields.Function(
        lambda page: captions_out(page.video), metadata=many("PlatformCaptionOut")
    )
    audio_tracks = fields.Function(
        lambda page: audio_tracks_out(page.video), metadata=many("PlatformAudioTrackOut")
    )
    metrics = fields.Function(lambda page: metrics(page.video), metadata=METRICS)
    user_action = fields.Function(
        lambda page: said(page.reaction),
        metadata={
            "type": ["string", "null"],
            "enum": [*SAID.values(), None],
            "description": "What the caller thinks of it; null in lists, and for visitors.",
        },
    )
    user_interaction = fields.Function(
        lambda page: interaction(page.reaction),
        metadata=record(nullable=True, liked="boolean", disliked="boolean"),
    )
    playback_token = fields.String(
        allow_none=True,
        metadata={"description": "For who is signed in and may watch; not in lists."},
    )
    processing = fields.Function(
        processing_of,
        metadata=PROCESSING | {"description": "For the owner: stage, percent, and why it failed."},
    )


class Pagination(Shape):
    current_page = fields.Integer()
    total_pages = fields.Integer()
    total_items = fields.Integer()
    has_next = fields.Boolean()
    has_prev = fields.Boolean()
    next_cursor = fields.String(allow_none=True)


class VideoListOut(Shape):
    videos = fields.List(fields.Nested(VideoOut))
    pagination = fields.Nested(Pagination)


class RelatedOut(Shape):
    videos = fields.List(fields.Nested(VideoOut))


class PictureQuery(Schema):
    """`v` is only there for caches to tell one picture from the next."""

    class Meta:
        unknown = EXCLUDE

    width = fields.Integer(
        validate=validate.Range(1, 10_000),
        metadata={"description": "Of the longest side, in pixels."},
    )


class StreamQuery(Schema):
    token = fields.String(
        validate=validate.Length(max=4096), metadata={"description": "The playback token."}
    )
