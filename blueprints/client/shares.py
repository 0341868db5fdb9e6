"""Shares, as the client API counts them: /videos/:id/share (002's `stats.shares`)."""

# ruff: noqa: N815 - the wire's spelling

from __future__ import annotations

from marshmallow import fields

from blueprints.client.dialect import dialect
from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import device, services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_views
from blueprints.http.shapes import Shape
from blueprints.http.sharing import ShareIn
from services.social.shares import Shared

shares = FamilyBlueprint(dialect, "shares", "/videos", "Pass videos on.")


class SharedOut(Shape):
    """Reads a `Shared`."""

    success = fields.Function(lambda _: True, metadata={"type": "boolean"})
    shareUrl = fields.String(attribute="url")
    shareCount = fields.Integer(attribute="share_count")


@shares.route("/<video_id>/share", methods=["POST"])
@limit_views
@shares.arguments(ShareIn)
@shares.response(200, SharedOut)
@for_visitors_too
def share(body: Json, video_id: str) -> Shared:
    """An address to pass on; it counts as a share once an hour for each."""
    return services().shares.share(caller(), video_id, body["channel"], device())
