"""Playlists on the wire of the platform API."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load

from blueprints.http import playlists
from blueprints.http.links import thumbnail
from blueprints.http.shapes import Shape
from blueprints.platform.schemas.notifications import WhoOut
from blueprints.platform.schemas.videos import Pagination, VideoOut
from models.playlists import PlaylistKind, PlaylistVisibility
from services.social.playlists import PlaylistPage, Wording


class PlaylistChange(Schema):
    """Only what is sent changes."""

    title = playlists.title()
    description = playlists.description()
    visibility = playlists.visibility()
    allows_duplicates = playlists.allows_duplicates()

    @post_load
    def wording(self, data: dict[str, Any], **_: Any) -> Wording:
        return Wording(**data)


class NewPlaylist(PlaylistChange):
    title = playlists.title(required=True)


class PlaceIn(Schema):
    at = playlists.at()
    after = playlists.after()

    @post_load
    def place(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "place": playlists.place_of(data)}


class NewItem(PlaceIn):
    video_id = playlists.reference(required=True)
    request_id = playlists.request_id()


def cover_of(page: PlaylistPage) -> str | None:
    return thumbnail(page.cover) if page.cover else None


class PlaylistOut(Shape):
    """Reads a `PlaylistPage`."""

    id = fields.String(attribute="playlist.id")
    kind = fields.Enum(PlaylistKind, by_value=True, attribute="playlist.kind")
    title = fields.String(attribute="playlist.title")
    description = fields.String(attribute="playlist.description")
    visibility = fields.Enum(PlaylistVisibility, by_value=True, attribute="playlist.visibility")
    allows_duplicates = fields.Boolean(attribute="playlist.allows_duplicates")
    item_count = fields.Integer(attribute="playlist.item_count")
    cover_url = fields.Function(
        cover_of,
        metadata={"type": ["string", "null"], "description": "Of the first video in it."},
    )
    owner = fields.Nested(WhoOut, allow_none=True)
    is_own = fields.Boolean()
    created_at = fields.DateTime(attribute="playlist.created_at")
    updated_at = fields.DateTime(attribute="playlist.updated_at")


class PlaylistsOut(Shape):
    playlists = fields.List(fields.Nested(PlaylistOut))
    pagination = fields.Nested(Pagination)


class ItemOut(Shape):
    """Reads an `ItemPage`."""

    id = fields.String(attribute="item.id")
    video_id = fields.String(attribute="item.video_id")
    added_at = fields.DateTime(attribute="item.added_at")
    is_available = fields.Boolean(
        metadata={"description": "false where the video is gone, or hidden from the caller."}
    )
    video = fields.Nested(VideoOut, allow_none=True)


class AddedOut(ItemOut):
    is_new = fields.Boolean(metadata={"description": "false where it was in the list already."})


class ItemsOut(Shape):
    items = fields.List(fields.Nested(ItemOut))
    pagination = fields.Nested(Pagination)
