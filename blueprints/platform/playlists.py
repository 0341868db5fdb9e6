"""Playlists, as the platform API speaks of them: /api/playlists. `watch-later` names one's own."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import services
from blueprints.http.cursors import to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.platform.dialect import dialect
from blueprints.platform.pages import pagination, stretch_of
from blueprints.platform.schemas.playlists import (
    AddedOut,
    ItemOut,
    ItemsOut,
    NewItem,
    NewPlaylist,
    PlaceIn,
    PlaylistChange,
    PlaylistOut,
    PlaylistsOut,
)
from blueprints.platform.schemas.sessions import Done
from blueprints.platform.schemas.social import SocialQuery
from services.social.playlist_contents import ItemList, ItemPage
from services.social.playlists import PlaylistList, PlaylistPage, Wording

playlists = FamilyBlueprint(dialect, "playlists", "/api/playlists", "Lists of videos to keep.")
channel_playlists = FamilyBlueprint(
    dialect, "channel_playlists", "/api/users", "Lists of videos that people show."
)

LISTS, ITEMS = "playlists", "playlist-items"
_LIST, _ITEM = PlaylistOut(), ItemOut()


@playlists.route("")
@playlists.arguments(SocialQuery, location="query")
@playlists.response(200, PlaylistsOut)
def list_own(asked: Json) -> Response:
    """One's own playlists, the newest first, with the one to watch later among them."""
    stretch = stretch_of(asked, LISTS)
    return jsonify(_lists(asked, services().playlists.list(caller(), **stretch), stretch["limit"]))


@channel_playlists.route("/<user_id>/playlists")
@channel_playlists.arguments(SocialQuery, location="query")
@channel_playlists.response(200, PlaylistsOut)
@for_visitors_too
def list_of(asked: Json, user_id: str) -> Response:
    """Somebody's public playlists, the newest first; of one's own, all."""
    stretch = stretch_of(asked, LISTS)
    found = services().playlists.list(caller(), user_id, **stretch)
    return jsonify(_lists(asked, found, stretch["limit"]))


@playlists.route("", methods=["POST"])
@playlists.arguments(NewPlaylist)
@playlists.response(201, PlaylistOut)
def create(wording: Wording) -> PlaylistPage:
    """Make a playlist; 409 for one too many."""
    return services().playlists.create(caller(), wording)


@playlists.route("/<playlist_id>")
@playlists.response(200, PlaylistOut)
@for_visitors_too
def get(playlist_id: str) -> PlaylistPage:
    """Show a playlist by either id. 404 for one that is private, and another's."""
    return services().playlists.get(caller(), playlist_id)


@playlists.route("/<playlist_id>", methods=["PATCH"])
@playlists.arguments(PlaylistChange)
@playlists.response(200, PlaylistOut)
def change(wording: Wording, playlist_id: str) -> PlaylistPage:
    """Change what is sent, and nothing else; 403 for the one to watch later."""
    return services().playlists.change(caller(), playlist_id, wording)


@playlists.route("/<playlist_id>", methods=["DELETE"])
@playlists.response(200, Done)
def remove(playlist_id: str) -> Json:
    """Remove a playlist; its videos stay. 403 for the one to watch later."""
    services().playlists.remove(caller(), playlist_id)
    return {"success": True, "message": "The playlist is gone."}


@playlists.route("/<playlist_id>/items")
@playlists.arguments(SocialQuery, location="query")
@playlists.response(200, ItemsOut)
@for_visitors_too
def list_items(asked: Json, playlist_id: str) -> Response:
    """What is in a playlist, in its order. What is gone or hidden is said to be so."""
    stretch = stretch_of(asked, ITEMS)
    found = services().playlist_contents.list(caller(), playlist_id, **stretch)
    return jsonify(_items(asked, found, stretch["limit"]))


@playlists.route("/<playlist_id>/items", methods=["POST"])
@playlists.arguments(NewItem)
@playlists.response(200, AddedOut)
def add(body: Json, playlist_id: str) -> ItemPage:
    """Put a video into one's own playlist. Where it is in it already, it stays where it is.

    409 where the playlist is full, 404 for a video that is hidden from the caller.
    """
    wanted = {"video": body["video_id"], "place": body["place"], "request_id": body["request_id"]}
    return services().playlist_contents.add(caller(), playlist_id, **wanted)


@playlists.route("/<playlist_id>/items/<item_id>/move", methods=["POST"])
@playlists.arguments(PlaceIn)
@playlists.response(200, ItemOut)
def move(body: Json, playlist_id: str, item_id: str) -> ItemPage:
    """Put an item elsewhere in one's own playlist."""
    return services().playlist_contents.move(caller(), playlist_id, item_id, body["place"])


@playlists.route("/<playlist_id>/items/<item_id>", methods=["DELETE"])
@playlists.response(200, Done)
def take_out(playlist_id: str, item_id: str) -> Json:
    """Take something out of one's own playlist, by its id there or by the video's."""
    services().playlist_contents.remove(caller(), playlist_id, item_id)
    return {"success": True, "message": "It is not in the playlist any more."}


def _lists(asked: Json, found: PlaylistList, limit: int) -> Json:
    cursor = to_cursor(LISTS, found.end) if found.has_more else None
    return {
        "playlists": _LIST.dump(found.items, many=True),
        "pagination": pagination(asked, limit, found.total, cursor),
    }


def _items(asked: Json, found: ItemList, limit: int) -> Json:
    cursor = to_cursor(ITEMS, found.end) if found.has_more else None
    return {
        "items": _ITEM.dump(found.items, many=True),
        "pagination": pagination(asked, limit, found.total, cursor),
    }
