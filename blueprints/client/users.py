"""People, as the client API speaks of them: /users (002, 004)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.client.dialect import dialect
from blueprints.client.schemas.users import (
    Done,
    HistoryOut,
    MeChange,
    MeOut,
    PageQuery,
    ProfileChange,
    SeenOut,
    UserProfile,
)
from blueprints.client.schemas.videos import ClientVideo
from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import device, services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from services.people.history import HistoryPage
from services.people.people import Change, Overview, ProfilePage
from services.videos.catalogue import Query, VideoList

users = FamilyBlueprint(dialect, "users", "/users", "Oneself, and other people.")

NEXT_CURSOR = "X-Next-Cursor"
HISTORY, CHANNEL = "history", "channel"
_SEEN, _VIDEO = SeenOut(), ClientVideo()


@users.route("/me")
@users.response(200, MeOut)
def me() -> Overview:
    """Show one's profile, preferences, settings, subscriptions, devices and history (002)."""
    return services().people.overview(caller())


@users.route("/me", methods=["PATCH"])
@users.arguments(MeChange)
@users.response(200, MeOut)
def update_me(body: Json) -> Overview:
    """Change what is sent, and nothing else (002).

    A new `email` needs `currentPassword` beside it, is taken at once, and waits to be verified.
    409 for a username or an e-mail that is another's.
    """
    return services().people.update_overview(caller(), Change(**body), address=device().address)


@users.route("/me/history")
@users.arguments(PageQuery, location="query")
@users.response(200, HistoryOut)
def history(asked: Json) -> Response:
    """What one watched, the latest first (002). Videos that are gone or hidden are left out."""
    after = from_cursor(HISTORY, asked.get("cursor"))
    found = services().history.list(caller(), after=after, limit=asked["limit"])
    return jsonify(_history(found))


@users.route("/me/history", methods=["DELETE"])
@users.response(200, Done)
def clear_history() -> Json:
    """Forget all that one watched."""
    services().history.clear(caller())
    return {"success": True}


@users.route("/me/history/<video_id>", methods=["DELETE"])
@users.response(200, Done)
def forget_watched(video_id: str) -> Json:
    """Forget that one watched a video; 404 if one has not."""
    services().history.remove(caller(), video_id)
    return {"success": True}


@users.route("/<user_id>")
@users.response(200, UserProfile)
@for_visitors_too
def get(user_id: str) -> ProfilePage:
    """Show somebody's profile, by either id (004). 404 for one that is hidden from the caller."""
    return services().people.get(caller(), user_id)


@users.route("/<user_id>", methods=["PATCH"])
@users.arguments(ProfileChange)
@users.response(200, UserProfile)
def update(body: Json, user_id: str) -> ProfilePage:
    """Change one's own username or picture (004). 403 for anybody else's."""
    change, address = Change(**body), device().address
    return services().people.update(caller(), change, address=address, reference=user_id)


@users.route("/<user_id>/videos")
@users.arguments(PageQuery, location="query")
@users.response(
    200,
    ClientVideo(many=True),
    headers={NEXT_CURSOR: {"schema": {"type": "string"}, "description": "Where there are more."}},
)
@for_visitors_too
def videos(asked: Json, user_id: str) -> Response:
    """List somebody's videos, the newest first: of one's own, all (004).

    What follows is asked for with `X-Next-Cursor` as `cursor`.
    """
    query = Query(limit=asked["limit"], after=from_cursor(CHANNEL, asked.get("cursor")))
    return videos_of(services().channels.list(caller(), user_id, query), CHANNEL)


def _history(found: HistoryPage) -> Json:
    body: Json = {"history": _SEEN.dump(found.items, many=True), "hasMore": found.has_more}
    return body | ({"nextCursor": to_cursor(HISTORY, found.end)} if found.has_more else {})


def videos_of(found: VideoList, order: str) -> Response:
    """004's bare list; where it goes on is in a header."""
    response = jsonify(_VIDEO.dump(found.items, many=True))
    if found.has_more and (cursor := to_cursor(order, found.end)):
        response.headers[NEXT_CURSOR] = cursor
    return response
