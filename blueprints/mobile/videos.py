"""The health check, the dashboard and a video's stream, as 001 has them."""

from __future__ import annotations

from blueprints.http.caller import caller, public
from blueprints.http.context import services, settings
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_heartbeats
from blueprints.http.links import stream_url
from blueprints.http.streams import drm
from blueprints.http.tracks import beside
from blueprints.mobile.dialect import dialect
from blueprints.mobile.schemas.videos import (
    Dashboard,
    DashboardQuery,
    Health,
    StreamOut,
    StreamQuery,
    Watched,
)
from services.playback.playback import Stream

videos = FamilyBlueprint(dialect, "videos", "/", "The dashboard, and what plays.")


@videos.route("/")
@videos.response(200, Health)
@public
def health() -> Json:
    """Say that the API is there (001)."""
    return {"message": "Video App API", "status": "running", "version": "1.0.0"}


@videos.route("/dashboard")
@videos.arguments(DashboardQuery, location="query")
@videos.response(200, Dashboard)
def dashboard(asked: Json) -> Json:
    """The newest active videos, each with its playback token (001)."""
    limit = asked.get("limit") or settings().dashboard_limit
    return {"videos": services().catalogue.dashboard(caller(), limit=limit)}


@videos.route("/video/<video_id>/stream")
@videos.arguments(StreamQuery, location="query")
@videos.response(200, StreamOut)
def stream(asked: Json, video_id: str) -> Json:
    """Resolve a playback token to a stream (001).

    400 without a playback token, 401 for an invalid or expired one, 403 for one of another video
    or an inactive video, 404 for an unknown video.
    """
    return _said(services().playback.stream(caller(), video_id, asked.get("token")))


@videos.route("/video/<video_id>/heartbeat", methods=["POST"])
@limit_heartbeats
@videos.arguments(Watched)
@videos.response(200, StreamOut)
def heartbeat(body: Json, video_id: str) -> Json:
    """Say that one is still watching, and how far; answers the stream with a link that lasts on.

    403 STREAM_LIMIT_REACHED once too much else of the account's plays, 404 for a stream that this
    device did not open.
    """
    stream_id = body.pop("stream_id")
    return _said(services().heartbeats.beat(caller(), video_id, stream_id, **body))


@videos.route("/video/<video_id>/stop", methods=["POST"])
@limit_heartbeats
@videos.arguments(Watched)
@videos.response(204)
def stop(body: Json, video_id: str) -> None:
    """Say that a stream is over, and how far one came: its place is free at once."""
    services().heartbeats.stop(caller(), video_id, body.pop("stream_id"), **body)


def _said(found: Stream) -> Json:
    said: Json = {
        "stream_url": stream_url(found),
        "video_id": found.video.oid,
        "title": found.video.title,
    }
    return said | _place(found) | drm(found) | beside(found.beside)


def _place(found: Stream) -> Json:
    if not found.stream_id:
        return {}
    return {"stream_id": found.stream_id, "heartbeat_seconds": found.heartbeat_seconds}
