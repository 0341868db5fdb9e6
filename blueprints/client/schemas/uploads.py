"""Resumable uploads on the wire: the headers of tus, and progress as JSON."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from marshmallow import ValidationError, fields, post_load, pre_load, validate, validates_schema

from blueprints.client.schemas.terms import Terms
from blueprints.http.files import FILENAME_LENGTH
from blueprints.http.parsing import Lenient
from blueprints.http.shapes import Shape
from blueprints.http.tags import to_tags
from blueprints.http.tus import Bytes, Metadata, UploadChecksum
from models.uploads import Described, ResumableUpload, UploadState
from models.video import Visibility

TITLE_LENGTH = 100
WORDS = {UploadState.OPEN: "uploading", UploadState.FINISHED: "completed"}


class About(Terms):
    """What Upload-Metadata may say. The names of other clients' habits (`name`, `type`) do too."""

    filename = fields.String(load_default="")
    filetype = fields.String(load_default="", validate=validate.Length(max=100))
    title = fields.String(validate=validate.Length(1, TITLE_LENGTH))
    description = fields.String(load_default="", validate=validate.Length(max=5000))
    category = fields.String(load_default="", validate=validate.Length(max=100))
    tags = fields.String(load_default="", validate=validate.Length(max=1000))
    visibility = fields.Enum(Visibility, by_value=True, load_default=Visibility.PUBLIC)
    replaces = fields.String(load_default="", validate=validate.Length(max=64))

    @pre_load
    def trimmed(self, data: dict[str, str], **_: Any) -> dict[str, str]:
        found = {key: value.strip() for key, value in data.items()}
        return {"filename": found.get("name", ""), "filetype": found.get("type", "")} | found

    @post_load
    def described(self, data: dict[str, Any], **_: Any) -> Described:
        filename = data["filename"][-FILENAME_LENGTH:]
        title = PurePath(filename.replace("\\", "/")).stem[:TITLE_LENGTH] or "Untitled"
        values: dict[str, Any] = {"title": title} | data
        return Described(**values | {"filename": filename, "tags": to_tags(data["tags"])})


class Creation(Lenient):
    """The headers of a creation: how long it will be, or that this will be said later."""

    size = Bytes(data_key="Upload-Length", metadata={"example": 1048576})
    deferred = fields.String(data_key="Upload-Defer-Length", validate=validate.Equal("1"))
    described = Metadata(
        About,
        data_key="Upload-Metadata",
        metadata={
            "description": "filename, filetype, title, description, category, tags (with commas),"
            " visibility, publishAt, monetization (as JSON), drmEnabled, geoRestrictions; values"
            " in base64. Without a title the name of the file is one. `replaces` names a video of"
            " one's own that gets this as its content, and keeps all that is said of it."
        },
    )
    checksum = UploadChecksum(data_key="Upload-Checksum")
    concat = fields.String(data_key="Upload-Concat")

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        if ("size" in data) == ("deferred" in data):
            raise ValidationError("Send this or Upload-Defer-Length.", "Upload-Length")
        if "concat" in data:
            raise ValidationError("Uploads cannot be put together here.", "Upload-Concat")


class Continuation(Lenient):
    """The headers of a part."""

    offset = Bytes(data_key="Upload-Offset", required=True, metadata={"example": 0})
    total = Bytes(
        data_key="Upload-Length", metadata={"description": "Of the whole, if it was deferred."}
    )
    checksum = UploadChecksum(
        data_key="Upload-Checksum",
        metadata={"example": "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="},
    )


def percent(upload: ResumableUpload) -> float | None:
    return upload.size_bytes and round(100 * upload.offset / upload.size_bytes, 1)


class Progress(Shape):
    """002's progress of an upload. `size` and `percent` are null while its length is not known."""

    id = fields.String()
    offset = fields.Integer()
    size = fields.Integer(attribute="size_bytes", allow_none=True)
    percent = fields.Function(percent, metadata={"type": "number"})
    status = fields.Function(
        lambda upload: WORDS[upload.state], metadata={"enum": list(WORDS.values())}
    )
    videoId = fields.Function(  # noqa: N815 - the wire's spelling
        lambda upload: upload.video_id if upload.state is UploadState.FINISHED else None,
        metadata={"type": "string", "description": "Once it is one."},
    )
