"""Notifications, as the platform API speaks of them: /api/notifications."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.cursors import to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.platform.dialect import dialect
from blueprints.platform.pages import pagination, stretch_of
from blueprints.platform.schemas.notifications import (
    NotificationOut,
    NotificationQuery,
    NotificationsOut,
    ReadIn,
    UnreadOut,
)
from services.social.notifications import NotificationPage

notifications = FamilyBlueprint(
    dialect, "notifications", "/api/notifications", "What one is told of what others do."
)

ORDER = "notifications"
_TOLD = NotificationOut()


@notifications.route("")
@notifications.arguments(NotificationQuery, location="query")
@notifications.response(200, NotificationsOut)
def list_notifications(asked: Json) -> Response:
    """What one was told within 90 days, the latest first, and how much of it is unread."""
    stretch = stretch_of(asked, ORDER)
    found = services().notifications.list(caller(), unread=asked["unread"], **stretch)
    return jsonify(_page(asked, found, stretch["limit"]))


@notifications.route("/read", methods=["POST"])
@notifications.arguments(ReadIn)
@notifications.response(200, UnreadOut)
def read(body: Json) -> Json:
    """Mark some as read, by their ids, or all until `before`; of none at all, all until now.

    Send as `before` the `updated_at` of the latest that was shown: what came in since is unread.
    """
    rest = services().notifications.read(caller(), body["ids"], body["before"])
    return _unread(rest)


@notifications.route("/<notification_id>", methods=["DELETE"])
@notifications.response(200, UnreadOut)
def remove(notification_id: str) -> Json:
    """Forget one of one's own, by either id."""
    return _unread(services().notifications.remove(caller(), notification_id))


@notifications.route("", methods=["DELETE"])
@notifications.response(200, UnreadOut)
def clear() -> Json:
    """Forget all that one was told."""
    return _unread(services().notifications.clear(caller()))


def _unread(count: int) -> Json:
    return {"success": True, "unread_count": count}


def _page(asked: Json, found: NotificationPage, limit: int) -> Json:
    cursor = to_cursor(ORDER, found.end) if found.has_more else None
    return {
        "notifications": _TOLD.dump(found.items, many=True),
        "unread_count": found.unread,
        "pagination": pagination(asked, limit, found.total, cursor),
    }
