"""People, as the platform API speaks of them: /api/users (000, 003)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import device, services
from blueprints.http.cursors import from_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.platform.dialect import dialect
from blueprints.platform.pages import page_of
from blueprints.platform.schemas.users import ChannelQuery, MeChange, OwnAnswer, PublicProfile
from blueprints.platform.schemas.videos import VideoListOut
from services.people.people import Change, ProfilePage
from services.videos.catalogue import Query

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
    """List somebody's videos, the newest first: of one's own, all (003)."""
    query = _query(asked)
    found = services().channels.numbered(caller(), user_id, query)
    return jsonify(page_of(asked | {"sort": CHANNEL}, query, found))


def _query(asked: Json) -> Query:
    """With a cursor, `page` is only echoed."""
    after = from_cursor(CHANNEL, asked.get("cursor"))
    size = asked["page_size"]
    return Query(after=after, skip=0 if after else (asked["page"] - 1) * size, limit=size)
