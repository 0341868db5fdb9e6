"""Comments on the wire of the platform API (000), and what moderators see and say of them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from blueprints.http.links import avatar
from blueprints.http.shapes import Shape
from blueprints.platform.schemas.social import SocialQuery
from blueprints.platform.schemas.videos import PAGE_SIZE_LIMIT, Pagination
from models.comment import CommentSort, CommentState
from models.reactions import Choice
from models.reports import ReportReason, ReportState
from services.social.comment_pages import CommentPage
from services.social.comment_text import CONTENT_LENGTH
from services.social.moderation import WORD_LENGTH, WORDS_AT_MOST
from services.social.reporting import Verdict

# With the spaces around it, which do not count.
SENT_LENGTH = 4 * CONTENT_LENGTH
GONE = {"description": "null where the comment is deleted."}


class CommentQuery(SocialQuery):
    sort = fields.Enum(CommentSort, by_value=True, load_default=CommentSort.NEWEST)


class ReplyQuery(SocialQuery):
    sort = fields.Enum(CommentSort, by_value=True, load_default=CommentSort.OLDEST)


def content() -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Length(1, SENT_LENGTH),
        metadata={"description": f"Plain text, 1 to {CONTENT_LENGTH} characters once trimmed."},
    )


class NewComment(Schema):
    content = content()
    parent_comment_id = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=64),
        metadata={"description": "What it replies to. Replies to replies join the same thread."},
    )


class CommentChange(Schema):
    content = content()


class CommentAuthor(Shape):
    id = fields.String()
    username = fields.String()
    display_name = fields.String()
    avatar_url = fields.Function(
        lambda author: avatar(author.avatar_url), metadata={"type": "string"}
    )
    verified = fields.Boolean()


class Interaction(Shape):
    liked = fields.Function(lambda choice: choice is Choice.LIKE, metadata={"type": "boolean"})
    disliked = fields.Function(
        lambda choice: choice is Choice.DISLIKE, metadata={"type": "boolean"}
    )


def _writer(page: CommentPage) -> str | None:
    return None if page.is_deleted else page.comment.user_id


class CommentOut(Shape):
    """000's comment. Reads a `CommentPage`."""

    id = fields.String(attribute="comment.id")
    video_id = fields.String(attribute="comment.video_id")
    user_id = fields.Function(_writer, metadata={"type": ["string", "null"], **GONE})
    parent_comment_id = fields.String(attribute="comment.parent_comment_id", allow_none=True)
    content = fields.String(attribute="comment.content")
    like_count = fields.Integer(attribute="comment.like_count")
    dislike_count = fields.Integer(attribute="comment.dislike_count")
    reply_count = fields.Integer(attribute="comment.reply_count")
    created_at = fields.DateTime(attribute="comment.created_at")
    updated_at = fields.DateTime(attribute="comment.updated_at")
    edited = fields.Boolean(attribute="comment.edited")
    pinned = fields.Boolean(attribute="comment.pinned")
    hearted = fields.Boolean(
        attribute="comment.hearted", metadata={"description": "By the owner of the video."}
    )
    status = fields.Enum(CommentState, by_value=True, attribute="comment.state")
    deleted = fields.Boolean(
        attribute="is_deleted", metadata={"description": "It is only there for its replies."}
    )
    author = fields.Nested(CommentAuthor, allow_none=True, metadata=GONE)
    user_interaction = fields.Nested(Interaction, attribute="choice")


class CommentListOut(Shape):
    comments = fields.List(fields.Nested(CommentOut))
    pagination = fields.Nested(Pagination)


class CommentDeleted(Shape):
    success = fields.Boolean()
    message = fields.String()


class EditOut(Shape):
    content = fields.String()
    until = fields.DateTime(attribute="at")


class CommentHistoryOut(Shape):
    edits = fields.List(
        fields.Nested(EditOut),
        metadata={"description": "What it said before, the oldest first; the last 50."},
    )


# Moderation


class CursorQuery(Schema):
    page_size = fields.Integer(load_default=20, validate=validate.Range(1, PAGE_SIZE_LIMIT))
    cursor = fields.String(validate=validate.Length(max=500))


class HeldQuery(CursorQuery):
    status = fields.Enum(
        CommentState,
        by_value=True,
        load_default=CommentState.HELD,
        validate=validate.OneOf([CommentState.HELD, CommentState.HIDDEN]),
        metadata={"enum": ["held", "hidden"]},
    )


class HeldCommentsOut(Shape):
    comments = fields.List(fields.Nested(CommentOut))
    has_more = fields.Boolean()
    next_cursor = fields.String(allow_none=True)


class RuleChange(Schema):
    """What is not sent stays as it is."""

    blocked_words = fields.List(
        fields.String(validate=validate.Length(1, WORD_LENGTH)),
        validate=validate.Length(max=WORDS_AT_MOST),
        metadata={"description": "A comment with one of them waits, however it is spelled."},
    )
    hold_for_review = fields.Boolean(metadata={"description": "Every comment waits."})


class RuleOut(Shape):
    blocked_words = fields.List(fields.String())
    hold_for_review = fields.Boolean(attribute="hold_all")


class NewReport(Schema):
    reason = fields.Enum(ReportReason, by_value=True, required=True)
    note = fields.String(load_default="", validate=validate.Length(max=500))


class Reported(Shape):
    success = fields.Function(lambda _: True, metadata={"type": "boolean"})
    report_id = fields.String(attribute="id")


class ReportQuery(CursorQuery):
    status = fields.Enum(ReportState, by_value=True, load_default=ReportState.OPEN)


class ReportOut(Shape):
    """Reads a `ReportPage`."""

    id = fields.String(attribute="report.id")
    comment_id = fields.String(attribute="report.comment_id")
    video_id = fields.String(attribute="report.video_id")
    user_id = fields.String(attribute="report.user_id")
    reporter_id = fields.String(attribute="report.reporter_id")
    reason = fields.Enum(ReportReason, by_value=True, attribute="report.reason")
    note = fields.String(attribute="report.note")
    content = fields.String(
        attribute="report.content", metadata={"description": "As it was when it was reported."}
    )
    status = fields.Enum(ReportState, by_value=True, attribute="report.state")
    created_at = fields.DateTime(attribute="report.created_at")
    resolved_at = fields.DateTime(attribute="report.resolved_at", allow_none=True)
    resolved_by = fields.String(attribute="report.resolved_by", allow_none=True)
    comment = fields.Nested(
        CommentOut, allow_none=True, metadata={"description": "As it is now; null if it is gone."}
    )


class ReportListOut(Shape):
    reports = fields.List(fields.Nested(ReportOut))
    has_more = fields.Boolean()
    next_cursor = fields.String(allow_none=True)


class Resolution(Schema):
    action = fields.Enum(Verdict, by_value=True, required=True)


# Blocks


class BlockWish(Schema):
    hide_comments = fields.Boolean(
        load_default=False,
        metadata={"description": "Take away what they have said under one's videos, too."},
    )


class BlockOut(Shape):
    """Reads a `BlockPage`."""

    user_id = fields.String(attribute="block.blocked_id")
    blocked_at = fields.DateTime(attribute="block.created_at")
    user = fields.Nested(CommentAuthor, attribute="person", allow_none=True)


class BlockListOut(Shape):
    blocks = fields.List(fields.Nested(BlockOut))
    has_more = fields.Boolean()
    next_cursor = fields.String(allow_none=True)


class Unblocked(Shape):
    success = fields.Boolean()
