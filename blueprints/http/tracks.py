"""What every family asks of tracks, and tells of them beside a stream's address."""

from __future__ import annotations

from typing import Any

from flask_smorest.fields import Upload
from marshmallow import ValidationError, fields, validate
from werkzeug.datastructures import FileStorage

from blueprints.http.links import media_link
from blueprints.http.shapes import Shape
from models.tracks import TextKind
from services.playback.beside import Beside

LABEL_LENGTH = 64
LANGUAGE_LENGTH = 35


def a_file(description: str) -> Upload:
    return Upload(required=True, validate=is_file, metadata={"description": description})


def is_file(value: object) -> None:
    if not isinstance(value, FileStorage):
        raise ValidationError("Not a file.")


def is_printable(value: str) -> None:
    if not value.isprintable():
        raise ValidationError("Letters, numbers and signs only.")


def language_in(*, required: bool) -> fields.String:
    return fields.String(
        required=required,
        validate=validate.Length(1, LANGUAGE_LENGTH),
        metadata={"description": "A BCP 47 tag, such as `en` or `pt-BR`.", "example": "en"},
    )


def label_in() -> fields.String:
    return fields.String(
        validate=[validate.Length(1, LABEL_LENGTH), is_printable],
        metadata={"description": "What players call it; no two of a video's have the same."},
    )


def kind_in() -> fields.Enum:
    return fields.Enum(TextKind, by_value=True)


def default_in() -> fields.Boolean:
    return fields.Boolean(
        attribute="is_default",
        metadata={"description": "Whether it is shown without being asked for."},
    )


class CaptionFileOut(Shape):
    """Reads a `CaptionFile`: for players that take captions beside a stream."""

    language = fields.String(attribute="caption.language")
    label = fields.String(attribute="caption.label")
    kind = fields.Enum(TextKind, by_value=True, attribute="caption.kind")
    default = fields.Boolean(attribute="caption.is_default")
    url = fields.Function(lambda file: media_link(file.path), metadata={"type": "string"})


def beside(found: Beside) -> dict[str, Any]:
    """`dash_url`, `storyboard_url` and `captions` of what plays from here; they need its grant."""
    paths = {"dash_url": found.dash_path, "storyboard_url": found.storyboard_path}
    told: dict[str, Any] = {name: media_link(path) for name, path in paths.items() if path}
    # `CaptionFileOut` in the answer's schema writes them.
    return told | ({"captions": found.captions} if found.captions else {})
