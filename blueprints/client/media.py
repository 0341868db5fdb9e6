"""A video's files by name: /media (004). The same checks as of its stream and its picture."""

from __future__ import annotations

from flask import Response

from blueprints.client.dialect import dialect
from blueprints.client.schemas.assets import MediaQuery
from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.files import serve
from blueprints.http.limits import unlimited

media = FamilyBlueprint(dialect, "media", "/media", "The files that `assets` of a video name.")

BINARY = {"type": "string", "format": "binary"}


@media.route("/<video_id>/poster.jpg")
@media.response(200, content_type="image/jpeg", schema=BINARY)
@unlimited
@for_visitors_too
def poster(video_id: str) -> Response:
    """Send a video's picture, to whoever may see the video (004)."""
    key = services().playback.poster(caller(), video_id)
    return serve(key, "image/jpeg", cache_seconds=3600)


@media.route("/<video_id>/video.mp4")
@media.arguments(MediaQuery, location="query")
@media.response(200, content_type="video/mp4", schema=BINARY)
def film(asked: Json, video_id: str) -> Response:
    """Send a video as one MP4, whole or by byte ranges, for both of its tokens (004)."""
    key = services().playback.progressive(caller(), video_id, asked.get("token"))
    return serve(key, "video/mp4")
