"""Comments, as the client API speaks of them: /videos/:id/comments (002)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.client.dialect import dialect
from blueprints.client.schemas.comments import (
    ClientComment,
    CommentChange,
    CommentDeleted,
    CommentListOut,
    CommentQuery,
    NewComment,
    ReplyQuery,
)
from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_comments
from services.social import comments as core
from services.social.comment_pages import CommentList, CommentPage

comments = FamilyBlueprint(dialect, "comments", "/videos", "What people say of videos.")

_COMMENT = ClientComment()


@comments.route("/<video_id>/comments")
@comments.arguments(CommentQuery, location="query")
@comments.response(200, CommentListOut)
@for_visitors_too
def list_comments(asked: Json, video_id: str) -> Response:
    """List what is said of a video, without replies (002); the pinned comment is first."""
    found = services().comments.list(caller(), video_id, _query(asked))
    return jsonify(_page(asked, found))


@comments.route("/<video_id>/comments", methods=["POST"])
@limit_comments
@comments.arguments(NewComment)
@comments.response(201, ClientComment)
def create(body: Json, video_id: str) -> CommentPage:
    """Comment on a video, or reply to a comment (002).

    With `status` `held` it waits until the owner of the video approves it.
    """
    return services().comments.create(caller(), video_id, body["text"], body["parentId"])


@comments.route("/comments/<comment_id>/replies")
@comments.arguments(ReplyQuery, location="query")
@comments.response(200, CommentListOut)
@for_visitors_too
def replies(asked: Json, comment_id: str) -> Response:
    """List the replies to a comment, the oldest first unless asked otherwise."""
    found = services().comments.replies(caller(), comment_id, _query(asked))
    return jsonify(_page(asked, found))


@comments.route("/comments/<comment_id>", methods=["PUT"])
@comments.arguments(CommentChange)
@comments.response(200, ClientComment)
def edit(body: Json, comment_id: str) -> CommentPage:
    """Say something else in one's own comment; what it said before is kept."""
    return services().comments.edit(caller(), comment_id, body["text"])


@comments.route("/comments/<comment_id>", methods=["DELETE"])
@comments.response(200, CommentDeleted)
def delete(comment_id: str) -> Json:
    """Delete a comment: who wrote it, the owner of the video, and staff."""
    services().comments.delete(caller(), comment_id)
    return {"success": True}


def _query(asked: Json) -> core.CommentQuery:
    return core.CommentQuery(
        sort=asked["sort"],
        after=from_cursor(_order(asked), asked.get("cursor")),
        limit=asked["limit"],
        with_replies=True,
    )


def _page(asked: Json, found: CommentList) -> Json:
    body: Json = {"comments": _COMMENT.dump(found.items, many=True), "hasMore": found.has_more}
    cursor = {"nextCursor": to_cursor(_order(asked), found.end)} if found.has_more else {}
    return body | cursor


def _order(asked: Json) -> str:
    return f"comments.{asked['sort'].value}"
