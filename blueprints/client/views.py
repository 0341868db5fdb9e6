"""Views, as the client API counts them: /videos/:id/view (004)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_load

from blueprints.client.dialect import dialect
from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import device, services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_views
from blueprints.http.shapes import Shape
from blueprints.http.views import ViewReport, watched
from services.videos.views import Report

views = FamilyBlueprint(dialect, "views", "/videos", "Who watches what.")


class ClientReport(ViewReport):
    """000's, in this family's case; 000's own spelling is taken as well."""

    watch_seconds = watched(data_key="watchTimeSeconds")

    @pre_load
    def in_camel_case(self, data: Any, **_: Any) -> Any:
        either = {"watch_time_seconds": "watchTimeSeconds"}
        if not isinstance(data, dict):
            return data
        return {either.get(name, name): value for name, value in data.items()}


class Viewed(Shape):
    success = fields.Boolean()


@views.route("/<video_id>/view", methods=["POST"])
@limit_views
@views.arguments(ClientReport)
@views.response(200, Viewed)
@for_visitors_too
def view(report: Report, video_id: str) -> Json:
    """Note that somebody watches, once an hour for each (004)."""
    services().views.record(caller(), video_id, report, device())
    return {"success": True}
