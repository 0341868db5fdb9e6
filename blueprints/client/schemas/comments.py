"""Comments on the wire of the client API, spelled as 002 spells each field."""

# ruff: noqa: N815 - the wire's spelling

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.http.links import avatar
from blueprints.http.parsing import Lenient
from blueprints.http.shapes import Shape
from models.comment import CommentSort, CommentState
from models.reactions import Choice
from services.social.comment_pages import CommentPage
from services.social.comment_text import CONTENT_LENGTH

COMMENT_LIMIT = 50
SENT_LENGTH = 4 * CONTENT_LENGTH
FIRST = {"description": "The ids of the first 20 replies; all of them are at `/replies`."}


class CommentQuery(Lenient):
    cursor = fields.String(validate=validate.Length(max=500))
    limit = fields.Integer(load_default=20, validate=validate.Range(1, COMMENT_LIMIT))
    sort = fields.Enum(CommentSort, by_value=True, load_default=CommentSort.NEWEST)


class ReplyQuery(CommentQuery):
    sort = fields.Enum(CommentSort, by_value=True, load_default=CommentSort.OLDEST)


def text() -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Length(1, SENT_LENGTH),
        metadata={"description": f"Plain text, 1 to {CONTENT_LENGTH} characters once trimmed."},
    )


class NewComment(Lenient):
    text = text()
    parentId = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=64),
        metadata={"description": "What it replies to. Replies to replies join the same thread."},
    )


class CommentChange(Lenient):
    text = text()


class CommentAuthor(Shape):
    id = fields.String()
    username = fields.String()
    displayName = fields.String(attribute="display_name")
    avatarUrl = fields.Function(
        lambda author: avatar(author.avatar_url), metadata={"type": "string"}
    )
    verified = fields.Boolean()


def _writer(page: CommentPage) -> str | None:
    return None if page.is_deleted else page.comment.user_id


class ClientComment(Shape):
    """002's comment. Reads a `CommentPage`."""

    id = fields.String(attribute="comment.id")
    videoId = fields.String(attribute="comment.video_id")
    userId = fields.Function(_writer, metadata={"type": ["string", "null"]})
    text = fields.String(attribute="comment.content")
    timestamp = fields.DateTime(attribute="comment.created_at")
    likes = fields.Integer(attribute="comment.like_count")
    dislikes = fields.Integer(attribute="comment.dislike_count")
    replies = fields.List(fields.String(), metadata=FIRST)
    replyCount = fields.Integer(attribute="comment.reply_count")
    parentId = fields.String(attribute="comment.parent_comment_id", allow_none=True)
    updatedAt = fields.DateTime(attribute="comment.updated_at")
    edited = fields.Boolean(attribute="comment.edited")
    pinned = fields.Boolean(attribute="comment.pinned")
    hearted = fields.Boolean(attribute="comment.hearted")
    status = fields.Enum(CommentState, by_value=True, attribute="comment.state")
    deleted = fields.Boolean(attribute="is_deleted")
    liked = fields.Function(lambda page: page.choice is Choice.LIKE, metadata={"type": "boolean"})
    disliked = fields.Function(
        lambda page: page.choice is Choice.DISLIKE, metadata={"type": "boolean"}
    )
    author = fields.Nested(CommentAuthor, allow_none=True)


class CommentListOut(Shape):
    comments = fields.List(fields.Nested(ClientComment))
    nextCursor = fields.String()
    hasMore = fields.Boolean()


class CommentDeleted(Shape):
    success = fields.Boolean()
