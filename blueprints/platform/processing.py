"""A hold on processing, as the platform API has it: for administrators, and for owners."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.processing import (
    FILTERS,
    HeldForAdmins,
    HeldListOut,
    HeldOut,
    ProcessingQuery,
    Why,
)
from services.processing.holding import Held, HeldPage

processing = FamilyBlueprint(dialect, "processing", "/api", "What is processed, and ending that.")

ORDER = "processing"
_HELD = HeldForAdmins()


@processing.route("/admin/processing")
@processing.arguments(ProcessingQuery, location="query")
@processing.response(200, HeldListOut)
def list_processing(asked: Json) -> Response:
    """List what waits, is under way or has failed, the newest first (admin)."""
    found = services().processing.list(
        caller(),
        FILTERS[asked["state"]],
        after=from_cursor(ORDER, asked.get("cursor")),
        limit=asked["page_size"],
    )
    return jsonify(_page(found))


@processing.route("/admin/videos/<video_id>/why")
@processing.response(200, Why)
def why(video_id: str) -> Held:
    """Show how often a video was tried, and what went wrong last (admin)."""
    return services().processing.why(caller(), video_id)


@processing.route("/admin/videos/<video_id>/cancel", methods=["POST"])
@processing.response(200, HeldForAdmins)
def cancel_any(video_id: str) -> Held:
    """End the processing of anybody's video, within seconds (admin). 409 if there is none."""
    return services().processing.cancel(caller(), video_id)


@processing.route("/admin/videos/<video_id>/retry", methods=["POST"])
@processing.response(200, HeldForAdmins)
def retry_any(video_id: str) -> Held:
    """Process anybody's video again that failed (admin). 409 if its upload is gone."""
    return services().processing.retry(caller(), video_id)


@processing.route("/videos/<video_id>/cancel", methods=["POST"])
@processing.response(200, HeldOut)
def cancel(video_id: str) -> Held:
    """End the processing of one's own video, within seconds. 409 if there is none."""
    return services().processing.cancel(caller(), video_id)


@processing.route("/videos/<video_id>/retry", methods=["POST"])
@processing.response(200, HeldOut)
def retry(video_id: str) -> Held:
    """Process one's own video again that failed. 409 if its upload is gone."""
    return services().processing.retry(caller(), video_id)


def _page(found: HeldPage) -> Json:
    return {
        "videos": _HELD.dump(found.items, many=True),
        "next_cursor": to_cursor(ORDER, found.end),
    }
