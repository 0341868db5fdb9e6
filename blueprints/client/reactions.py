"""Reactions, as the client API speaks of them: /videos/:id/like, and what one likes (004)."""

from __future__ import annotations

from flask import Response

from blueprints.client.dialect import dialect
from blueprints.client.schemas.users import Done, PageQuery
from blueprints.client.schemas.videos import ClientVideo
from blueprints.client.users import NEXT_CURSOR, videos_of
from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_reactions
from models.reactions import Choice, Kind

reactions = FamilyBlueprint(dialect, "reactions", "/videos", "What people think of videos.")
liked = FamilyBlueprint(dialect, "liked", "/users", "What one likes.")

LIKED = "liked"


@reactions.route("/<video_id>/like", methods=["POST"])
@limit_reactions
@reactions.response(200, Done)
def like(video_id: str) -> Json:
    """Like a video instead of whatever was; the same twice is the same (004)."""
    services().reactions.react(caller(), Kind.VIDEO, video_id, Choice.LIKE)
    return {"success": True}


@reactions.route("/<video_id>/dislike", methods=["POST"])
@limit_reactions
@reactions.response(200, Done)
def dislike(video_id: str) -> Json:
    """Dislike a video instead of whatever was; the same twice is the same (004)."""
    services().reactions.react(caller(), Kind.VIDEO, video_id, Choice.DISLIKE)
    return {"success": True}


@reactions.route("/<video_id>/like", methods=["DELETE"])
@reactions.route("/<video_id>/dislike", methods=["DELETE"])
@limit_reactions
@reactions.response(200, Done)
def take_back(video_id: str) -> Json:
    """Neither like nor dislike a video any more, whichever it was."""
    services().reactions.react(caller(), Kind.VIDEO, video_id, Choice.NONE)
    return {"success": True}


@liked.route("/<user_id>/liked")
@liked.arguments(PageQuery, location="query")
@liked.response(
    200,
    ClientVideo(many=True),
    headers={NEXT_CURSOR: {"schema": {"type": "string"}, "description": "Where there are more."}},
)
def list_liked(asked: Json, user_id: str) -> Response:
    """List the videos that one likes, the latest like first (004). 403 for anybody else's.

    What follows is asked for with `X-Next-Cursor` as `cursor`.
    """
    after = from_cursor(LIKED, asked.get("cursor"))
    found = services().feeds.liked(caller(), user_id, after=after, limit=asked["limit"])
    return videos_of(found, LIKED)
