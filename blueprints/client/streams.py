"""Streams, as the client API speaks of them: /stream (002)."""

from __future__ import annotations

from blueprints.client.dialect import dialect
from blueprints.client.schemas.streams import Heartbeat, StreamOut, StreamQuery, Watched
from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_heartbeats
from blueprints.http.links import stream_url
from blueprints.http.streams import drm
from blueprints.http.tracks import beside
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


@streams.route("/<video_id>/heartbeat", methods=["POST"])
@limit_heartbeats
@streams.arguments(Heartbeat)
@streams.response(200, StreamOut)
def heartbeat(body: Json, video_id: str) -> Json:
    """Say that one is still watching, and how far; answers the stream with a link that lasts on.

    403 STREAM_LIMIT_REACHED once too much else of the account's plays, 404 for a stream that this
    device did not open.
    """
    stream_id = body.pop("stream_id")
    return _said(services().heartbeats.beat(caller(), video_id, stream_id, **body))


@streams.route("/<video_id>/stop", methods=["POST"])
@limit_heartbeats
@streams.arguments(Watched)
@streams.response(204)
def stop(body: Json, video_id: str) -> None:
    """Say that a stream is over, and how far one came: its place is free at once."""
    services().heartbeats.stop(caller(), video_id, body.pop("stream_id"), **body)


def _said(found: Stream) -> Json:
    url = stream_url(found)
    return {
        "stream_url": url,
        "streamUrl": url,
        "videoId": found.video.id,
        "title": found.video.title,
        "type": "youtube" if found.video.youtube_id else "hls",
        "qualities": [rendition.name for rendition in found.video.renditions],
        **_place(found),
        **drm(found),
        **beside(found.beside),
    }


def _place(found: Stream) -> Json:
    if not found.stream_id:
        return {}
    return {"streamId": found.stream_id, "heartbeatSeconds": found.heartbeat_seconds}
