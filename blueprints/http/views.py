"""Reports of views, as each family takes them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validate

from blueprints.http.parsing import Lenient
from services.videos.views import Report

LONGEST_SECONDS = 24 * 3600


def watched(**options: Any) -> fields.Float:
    return fields.Float(
        validate=validate.Range(0, LONGEST_SECONDS),
        metadata={"description": "Watched since the last report."},
        **options,
    )


class ViewReport(Lenient):
    """000's, all of it optional: what is watched is told as often as a player likes."""

    watch_seconds = watched(data_key="watch_time_seconds")
    quality = fields.String(validate=validate.Length(max=16), metadata={"example": "720p"})

    @post_load
    def report(self, data: dict[str, Any], **_: Any) -> Report:
        return Report(**data)
