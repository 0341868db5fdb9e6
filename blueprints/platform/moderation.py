"""Moderating comments, as the platform API speaks of it: their videos' owners, and staff."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.shapes import Shape
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.comments import (
    BlockListOut,
    BlockOut,
    BlockWish,
    CommentOut,
    CursorQuery,
    HeldCommentsOut,
    HeldQuery,
    NewReport,
    Reported,
    ReportListOut,
    ReportOut,
    ReportQuery,
    Resolution,
    RuleChange,
    RuleOut,
    Unblocked,
)
from models.comment_rules import CommentRule
from models.reports import Report
from services.social.blocking import BlockList, BlockPage
from services.social.comment_pages import CommentList, CommentPage
from services.social.reporting import ReportList, ReportPage

moderation = FamilyBlueprint(dialect, "moderation", "/api", "Who says what under whose videos.")

HELD, REPORTS, BLOCKS = "comments.held", "comments.reports", "blocks"
_COMMENT, _REPORT, _BLOCK = CommentOut(), ReportOut(), BlockOut()

Found = CommentList | ReportList | BlockList


@moderation.route("/comments/<comment_id>/hide", methods=["POST"])
@moderation.response(200, CommentOut)
def hide(comment_id: str) -> CommentPage:
    """Take a comment away, with its replies: the owner of the video, and staff."""
    return services().moderation.hide(caller(), comment_id)


@moderation.route("/comments/<comment_id>/unhide", methods=["POST"])
@moderation.response(200, CommentOut)
def unhide(comment_id: str) -> CommentPage:
    """Bring a comment back; 403 for the owner of the video where staff has hidden it."""
    return services().moderation.show(caller(), comment_id)


@moderation.route("/comments/<comment_id>/approve", methods=["POST"])
@moderation.response(200, CommentOut)
def approve(comment_id: str) -> CommentPage:
    """Have everybody see a comment that waits."""
    return services().moderation.show(caller(), comment_id)


@moderation.route("/comments/<comment_id>/reject", methods=["POST"])
@moderation.response(200, CommentOut)
def reject(comment_id: str) -> CommentPage:
    """Have nobody see a comment that waits."""
    return services().moderation.hide(caller(), comment_id)


@moderation.route("/comments/<comment_id>/pin", methods=["PUT"])
@moderation.response(200, CommentOut)
def pin(comment_id: str) -> CommentPage:
    """Put a comment above the others of one's video, instead of the one that was there."""
    return services().moderation.pin(caller(), comment_id, pinned=True)


@moderation.route("/comments/<comment_id>/pin", methods=["DELETE"])
@moderation.response(200, CommentOut)
def unpin(comment_id: str) -> CommentPage:
    """Put a comment back where it was."""
    return services().moderation.pin(caller(), comment_id, pinned=False)


@moderation.route("/comments/<comment_id>/heart", methods=["PUT"])
@moderation.response(200, CommentOut)
def heart(comment_id: str) -> CommentPage:
    """Show that one, whose video it is, loves a comment."""
    return services().moderation.heart(caller(), comment_id, hearted=True)


@moderation.route("/comments/<comment_id>/heart", methods=["DELETE"])
@moderation.response(200, CommentOut)
def unheart(comment_id: str) -> CommentPage:
    """Take that back."""
    return services().moderation.heart(caller(), comment_id, hearted=False)


@moderation.route("/users/me/comments/held")
@moderation.arguments(HeldQuery, location="query")
@moderation.response(200, HeldCommentsOut)
def list_held(asked: Json) -> Response:
    """What waits for one's approval under one's own videos, or is hidden, the newest first."""
    order = f"{HELD}.{asked['status'].value}"
    found = services().moderation.held(caller(), asked["status"], **_place(asked, order))
    return jsonify(_page("comments", _COMMENT, order, found))


@moderation.route("/users/me/comments/settings")
@moderation.response(200, RuleOut)
def rule() -> CommentRule:
    """Which comments under one's videos have to wait."""
    return services().moderation.rule(caller())


@moderation.route("/users/me/comments/settings", methods=["PATCH"])
@moderation.arguments(RuleChange)
@moderation.response(200, RuleOut)
def set_rule(body: Json) -> CommentRule:
    """Have comments with certain words wait, or all of them; of one video: `comments_held`."""
    return services().moderation.set_rule(
        caller(), words=body.get("blocked_words"), hold_all=body.get("hold_for_review")
    )


# Reports


@moderation.route("/comments/<comment_id>/report", methods=["POST"])
@moderation.arguments(NewReport)
@moderation.response(201, Reported)
def report(body: Json, comment_id: str) -> Report:
    """Tell staff of a comment, once; 409 for one that the caller has reported."""
    return services().reports.report(caller(), comment_id, body["reason"], body["note"])


@moderation.route("/admin/reports")
@moderation.arguments(ReportQuery, location="query")
@moderation.response(200, ReportListOut)
def list_reports(asked: Json) -> Response:
    """What was reported, the longest waiting first (staff)."""
    found = services().reports.queue(caller(), asked["status"], **_place(asked, REPORTS))
    return jsonify(_page("reports", _REPORT, REPORTS, found))


@moderation.route("/admin/reports/<report_id>/resolve", methods=["POST"])
@moderation.arguments(Resolution)
@moderation.response(200, ReportOut)
def resolve(body: Json, report_id: str) -> ReportPage:
    """Settle a report, and all others of the same comment (staff).

    `dismiss` brings back what only the number of reports has hidden. 409 for what is settled.
    """
    return services().reports.resolve(caller(), report_id, body["action"])


# Blocks


@moderation.route("/users/<user_id>/block", methods=["PUT"])
@moderation.arguments(BlockWish)
@moderation.response(200, BlockOut)
def block(body: Json, user_id: str) -> BlockPage:
    """Keep somebody from commenting and reacting under one's videos, and from following."""
    return services().blocking.block(caller(), user_id, hide_comments=body["hide_comments"])


@moderation.route("/users/<user_id>/block", methods=["DELETE"])
@moderation.response(200, Unblocked)
def unblock(user_id: str) -> Json:
    """Let somebody again."""
    services().blocking.unblock(caller(), user_id)
    return {"success": True}


@moderation.route("/users/me/blocks")
@moderation.arguments(CursorQuery, location="query")
@moderation.response(200, BlockListOut)
def list_blocks(asked: Json) -> Response:
    """Whom one has blocked, the latest first."""
    found = services().blocking.list(caller(), **_place(asked, BLOCKS))
    return jsonify(_page("blocks", _BLOCK, BLOCKS, found))


def _place(asked: Json, order: str) -> Json:
    return {"after": from_cursor(order, asked.get("cursor")), "limit": asked["page_size"]}


def _page(name: str, shape: Shape, order: str, found: Found) -> Json:
    return {
        name: shape.dump(found.items, many=True),
        "has_more": found.has_more,
        "next_cursor": to_cursor(order, found.end) if found.has_more else None,
    }
