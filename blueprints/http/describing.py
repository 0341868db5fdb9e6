"""What people say of their videos, as fields: tags, prices, countries, times, versions.

Each takes JSON, and also the one text that a form or a header has room for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from marshmallow import ValidationError, fields, validate

from blueprints.http.tags import MAX_TAGS, to_tags
from models.countries import COUNTRIES
from models.errors import Invalid
from models.video import Monetization, Visibility
from services.videos.monetization import MOST, Offer, countries_of, monetization_of

TAG_LENGTH = 100
FREQUENCY_SECONDS = 24 * 3600


class Tags(fields.List):
    """A list of texts, or one text with commas."""

    def __init__(self, **options: Any) -> None:
        each = fields.String(validate=validate.Length(max=TAG_LENGTH))
        super().__init__(each, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list):
            texts = [tag for text in texts for tag in _split(text)]
        found: Any = super()._deserialize(texts, attr, data, **kwargs)
        try:
            return to_tags(",".join(found))
        except ValidationError as wrong:
            raise ValidationError(f"At most {MAX_TAGS} tags.") from wrong


def _split(text: Any) -> list[Any]:
    # What is no text is refused by the field.
    return text.split(",") if isinstance(text, str) else [text]


class CountryCodes(fields.List):
    """Two letters each: a list, or one text with commas."""

    def __init__(self, **options: Any) -> None:
        each = fields.String(metadata={"enum": sorted(COUNTRIES)})
        super().__init__(each, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        listed = [value] if isinstance(value, str) else value
        found: Any = super()._deserialize(listed, attr, data, **kwargs)
        codes = [code for text in found for code in text.split(",") if code.strip()]
        try:
            return countries_of(codes)
        except Invalid as wrong:
            raise ValidationError(wrong.message) from wrong


class Moment(fields.AwareDateTime):
    """A time, in UTC unless it says otherwise, as exact as it can be kept."""

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        found = super()._deserialize(value, attr, data, **kwargs)
        try:
            exact = found.astimezone(UTC)
        except OverflowError as wrong:
            raise ValidationError("Not a time that there is.") from wrong
        return exact.replace(microsecond=exact.microsecond // 1000 * 1000)


def is_unscheduled(data: dict[str, Any]) -> None:
    """`publish_at` is null where none is set, and may be sent back so with the rest of a video.

    Raises `ValidationError` for who would end a schedule by it, and does not say what comes then.
    """
    timeless = data.get("visibility") not in {None, Visibility.SCHEDULED}
    if "publish_at" in data and data["publish_at"] is None and not timeless:
        raise ValidationError("Say who is to see it instead, as visibility.", "publish_at")


class Version(Moment):
    """If-Match: the `updated_at` of what somebody has seen, in quotes; `*` is any version."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = str(value).strip().removeprefix("W/").strip('"')
        return None if text == "*" else super()._deserialize(text, attr, data, **kwargs)


class Nested(fields.Nested):
    """An object, or its JSON as one text."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, partial: Any = None, **kwargs: Any
    ) -> Any:
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError as broken:
                raise ValidationError("Not valid JSON.") from broken
        return super()._deserialize(value, attr, data, partial, **kwargs)


def price() -> fields.Float:
    return fields.Float(
        load_default=0,
        allow_nan=False,
        validate=validate.Range(0, int(MOST)),
        metadata={"description": "4.99 of EUR, not 499. For pay_per_view alone."},
    )


def currency() -> fields.String:
    return fields.String(
        load_default="", validate=validate.Length(max=3), metadata={"example": "EUR"}
    )


def frequency() -> fields.Integer:
    return fields.Integer(
        load_default=0,
        strict=True,
        validate=validate.Range(0, FREQUENCY_SECONDS),
        metadata={"description": "Seconds between mid-rolls; 0 leaves it to the player."},
    )


def sold(said: dict[str, Any]) -> Monetization:
    """Raises `ValidationError` for each field as the core does."""
    # As it is written, not as it is stored: 4.99 rather than 4.9900000000000002.
    values: dict[str, Any] = said | {"price": Decimal(str(said["price"]))}
    try:
        return monetization_of(Offer(**values))
    except Invalid as wrong:
        named = {name.rpartition(".")[2]: messages for name, messages in wrong.fields.items()}
        raise ValidationError(named) from wrong
