"""The health check, the dashboard and a video's stream, as 001 has them."""

from __future__ import annotations

from blueprints.http.caller import caller, public
from blueprints.http.context import services, settings
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.mobile.dialect import dialect
from blueprints.mobile.schemas.videos import (
    Dashboard,
    DashboardQuery,
    Health,
    StreamOut,
    StreamQuery,
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
def stream(asked: Json, video_id: str) -> Stream:
    """Resolve a playback token to a stream (001).

    400 without a playback token, 401 for an invalid or expired one, 403 for one of another video
    or an inactive video, 404 for an unknown video.
    """
    return services().playback.stream(caller(), video_id, asked.get("token"))
