"""Reactions, as the platform API speaks of them: /api/videos/{id}/like (000)."""

from __future__ import annotations

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_reactions
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.social import ReactionIn, ReactionOut
from models.reactions import Kind
from services.social.reactions import Reacted

reactions = FamilyBlueprint(dialect, "reactions", "/api/videos", "What people think of videos.")


@reactions.route("/<video_id>/like", methods=["POST"])
@limit_reactions
@reactions.arguments(ReactionIn)
@reactions.response(200, ReactionOut)
def react(body: Json, video_id: str) -> Reacted:
    """Like a video, dislike it, or take that back; the same twice is the same (000).

    404 for a video that is hidden from the caller, 403 where its author has blocked them.
    """
    return services().reactions.react(caller(), Kind.VIDEO, video_id, body["choice"])
