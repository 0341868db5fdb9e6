"""Notifications on the wire of the client API."""

# ruff: noqa: N815 - the wire's spelling

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate, validates_schema

from blueprints.client.schemas.users import PageQuery
from blueprints.http import filters
from blueprints.http.links import avatar, thumbnail
from blueprints.http.parsing import Lenient
from blueprints.http.shapes import Shape
from models.notifications import NotificationKind

READ_AT_ONCE = 100


class NotificationQuery(PageQuery):
    unread = fields.Boolean(
        load_default=False, metadata={"description": "Only those that were not read."}
    )


class ReadIn(Lenient):
    """Which ones; without any, all until `before`, or until now."""

    ids = fields.List(
        fields.String(validate=validate.Length(1, 64)),
        load_default=list,
        validate=validate.Length(max=READ_AT_ONCE),
    )
    before = fields.AwareDateTime(load_default=None, allow_none=True)

    @validates_schema
    def is_said_once(self, data: dict[str, Any], **_: Any) -> None:
        filters.alternatives({name: said for name, said in data.items() if said}, ("ids", "before"))


class WhoOut(Shape):
    userId = fields.String(attribute="id")
    username = fields.String()
    avatarUrl = fields.Function(
        lambda author: avatar(author.avatar_url), metadata={"type": "string"}
    )


class WhatOut(Shape):
    id = fields.String()
    title = fields.String()
    thumbnailUrl = fields.Function(thumbnail, metadata={"type": "string"})


class NotificationOut(Shape):
    """Reads a `Told`."""

    id = fields.String(attribute="notification.id")
    kind = fields.Enum(NotificationKind, by_value=True, attribute="notification.kind")
    message = fields.String()
    count = fields.Integer(
        attribute="notification.count", metadata={"description": "How many events it tells of."}
    )
    actors = fields.List(
        fields.Nested(WhoOut), metadata={"description": "The latest few who did it."}
    )
    targetType = fields.String(attribute="notification.target_type")
    targetId = fields.String(attribute="notification.target_id")
    video = fields.Nested(
        WhatOut, allow_none=True, metadata={"description": "null where it is gone, or hidden."}
    )
    read = fields.Boolean(attribute="notification.read")
    createdAt = fields.DateTime(attribute="notification.created_at")
    updatedAt = fields.DateTime(attribute="notification.updated_at")


class NotificationsOut(Shape):
    notifications = fields.List(fields.Nested(NotificationOut))
    unreadCount = fields.Integer()
    nextCursor = fields.String()
    hasMore = fields.Boolean()


class UnreadOut(Shape):
    success = fields.Boolean()
    unreadCount = fields.Integer()
