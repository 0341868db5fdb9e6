"""Notifications on the wire of the platform API: what one was told, and what one has read of it."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate, validates_schema

from blueprints.http import filters
from blueprints.http.links import avatar, thumbnail
from blueprints.http.shapes import Shape
from blueprints.platform.schemas.social import SocialQuery
from blueprints.platform.schemas.videos import Pagination
from models.notifications import NotificationKind

READ_AT_ONCE = 100


class NotificationQuery(SocialQuery):
    unread = fields.Boolean(
        load_default=False, metadata={"description": "Only those that were not read."}
    )


class ReadIn(Schema):
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
    id = fields.String()
    username = fields.String()
    display_name = fields.String()
    avatar_url = fields.Function(
        lambda author: avatar(author.avatar_url), metadata={"type": "string"}
    )


class WhatOut(Shape):
    id = fields.String()
    title = fields.String()
    thumbnail_url = fields.Function(thumbnail, metadata={"type": "string"})


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
    target_type = fields.String(attribute="notification.target_type")
    target_id = fields.String(attribute="notification.target_id")
    video = fields.Nested(
        WhatOut, allow_none=True, metadata={"description": "null where it is gone, or hidden."}
    )
    read = fields.Boolean(attribute="notification.read")
    created_at = fields.DateTime(attribute="notification.created_at")
    updated_at = fields.DateTime(attribute="notification.updated_at")


class NotificationsOut(Shape):
    notifications = fields.List(fields.Nested(NotificationOut))
    unread_count = fields.Integer()
    pagination = fields.Nested(Pagination)


class UnreadOut(Shape):
    success = fields.Boolean()
    unread_count = fields.Integer()
