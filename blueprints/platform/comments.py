"""Comments, as the platform API speaks of them: /api/videos/{id}/comments, /api/comments (000)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import services
from blueprints.http.cursors import to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_comments, limit_reactions
from blueprints.platform.dialect import dialect
from blueprints.platform.pages import pagination, stretch_of
from blueprints.platform.schemas.comments import (
    CommentChange,
    CommentDeleted,
    CommentHistoryOut,
    CommentListOut,
    CommentOut,
    CommentQuery,
    NewComment,
    ReplyQuery,
)
from blueprints.platform.schemas.social import ReactionIn, ReactionOut
from models.reactions import Kind
from services.social import comments as core
from services.social.comment_pages import CommentList, CommentPage
from services.social.reactions import Reacted

comments = FamilyBlueprint(dialect, "comments", "/api", "What people say of videos.")

_COMMENT = CommentOut()


@comments.route("/videos/<video_id>/comments")
@comments.arguments(CommentQuery, location="query")
@comments.response(200, CommentListOut)
@for_visitors_too
def list_comments(asked: Json, video_id: str) -> Response:
    """List what is said of a video, without replies: `newest`, `oldest` or `top` first (000).

    The pinned comment is above the others, unless the oldest come first. Numbered pages reach the
    first 10,000; `cursor` goes on from there, at the same cost on every page.
    """
    query = _query(asked)
    return jsonify(_page(asked, query, services().comments.list(caller(), video_id, query)))


@comments.route("/videos/<video_id>/comments", methods=["POST"])
@limit_comments
@comments.arguments(NewComment)
@comments.response(201, CommentOut)
def create(body: Json, video_id: str) -> CommentPage:
    """Comment on a video, or reply to a comment (000).

    With `status` `held` it waits until the owner of the video approves it. 403 where comments are
    off, or the owner has blocked the caller.
    """
    parent = body["parent_comment_id"]
    return services().comments.create(caller(), video_id, body["content"], parent)


@comments.route("/comments/<comment_id>")
@comments.response(200, CommentOut)
@for_visitors_too
def get(comment_id: str) -> CommentPage:
    """Show one comment, by either of its ids."""
    return services().comments.get(caller(), comment_id)


@comments.route("/comments/<comment_id>/replies")
@comments.arguments(ReplyQuery, location="query")
@comments.response(200, CommentListOut)
@for_visitors_too
def replies(asked: Json, comment_id: str) -> Response:
    """List the replies to a comment, the oldest first unless asked otherwise (000)."""
    query = _query(asked)
    return jsonify(_page(asked, query, services().comments.replies(caller(), comment_id, query)))


@comments.route("/comments/<comment_id>", methods=["PUT"])
@comments.arguments(CommentChange)
@comments.response(200, CommentOut)
def edit(body: Json, comment_id: str) -> CommentPage:
    """Say something else in one's own comment (000); what it said before is kept."""
    return services().comments.edit(caller(), comment_id, body["content"])


@comments.route("/comments/<comment_id>", methods=["DELETE"])
@comments.response(200, CommentDeleted)
def delete(comment_id: str) -> Json:
    """Delete a comment: who wrote it, the owner of the video, and staff (000).

    Where there are replies, they stay, under a comment that says nothing any more.
    """
    services().comments.delete(caller(), comment_id)
    return {"success": True, "message": "Comment deleted"}


@comments.route("/comments/<comment_id>/like", methods=["POST"])
@limit_reactions
@comments.arguments(ReactionIn)
@comments.response(200, ReactionOut)
def react(body: Json, comment_id: str) -> Reacted:
    """Like a comment, dislike it, or take that back; the same twice is the same (000)."""
    return services().reactions.react(caller(), Kind.COMMENT, comment_id, body["choice"])


@comments.route("/comments/<comment_id>/history")
@comments.response(200, CommentHistoryOut)
def history(comment_id: str) -> Json:
    """What a comment has said before: for its writer, the owner of the video, and staff."""
    return {"edits": services().comments.history(caller(), comment_id)}


def _query(asked: Json) -> core.CommentQuery:
    return core.CommentQuery(sort=asked["sort"], **stretch_of(asked, _order(asked)))


def _page(asked: Json, query: core.CommentQuery, found: CommentList) -> Json:
    cursor = to_cursor(_order(asked), found.end) if found.has_more else None
    return {
        "comments": _COMMENT.dump(found.items, many=True),
        "pagination": pagination(asked, query.limit, found.total, cursor),
    }


def _order(asked: Json) -> str:
    """Names the order, so that a cursor is taken only where it was given."""
    return f"comments.{asked['sort'].value}"
