"""Notifications, as the client API speaks of them: /users/me/notifications."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.client.dialect import dialect
from blueprints.client.schemas.notifications import (
    NotificationOut,
    NotificationQuery,
    NotificationsOut,
    ReadIn,
    UnreadOut,
)
from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from services.social.notifications import NotificationPage

notifications = FamilyBlueprint(
    dialect, "notifications", "/users/me/notifications", "What one is told of what others do."
)

ORDER = "notifications"
_TOLD = NotificationOut()


@notifications.route("")
@notifications.arguments(NotificationQuery, location="query")
@notifications.response(200, NotificationsOut)
def list_notifications(asked: Json) -> Response:
    """What one was told within 90 days, the latest first, and how much of it is unread."""
    after = from_cursor(ORDER, asked.get("cursor"))
    found = services().notifications.list(
        caller(), unread=asked["unread"], after=after, limit=asked["limit"]
    )
    return jsonify(_page(found))


@notifications.route("/read", methods=["POST"])
@notifications.arguments(ReadIn)
@notifications.response(200, UnreadOut)
def read(body: Json) -> Json:
    """Mark some as read, by their ids, or all until `before`; of none at all, all until now."""
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
    return {"success": True, "unreadCount": count}


def _page(found: NotificationPage) -> Json:
    body: Json = {
        "notifications": _TOLD.dump(found.items, many=True),
        "unreadCount": found.unread,
        "hasMore": found.has_more,
    }
    return body | ({"nextCursor": to_cursor(ORDER, found.end)} if found.has_more else {})
