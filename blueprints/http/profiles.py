"""What people may write about themselves: fields that every family takes in the same form."""

from __future__ import annotations

import unicodedata
from typing import Any

from marshmallow import ValidationError, fields, validate

NAME_LENGTH = 50
BIO_LENGTH = 500
URL_LENGTH = 2000
QUALITIES = ("auto", "1080p", "720p", "480p")

_IS_URL = validate.URL(schemes={"http", "https"}, require_tld=False)
# Line breaks and tabs are control characters too, and belong in a longer text.
_TEXT = {"\n", "\r", "\t"}
# What turns the text around it the other way, so that a name reads as another's.
_DIRECTIONS = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


class _Trimmed(fields.String):
    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return super()._deserialize(value, *args, **kwargs).strip()


def display_name(**options: Any) -> fields.String:
    """000: 1 to 50 characters, on one line."""
    return _Trimmed(validate=[validate.Length(1, NAME_LENGTH), _no_controls], **options)


def bio() -> fields.String:
    """000: at most 500 characters."""
    return _Trimmed(validate=[validate.Length(max=BIO_LENGTH), _no_controls_but_breaks])


def picture_url(**options: Any) -> fields.String:
    """An address of a picture elsewhere; an empty one for none."""
    return _Trimmed(
        validate=[validate.Length(max=URL_LENGTH), _web_address],
        metadata={"description": "http or https; an empty text takes the picture away."},
        **options,
    )


def username() -> fields.String:
    return fields.String(
        validate=validate.Length(max=100),
        metadata={"description": "3 to 30 letters, digits or underscores; unique, case aside."},
    )


def email() -> fields.String:
    return fields.String(
        validate=validate.Length(1, 254),
        metadata={"description": "A new one needs the current password, and to be verified."},
    )


def current_password(**options: Any) -> fields.String:
    return fields.String(load_only=True, validate=validate.Length(1, 1024), **options)


def quality() -> fields.String:
    return fields.String(validate=validate.OneOf(QUALITIES))


def _web_address(value: str) -> None:
    if value:
        _IS_URL(value)


def _no_controls(value: str) -> None:
    if any(unicodedata.category(char) == "Cc" or char in _DIRECTIONS for char in value):
        raise ValidationError("Control characters are not allowed.")


def _no_controls_but_breaks(value: str) -> None:
    _no_controls("".join(char for char in value if char not in _TEXT))
