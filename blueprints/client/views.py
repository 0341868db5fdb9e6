"""Views, as the client API counts them: /videos/:id/view (004)."""

from __future__ import annotations

from marshmallow import fields

from blueprints.client.dialect import dialect
from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import device, services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_views
from blueprints.http.shapes import Shape
from blueprints.http.views import ViewReport
from services.videos.views import Report

views = FamilyBlueprint(dialect, "views", "/videos", "Who watches what.")


class Viewed(Shape):
    success = fields.Boolean()


@views.route("/<video_id>/view", methods=["POST"])
@limit_views
@views.arguments(ViewReport)
@views.response(200, Viewed)
@for_visitors_too
def view(report: Report, video_id: str) -> Json:
    """Note that somebody watches, once an hour for each (004)."""
    services().views.record(caller(), video_id, report, device())
    return {"success": True}
