"""Forms with files in them on the wire of the client API (002)."""

from __future__ import annotations

from flask_smorest.fields import Upload
from marshmallow import ValidationError, fields, validate
from werkzeug.datastructures import FileStorage

from blueprints.client.schemas.terms import Terms
from blueprints.http.describing import Tags
from blueprints.http.links import thumbnail, thumbnails
from blueprints.http.parsing import Lenient, Trimmed
from blueprints.http.shapes import Shape
from models.video import Visibility


def is_file(value: object) -> None:
    if not isinstance(value, FileStorage):
        raise ValidationError("Not a file.")


def a_file(description: str) -> Upload:
    return Upload(required=True, validate=is_file, metadata={"description": description})


class NewClientVideo(Trimmed, Terms):
    """The file, and what its owner says about it."""

    file = a_file("MP4, MOV, AVI, MKV or WEBM.")
    title = fields.String(required=True, validate=validate.Length(1, 100))
    description = fields.String(load_default="", validate=validate.Length(max=5000))
    category = fields.String(load_default="", validate=validate.Length(max=100))
    tags = Tags(load_default=(), metadata={"description": "One text with commas, or several."})
    visibility = fields.Enum(Visibility, by_value=True, load_default=Visibility.PUBLIC)


class NewThumbnail(Lenient):
    file = a_file("JPEG, PNG or WebP, up to 10 MiB.")
    videoId = fields.String(required=True, validate=validate.Length(1, 64))  # noqa: N815 - the wire's spelling


class ThumbnailOut(Shape):
    """Reads a `Video`."""

    videoId = fields.String(attribute="id")  # noqa: N815 - the wire's spelling
    thumbnailUrl = fields.Function(thumbnail, metadata={"type": "string"})  # noqa: N815 - the wire's spelling
    thumbnails = fields.Function(
        thumbnails,
        metadata={
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "By the length of the longest side.",
        },
    )
