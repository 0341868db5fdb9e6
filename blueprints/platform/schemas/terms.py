"""On which terms a video is shown, on the wire of the platform API: when, for what, and where."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load

from blueprints.http import describing
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
