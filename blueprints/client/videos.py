"""Videos, as the client API speaks of them: /videos (004, 002)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.client.dialect import dialect
from blueprints.client.schemas.catalogue import DetailVideo
from blueprints.client.schemas.videos import ClientVideo, FeedOut, FeedQuery
from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.lists import Listed
from services.videos.catalogue import Query, VideoList
from services.videos.related import DetailPage

videos = FamilyBlueprint(dialect, "videos", "/videos", "The feed, and one video.")

_VIDEOS = Listed(ClientVideo())
FEED = "feed"


@videos.route("/feed")
@videos.arguments(FeedQuery, location="query")
@videos.response(200, FeedOut)
@for_visitors_too
def feed(asked: Json) -> Response:
    """The newest videos, page after page; nothing repeats while others are added (004)."""
    query = Query(limit=asked["limit"], after=from_cursor(FEED, asked.get("cursor")))
    return jsonify(_feed(services().catalogue.list(caller(), query)))


@videos.route("/<video_id>")
@videos.response(200, DetailVideo)
@for_visitors_too
def get(video_id: str) -> DetailPage:
    """Show one video, by either of its ids, and what to watch next (002, 004)."""
    return services().related.detail(caller(), video_id)


def _feed(found: VideoList) -> Json:
    body: Json = {"videos": _VIDEOS.written(found.items), "hasMore": found.has_more}
    return body | ({"nextCursor": to_cursor(FEED, found.end)} if found.has_more else {})
