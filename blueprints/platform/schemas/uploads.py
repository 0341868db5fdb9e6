"""Direct uploads on the wire of the platform API (000), and the pictures of videos."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from blueprints.http.describing import Tags
from blueprints.http.files import FILENAME_LENGTH
from blueprints.http.links import link, thumbnail, thumbnails
from blueprints.http.parsing import Trimmed
from blueprints.http.shapes import Shape
from blueprints.platform.schemas.terms import Terms
from models.uploads import UploadState
from models.video import Visibility
from services.adapters.storage import Part, Presigned
from services.uploads.direct import MOST_PARTS, NewDirect, Offer, Progress
from services.uploads.pictures import NewPicture

MOST_BYTES = 2**53
WORDS = {
    UploadState.OPEN: "uploading",
    UploadState.FINISHED: "completed",
    UploadState.FAILED: "failed",
}
STATUS = {"enum": list(WORDS.values()), "type": "string"}


def address(request: Presigned) -> str:
    """On local disk it is a path of ours."""
    return link(request.url) if request.url.startswith("/") else request.url


def parts_of(offer: Offer) -> dict[str, Any] | None:
    if not offer.parts:
        return None
    return {
        "upload_id": offer.upload.id,
        "part_size": offer.upload.part_bytes,
        "part_urls": [address(part) for part in offer.parts],
    }


# What is asked


class File(Schema):
    """What is said of a file before it is sent."""

    filename = fields.String(required=True, validate=validate.Length(1, FILENAME_LENGTH))
    file_size = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, MOST_BYTES),
        metadata={"description": "Bytes; no other number of them is taken.", "example": 1048576},
    )
    content_type = fields.String(
        required=True, validate=validate.Length(1, 120), metadata={"example": "video/mp4"}
    )


class VideoRequest(File):
    duration = fields.Float(validate=validate.Range(0, 10**9), metadata={"description": "Seconds."})
    multipart = fields.Boolean(
        load_default=False,
        metadata={"description": "Also offer to take it in parts, which can be sent in parallel."},
    )

    replaces = fields.String(
        load_default="",
        validate=validate.Length(max=64),
        metadata={
            "description": "A video of one's own that gets this as its content, and keeps all that"
            " is said of it. Complete it by the upload_id of the answer."
        },
    )

    @post_load
    def announced(self, data: dict[str, Any], **_: Any) -> NewDirect:
        return NewDirect(
            filename=data["filename"],
            size_bytes=data["file_size"],
            content_type=data["content_type"].strip().lower(),
            duration_seconds=data.get("duration"),
            in_parts=data["multipart"],
            replaces=data["replaces"],
        )


class PictureRequest(File):
    video_id = fields.String(required=True, validate=validate.Length(1, 64))

    @post_load
    def announced(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        new = NewPicture(
            filename=data["filename"],
            size_bytes=data["file_size"],
            content_type=data["content_type"].strip().lower(),
        )
        return {"reference": data["video_id"], "new": new}


class SentPart(Schema):
    part_number = fields.Integer(required=True, strict=True, validate=validate.Range(1, MOST_PARTS))
    etag = fields.String(
        required=True,
        validate=validate.Length(1, 200),
        metadata={"description": "The ETag header that its PUT was answered with."},
    )

    @post_load
    def part(self, data: dict[str, Any], **_: Any) -> Part:
        return Part(number=data["part_number"], etag=data["etag"])


class VideoCompletion(Trimmed, Terms):
    """That the file is there, and what its owner says of the video."""

    video_id = fields.String(
        required=True,
        validate=validate.Length(1, 64),
        metadata={"description": "The upload_id of the answer, which a new video has as its id."},
    )
    title = fields.String(
        validate=validate.Length(1, 100),
        metadata={"description": "The name of the file, if it is not said."},
    )
    description = fields.String(load_default="", validate=validate.Length(max=5000))
    category = fields.String(load_default="", validate=validate.Length(max=100))
    tags = Tags(load_default=())
    visibility = fields.Enum(Visibility, by_value=True, load_default=Visibility.PUBLIC)
    parts = fields.List(
        fields.Nested(SentPart), load_default=list, validate=validate.Length(max=MOST_PARTS)
    )


class PictureCompletion(Schema):
    upload_id = fields.String(required=True, validate=validate.Length(1, 64))


# What is answered


class OfferOut(Shape):
    """000's three, and how to send: a PUT with exactly these headers. Reads an `Offer`."""

    upload_url = fields.Function(lambda offer: address(offer.whole), metadata={"type": "string"})
    upload_id = fields.String(attribute="upload.id")
    video_id = fields.String(attribute="upload.video_id")
    expires_at = fields.DateTime(attribute="upload.addresses_until")
    method = fields.String(attribute="whole.method", metadata={"example": "PUT"})
    headers = fields.Function(
        lambda offer: offer.whole.headers,
        metadata={"type": "object", "additionalProperties": {"type": "string"}},
    )


class VideoOfferOut(OfferOut):
    parts = fields.Function(
        parts_of,
        metadata={
            "type": ["object", "null"],
            "description": "Where to PUT each part, the first first, of part_size bytes each but"
            " the last; instead of upload_url.",
        },
    )


class ProgressOut(Shape):
    """How an upload stands. Reads a `Progress`."""

    upload_id = fields.String(attribute="upload.id")
    video_id = fields.String(attribute="upload.video_id")
    status = fields.Function(lambda found: WORDS[found.upload.state], metadata=STATUS)
    file_size = fields.Integer(attribute="upload.size_bytes")
    received_bytes = fields.Integer(
        allow_none=True, metadata={"description": "Null until the whole file is there."}
    )
    expires_at = fields.DateTime(attribute="upload.addresses_until")
    error_message = fields.String(attribute="upload.error_message")


class ThumbnailOut(Shape):
    """Reads a `Video`."""

    video_id = fields.String(attribute="id")
    thumbnail_url = fields.Function(thumbnail, metadata={"type": "string"})
    thumbnails = fields.Function(
        thumbnails,
        metadata={
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "By the length of the longest side.",
        },
    )


__all__ = [
    "OfferOut",
    "PictureCompletion",
    "PictureRequest",
    "Progress",
    "ProgressOut",
    "ThumbnailOut",
    "VideoCompletion",
    "VideoOfferOut",
    "VideoRequest",
]
