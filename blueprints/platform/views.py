"""Views, as the platform API counts them: /api/videos/{id}/view (000)."""

from __future__ import annotations

from marshmallow import fields

from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import device, services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_views
from blueprints.http.shapes import Shape
from blueprints.http.views import ViewReport
from blueprints.platform.dialect import dialect
from services.videos.views import Report

views = FamilyBlueprint(dialect, "views", "/api/videos", "Who watches what.")


class Viewed(Shape):
    success = fields.Boolean()
    new_view_count = fields.Integer()


@views.route("/<video_id>/view", methods=["POST"])
@limit_views
@views.arguments(ViewReport)
@views.response(200, Viewed)
@for_visitors_too
def view(report: Report, video_id: str) -> Json:
    """Note that somebody watches, once an hour for each, and for how long (000)."""
    count = services().views.record(caller(), video_id, report, device())
    return {"success": True, "new_view_count": count}
