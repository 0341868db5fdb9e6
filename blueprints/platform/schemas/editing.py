"""What owners say of their videos, on the wire of the platform API."""

from __future__ import annotations

from typing import Any

from flask_smorest.fields import Upload
from marshmallow import Schema, fields, post_load, validate, validates_schema

from blueprints.http.describing import Tags, Version, is_unscheduled
from blueprints.http.parsing import Lenient, Trimmed
from blueprints.http.shapes import Shape
from blueprints.platform.schemas.terms import Categorized, Terms, said_once
from blueprints.platform.schemas.videos import Pagination, VideoOut, is_file
from models.video import Video, Visibility
from services.videos.editing import Change

PAGE_SIZE_LIMIT = 100
LAST_PAGE = 1_000_000
FOR_GOOD = "It cannot be restored, and is removed now. Also for what is deleted already."


class VideoChange(Trimmed, Categorized, Terms):
    """What is not sent stays as it is; `monetization` is replaced as a whole."""

    title = fields.String(validate=validate.Length(1, 100))
    description = fields.String(validate=validate.Length(max=5000))
    tags = Tags()
    visibility = fields.Enum(Visibility, by_value=True)
    drm_enabled = fields.Boolean(
        metadata={"description": "409 if that is a change: only new content can be encrypted."}
    )

    comments_enabled = fields.Boolean(metadata={"description": "Whether any more can come."})
    comments_held = fields.Boolean(metadata={"description": "Whether each waits for approval."})

    @validates_schema
    def is_possible(self, data: dict[str, Any], **_: Any) -> None:
        is_unscheduled(data)

    @post_load
    def change(self, data: dict[str, Any], **_: Any) -> Change:
        return Change(**said_once(data))


class Precondition(Lenient):
    seen = Version(
        data_key="If-Match",
        load_default=None,
        metadata={
            "description": "The `updated_at` of the video as you read it, in quotes: 412 if it was"
            " changed since. Without it the last change of a field holds."
        },
    )


class NewContent(Schema):
    file = Upload(
        required=True,
        validate=is_file,
        metadata={"description": "MP4, MOV, AVI, MKV or WEBM."},
    )
    drm_enabled = fields.Boolean(
        load_default=None, metadata={"description": "Whether to encrypt it; as before if not sent."}
    )


class DeletionQuery(Schema):
    permanent = fields.Boolean(load_default=False, metadata={"description": FOR_GOOD})


class DeletedQuery(Schema):
    page = fields.Integer(load_default=1, validate=validate.Range(1, LAST_PAGE))
    page_size = fields.Integer(load_default=10, validate=validate.Range(1, PAGE_SIZE_LIMIT))
    cursor = fields.String(validate=validate.Length(max=500))


class DeletedOut(Shape):
    success = fields.Boolean()
    message = fields.String()
    restorable_until = fields.DateTime(allow_none=True)


def message_of(video: Video, *, permanent: bool) -> str:
    if permanent:
        return "The video is deleted, and its media is removed shortly."
    return f"The video is deleted. It can be restored until {video.purge_at:%Y-%m-%d %H:%M} UTC."


class DeletedVideoOut(VideoOut):
    deleted_at = fields.DateTime(attribute="video.deleted_at")
    restorable_until = fields.DateTime(attribute="video.purge_at", allow_none=True)


class DeletedListOut(Shape):
    videos = fields.List(fields.Nested(DeletedVideoOut))
    pagination = fields.Nested(Pagination)
