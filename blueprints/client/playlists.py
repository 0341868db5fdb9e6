"""Playlists, as the client API speaks of them: /playlists. `watch-later` names one's own."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.client.dialect import dialect
from blueprints.client.schemas.playlists import (
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
from blueprints.client.schemas.users import Done, PageQuery
from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from services.social.playlist_contents import ItemList, ItemPage
from services.social.playlists import PlaylistList, PlaylistPage, Wording

playlists = FamilyBlueprint(dialect, "playlists", "/playlists", "Lists of videos to keep.")
channel_playlists = FamilyBlueprint(
    dialect, "channel_playlists", "/users", "Lists of videos that people show."
)

LISTS, ITEMS = "playlists", "playlist-items"
_LIST, _ITEM = PlaylistOut(), ItemOut()


@playlists.route("")
@playlists.arguments(PageQuery, location="query")
@playlists.response(200, PlaylistsOut)
def list_own(asked: Json) -> Response:
    """One's own playlists, the newest first, with the one to watch later among them."""
    found = services().playlists.list(caller(), **_stretch(asked, LISTS))
    return jsonify(_lists(found))


@channel_playlists.route("/<user_id>/playlists")
@channel_playlists.arguments(PageQuery, location="query")
@channel_playlists.response(200, PlaylistsOut)
@for_visitors_too
def list_of(asked: Json, user_id: str) -> Response:
    """Somebody's public playlists, the newest first; of one's own, all."""
    found = services().playlists.list(caller(), user_id, **_stretch(asked, LISTS))
    return jsonify(_lists(found))


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
    return {"success": True}


@playlists.route("/<playlist_id>/items")
@playlists.arguments(PageQuery, location="query")
@playlists.response(200, ItemsOut)
@for_visitors_too
def list_items(asked: Json, playlist_id: str) -> Response:
    """What is in a playlist, in its order. What is gone or hidden is said to be so."""
    found = services().playlist_contents.list(caller(), playlist_id, **_stretch(asked, ITEMS))
    return jsonify(_items(found))


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
    return {"success": True}


def _stretch(asked: Json, order: str) -> Json:
    return {"after": from_cursor(order, asked.get("cursor")), "limit": asked["limit"]}


def _lists(found: PlaylistList) -> Json:
    body: Json = {"playlists": _LIST.dump(found.items, many=True), "hasMore": found.has_more}
    return body | ({"nextCursor": to_cursor(LISTS, found.end)} if found.has_more else {})


def _items(found: ItemList) -> Json:
    body: Json = {"items": _ITEM.dump(found.items, many=True), "hasMore": found.has_more}
    return body | ({"nextCursor": to_cursor(ITEMS, found.end)} if found.has_more else {})
