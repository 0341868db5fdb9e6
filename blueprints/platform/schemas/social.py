"""Follows and reactions on the wire of the platform API (000)."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load, validate, validates_schema

from blueprints.http import filters
from blueprints.http.links import avatar
from blueprints.http.reactions import ASKED, SAID, said
from blueprints.http.shapes import Shape
from blueprints.platform.schemas.videos import (
    LAST_PAGE,
    PAGE_LIMIT,
    PAGE_SIZE_LIMIT,
    Pagination,
)

SHOWN_COUNT = {"description": "null where the person does not show it."}


class ReactionIn(Schema):
    action = fields.String(required=True, validate=validate.OneOf(list(ASKED)))

    @post_load
    def choice(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"choice": ASKED[data["action"]]}


class ReactionOut(Shape):
    """Reads a `Reacted`."""

    success = fields.Function(lambda _: True, metadata={"type": "boolean"})
    user_action = fields.Function(
        lambda reacted: said(reacted.choice),
        metadata={"type": "string", "enum": list(SAID.values())},
    )
    like_count = fields.Integer()
    dislike_count = fields.Integer()


class FollowOut(Shape):
    """Reads a `Followed`."""

    success = fields.Function(lambda _: True, metadata={"type": "boolean"})
    following = fields.Boolean()
    follower_count = fields.Integer(allow_none=True, metadata=SHOWN_COUNT)


class SocialQuery(Schema):
    """000's `page` and `limit`, or 003's `page_size`; `cursor` goes on where an answer ended."""

    page = fields.Integer(load_default=1, validate=validate.Range(1, LAST_PAGE))
    limit = fields.Integer(validate=validate.Range(1, PAGE_LIMIT))
    page_size = fields.Integer(validate=validate.Range(1, PAGE_SIZE_LIMIT))
    cursor = fields.String(validate=validate.Length(max=500))

    @validates_schema
    def is_said_once(self, data: dict[str, Any], **_: Any) -> None:
        filters.alternatives(data, ("limit", "page_size"))


class AcquaintanceOut(Shape):
    """000's follower. Reads an `Acquaintance`."""

    id = fields.String(attribute="user.id")
    username = fields.String(attribute="user.username")
    display_name = fields.String(attribute="user.display_name")
    avatar_url = fields.Function(
        lambda one: avatar(one.user.avatar_url), metadata={"type": "string"}
    )
    verified = fields.Boolean(attribute="user.verified")
    follower_count = fields.Integer(
        metadata={"description": "0 where the person does not show it."}
    )
    followed_at = fields.DateTime()
    is_following = fields.Boolean(metadata={"description": "Whether the caller follows them."})


class FollowersOut(Shape):
    followers = fields.List(fields.Nested(AcquaintanceOut))
    pagination = fields.Nested(Pagination)


class FollowingOut(Shape):
    following = fields.List(fields.Nested(AcquaintanceOut))
    pagination = fields.Nested(Pagination)
