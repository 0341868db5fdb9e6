"""Playlists: what people may say of one and of what is in it, as each family takes it."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from models.playlists import PlaylistVisibility
from services.social.playlist_contents import LAST, Place

TITLE_LENGTH = 150
DESCRIPTION_LENGTH = 5_000
ID_LENGTH = 64
AT = ("first", "last")


class Trimmed(fields.String):
    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return super()._deserialize(value, *args, **kwargs).strip()


def title(**options: Any) -> fields.String:
    return Trimmed(validate=validate.Length(1, TITLE_LENGTH), **options)


def description() -> fields.String:
    return Trimmed(validate=validate.Length(max=DESCRIPTION_LENGTH))


def visibility() -> fields.Enum:
    return fields.Enum(
        PlaylistVisibility,
        by_value=True,
        metadata={"description": "A new one is private unless this says otherwise."},
    )


def allows_duplicates(**options: Any) -> fields.Boolean:
    return fields.Boolean(
        metadata={"description": "Whether a video can be in it more than once."}, **options
    )


def reference(**options: Any) -> fields.String:
    """Of something, by either id."""
    return fields.String(validate=validate.Length(1, ID_LENGTH), **options)


def at() -> fields.String:
    return fields.String(
        validate=validate.OneOf(AT),
        metadata={"description": "Where in the list; without this and `after`, at its end."},
    )


def after() -> fields.String:
    return reference(metadata={"description": "The item that it goes behind."})


def request_id(**options: Any) -> fields.String:
    return fields.String(
        load_default="",
        validate=validate.Length(max=ID_LENGTH),
        metadata={
            "description": "Where a video can be in the list more than once: an id of the client's"
            " own, so that sending the same addition again adds nothing."
        },
        **options,
    )


def place_of(data: dict[str, Any]) -> Place:
    """Raises `ValidationError` where both are sent."""
    if "at" in data and "after" in data:
        raise ValidationError("Send either at or after.", "after")
    if "after" in data:
        return Place(after=data["after"])
    return Place(first=True) if data.get("at") == "first" else LAST
