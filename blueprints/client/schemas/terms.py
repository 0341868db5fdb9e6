"""On which terms a video is shown, on the wire of the client API: when, for what, and where."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load

from blueprints.http import describing
from blueprints.http.describing import CountryCodes, Moment, Nested
from blueprints.http.parsing import Lenient
from models.video import AdConfig, Charge, Monetization


class AdConfigIn(Lenient):
    pre_roll = fields.Boolean(data_key="preRoll", load_default=False)
    mid_roll = fields.Boolean(data_key="midRoll", load_default=False)
    post_roll = fields.Boolean(data_key="postRoll", load_default=False)
    frequency = describing.frequency()

    @post_load
    def config(self, data: dict[str, Any], **_: Any) -> AdConfig:
        return AdConfig(**data)


class MonetizationIn(Lenient):
    type = fields.Enum(Charge, by_value=True, required=True)
    price = describing.price()
    currency = describing.currency()
    ad_config = fields.Nested(AdConfigIn, data_key="adConfig", load_default=AdConfig)

    @post_load
    def sold(self, data: dict[str, Any], **_: Any) -> Monetization:
        return describing.sold(data)


class Terms(Lenient):
    """For what has them: what is not sent is not there."""

    publish_at = Moment(
        data_key="publishAt",
        allow_none=True,
        metadata={"description": "When a scheduled video becomes public: a time to come."},
    )
    monetization = Nested(MonetizationIn)
    drm_enabled = fields.Boolean(data_key="drmEnabled")
    geo_restrictions = CountryCodes(
        data_key="geoRestrictions", metadata={"description": "Where it does not play."}
    )
