"""Streams, as the client API speaks of them: /stream (002)."""

from __future__ import annotations

from blueprints.client.dialect import dialect
from blueprints.client.schemas.videos import StreamOut, StreamQuery
from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.links import stream_url
from services.playback.playback import Stream

streams = FamilyBlueprint(dialect, "streams", "/stream", "Two tokens in, a URL that plays out.")


@streams.route("/<video_id>")
@streams.arguments(StreamQuery, location="query")
@streams.response(200, StreamOut)
def stream(asked: Json, video_id: str) -> Json:
    """Resolve a playback token to a stream, of one quality if asked (002)."""
    found = services().playback.stream(
        caller(), video_id, asked.get("token"), quality=asked.get("quality")
    )
    return _said(found)


def _said(found: Stream) -> Json:
    url = stream_url(found)
    return {
        "stream_url": url,
        "streamUrl": url,
        "videoId": found.video.id,
        "title": found.video.title,
        "type": "youtube" if found.video.youtube_id else "hls",
        "qualities": [rendition.name for rendition in found.video.renditions],
    }
