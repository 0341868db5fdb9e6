"""Watch history, as the platform API speaks of it: /api/users/me/history (002)."""

from __future__ import annotations

from flask import Response, jsonify
from marshmallow import fields

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.cursors import to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.links import thumbnail
from blueprints.http.shapes import Shape
from blueprints.platform.dialect import dialect
from blueprints.platform.pages import pagination, stretch_of
from blueprints.platform.schemas.sessions import Done
from blueprints.platform.schemas.social import SocialQuery
from blueprints.platform.schemas.videos import Pagination
from services.people.history import NumberedHistory

history = FamilyBlueprint(dialect, "history", "/api/users", "What one watched.")

ORDER = "history"


class WatchedOut(Shape):
    """Reads a `Seen`."""

    video_id = fields.String(attribute="video.id")
    title = fields.String(attribute="video.title")
    thumbnail_url = fields.Function(lambda seen: thumbnail(seen.video), metadata={"type": "string"})
    duration = fields.Float(attribute="video.duration_seconds")
    watched_at = fields.DateTime()
    position_seconds = fields.Float(metadata={"description": "Where to go on from."})


class HistoryOut(Shape):
    history = fields.List(fields.Nested(WatchedOut))
    pagination = fields.Nested(Pagination)


_SEEN = WatchedOut()


@history.route("/me/history")
@history.arguments(SocialQuery, location="query")
@history.response(200, HistoryOut)
def list_watched(asked: Json) -> Response:
    """What one watched, the latest first (002). Videos that are gone or hidden are left out.

    `settings.privacy.history_paused` at `PATCH /api/users/me` has nothing more noted.
    """
    stretch = stretch_of(asked, ORDER)
    found = services().history.numbered(caller(), **stretch)
    return jsonify(_page(asked, found, stretch["limit"]))


@history.route("/me/history", methods=["DELETE"])
@history.response(200, Done)
def clear() -> Json:
    """Forget all that one watched."""
    services().history.clear(caller())
    return {"success": True, "message": "Your history is empty."}


@history.route("/me/history/<video_id>", methods=["DELETE"])
@history.response(200, Done)
def remove(video_id: str) -> Json:
    """Forget that one watched a video; 404 if one has not."""
    services().history.remove(caller(), video_id)
    return {"success": True, "message": "It is not in your history any more."}


def _page(asked: Json, found: NumberedHistory, limit: int) -> Json:
    page = found.page
    cursor = to_cursor(ORDER, page.end) if page.has_more else None
    return {
        "history": _SEEN.dump(page.items, many=True),
        "pagination": pagination(asked, limit, found.total, cursor),
    }
