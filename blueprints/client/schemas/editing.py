"""What owners say of their videos, on the wire of the client API (002)."""

# ruff: noqa: N815 - the wire's spelling

from __future__ import annotations

from typing import Any

from flask_smorest.fields import Upload
from marshmallow import fields, post_load, validate, validates_schema

from blueprints.client.schemas.catalogue import CatalogueVideo
from blueprints.client.schemas.new_uploads import is_file
from blueprints.client.schemas.terms import Terms
from blueprints.http.describing import Tags, Version, is_unscheduled
from blueprints.http.parsing import Lenient, Trimmed
from blueprints.http.shapes import Shape
from models.video import Visibility
from services.videos.editing import Change

AS_A_FORM = (
    "Instead of JSON, multipart/form-data may be sent: with a `file`, which replaces the content;"
    " `monetization` is JSON then, and lists are texts with commas."
)


class VideoChange(Trimmed, Terms):
    """What is not sent stays as it is; `monetization` is replaced as a whole."""

    file = Upload(validate=is_file, metadata={"description": AS_A_FORM})
    title = fields.String(validate=validate.Length(1, 100))
    description = fields.String(validate=validate.Length(max=5000))
    category = fields.String(validate=validate.Length(max=100))
    tags = Tags()
    visibility = fields.Enum(Visibility, by_value=True)
    comments_enabled = fields.Boolean(data_key="commentsEnabled")
    comments_held = fields.Boolean(data_key="commentsHeld")

    @validates_schema
    def is_possible(self, data: dict[str, Any], **_: Any) -> None:
        is_unscheduled(data)

    @post_load
    def change(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        file = data.pop("file", None)
        return {"file": file, "change": Change(**data)}


class Precondition(Lenient):
    seen = Version(
        data_key="If-Match",
        load_default=None,
        metadata={
            "description": "The `updatedAt` of the video as you read it, in quotes: 412 if it was"
            " changed since. Without it the last change of a field holds."
        },
    )


class DeletionQuery(Lenient):
    permanent = fields.Boolean(
        load_default=False, metadata={"description": "It cannot be restored, and is removed now."}
    )


class DeletedOut(Shape):
    success = fields.Boolean()
    restorableUntil = fields.DateTime(allow_none=True)


class DeletedVideo(CatalogueVideo):
    deletedAt = fields.DateTime(attribute="video.deleted_at")
    restorableUntil = fields.DateTime(attribute="video.purge_at", allow_none=True)


class DeletedListOut(Shape):
    videos = fields.List(fields.Nested(DeletedVideo))
    nextCursor = fields.String()
    hasMore = fields.Boolean()
