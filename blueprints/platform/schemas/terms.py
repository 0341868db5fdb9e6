"""On which terms a video is shown, on the wire of the platform API: when, for what, and where."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load, validate, validates_schema

from blueprints.http import describing, filters
from blueprints.http.describing import CountryCodes, Moment, Nested
from blueprints.http.shapes import Shape
from models.video import AdConfig, Charge, Monetization
from services.videos.monetization import price_of


class AdConfigIn(Schema):
    pre_roll = fields.Boolean(load_default=False)
    mid_roll = fields.Boolean(load_default=False)
    post_roll = fields.Boolean(load_default=False)
    frequency = describing.frequency()

    @post_load
    def config(self, data: dict[str, Any], **_: Any) -> AdConfig:
        return AdConfig(**data)


class MonetizationIn(Schema):
    type = fields.Enum(Charge, by_value=True, required=True)
    price = describing.price()
    currency = describing.currency()
    ad_config = fields.Nested(AdConfigIn, load_default=AdConfig)

    @post_load
    def sold(self, data: dict[str, Any], **_: Any) -> Monetization:
        return describing.sold(data)


class Terms(Schema):
    """For what has them: what is not sent is not there."""

    publish_at = Moment(
        allow_none=True,
        metadata={"description": "When a scheduled video becomes public: a time to come."},
    )
    monetization = Nested(MonetizationIn)
    drm_enabled = fields.Boolean()
    geo_restrictions = CountryCodes(metadata={"description": "Where it does not play."})


class Categorized(Schema):
    """000's `category`, which 003 calls `category_id`: what is not sent is not there."""

    category = fields.String(
        validate=validate.Length(max=100),
        metadata={"description": "A category's name, slug or id, or free text."},
    )
    category_id = fields.String(
        validate=validate.Length(max=100), metadata={"description": "The same, as 003 has it."}
    )

    @validates_schema
    def is_said_once(self, data: dict[str, Any], **_: Any) -> None:
        filters.alternatives(data, ("category", "category_id"))


def said_once(data: dict[str, Any]) -> dict[str, Any]:
    """What was loaded, by the core's name for it."""
    if "category_id" in data:
        data["category"] = data.pop("category_id")
    return data


class AdConfigOut(Shape):
    pre_roll = fields.Boolean()
    mid_roll = fields.Boolean()
    post_roll = fields.Boolean()
    frequency = fields.Integer(metadata={"description": "Seconds between mid-rolls."})


class MonetizationOut(Shape):
    type = fields.Enum(Charge, by_value=True)
    price = fields.Function(price_of, metadata={"type": "number"})
    currency = fields.String()
    ad_config = fields.Nested(AdConfigOut)
