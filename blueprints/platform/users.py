"""People, as the platform API speaks of them: /api/users (000, 003)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import device, services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.platform.dialect import dialect
from blueprints.platform.pages import page_of, to_query
from blueprints.platform.schemas.listings import ChannelQuery
from blueprints.platform.schemas.users import MeChange, OwnAnswer, PublicProfile
from blueprints.platform.schemas.videos import VideoListOut
from services.people.people import Change, ProfilePage

users = FamilyBlueprint(dialect, "users", "/api/users", "Oneself, and other people.")

CHANNEL = "channel"


@users.route("/me")
@users.response(200, OwnAnswer)
def me() -> ProfilePage:
    """Show one's profile with its settings (000)."""
    return services().people.own(caller())


@users.route("/me", methods=["PATCH"])
@users.arguments(MeChange)
@users.response(200, OwnAnswer)
def update_me(body: Json) -> ProfilePage:
    """Change what is sent, and nothing else (000's settings and profile).

    A new `email` needs `current_password` beside it, is taken at once, and waits to be verified.
    409 for a username or an e-mail that is another's.
    """
    return services().people.update(caller(), Change(**body), address=device().address)


@users.route("/<user_id>")
@users.response(200, PublicProfile)
@for_visitors_too
def get(user_id: str) -> ProfilePage:
    """Show somebody's public profile, by either id (003). 404 for one that is hidden."""
    return services().people.get(caller(), user_id)


@users.route("/<user_id>/videos")
@users.arguments(ChannelQuery, location="query")
@users.response(200, VideoListOut)
@for_visitors_too
def videos(asked: Json, user_id: str) -> Response:
    """List somebody's videos, the newest first unless sorted otherwise: of one's own, all (003)."""
    order = f"{CHANNEL}.{asked.get('sort_by')}.{asked['order']}"
    query = to_query(asked, order)
    found = services().channels.numbered(caller(), user_id, query)
    return jsonify(page_of(asked, order, query.limit, found))
