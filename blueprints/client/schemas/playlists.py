"""Playlists on the wire of the client API."""

# ruff: noqa: N815 - the wire's spelling

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load

from blueprints.client.schemas.notifications import WhoOut
from blueprints.client.schemas.videos import ClientVideo
from blueprints.http import playlists
from blueprints.http.links import thumbnail
from blueprints.http.parsing import Lenient
from blueprints.http.shapes import Shape
from models.playlists import PlaylistKind, PlaylistVisibility
from services.social.playlists import PlaylistPage, Wording


class PlaylistChange(Lenient):
    """Only what is sent changes."""

    title = playlists.title()
    description = playlists.description()
    visibility = playlists.visibility()
    allowsDuplicates = playlists.allows_duplicates(attribute="allows_duplicates")

    @post_load
    def wording(self, data: dict[str, Any], **_: Any) -> Wording:
        return Wording(**data)


class NewPlaylist(PlaylistChange):
    title = playlists.title(required=True)


class PlaceIn(Lenient):
    at = playlists.at()
    after = playlists.after()

    @post_load
    def place(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "place": playlists.place_of(data)}


class NewItem(PlaceIn):
    videoId = playlists.reference(required=True, attribute="video_id")
    requestId = playlists.request_id(attribute="request_id")


def cover_of(page: PlaylistPage) -> str | None:
    return thumbnail(page.cover) if page.cover else None


class PlaylistOut(Shape):
    """Reads a `PlaylistPage`."""

    id = fields.String(attribute="playlist.id")
    kind = fields.Enum(PlaylistKind, by_value=True, attribute="playlist.kind")
    title = fields.String(attribute="playlist.title")
    description = fields.String(attribute="playlist.description")
    visibility = fields.Enum(PlaylistVisibility, by_value=True, attribute="playlist.visibility")
    allowsDuplicates = fields.Boolean(attribute="playlist.allows_duplicates")
    itemCount = fields.Integer(attribute="playlist.item_count")
    coverUrl = fields.Function(
        cover_of,
        metadata={"type": ["string", "null"], "description": "Of the first video in it."},
    )
    owner = fields.Nested(WhoOut, allow_none=True)
    isOwn = fields.Boolean(attribute="is_own")
    createdAt = fields.DateTime(attribute="playlist.created_at")
    updatedAt = fields.DateTime(attribute="playlist.updated_at")


class PlaylistsOut(Shape):
    playlists = fields.List(fields.Nested(PlaylistOut))
    nextCursor = fields.String()
    hasMore = fields.Boolean()


class ItemOut(Shape):
    """Reads an `ItemPage`."""

    id = fields.String(attribute="item.id")
    videoId = fields.String(attribute="item.video_id")
    addedAt = fields.DateTime(attribute="item.added_at")
    isAvailable = fields.Boolean(
        attribute="is_available",
        metadata={"description": "false where the video is gone, or hidden from the caller."},
    )
    video = fields.Nested(ClientVideo, allow_none=True)


class AddedOut(ItemOut):
    isNew = fields.Boolean(
        attribute="is_new", metadata={"description": "false where it was in the list already."}
    )


class ItemsOut(Shape):
    items = fields.List(fields.Nested(ItemOut))
    nextCursor = fields.String()
    hasMore = fields.Boolean()
