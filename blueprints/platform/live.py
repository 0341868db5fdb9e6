"""Live streams, as the platform API speaks of them: /api/live and /api/videos/{id}/live (000)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_uploads
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.live import LiveListOut, LiveOut, LiveQuery, NewLive, OwnLiveOut
from services.live.broadcasts import LivePage

live = FamilyBlueprint(dialect, "live", "/api", "Send and watch live streams.")

_LIVE = LiveOut()


@live.route("/live")
@live.arguments(LiveQuery, location="query")
@live.response(200, LiveListOut)
@for_visitors_too
def live_now(asked: Json) -> Response:
    """List what is live at this moment, the latest first."""
    found = services().broadcasts.live_now(asked["limit"])
    return jsonify({"live": _LIVE.dump(found, many=True)})


@live.route("/live", methods=["POST"])
@limit_uploads
@live.arguments(NewLive)
@live.response(201, OwnLiveOut)
def create(new: Json) -> LivePage:
    """Create a video to send live: give your encoder `ingest_url` and `stream_key`.

    It plays, with the same two tokens as every video, as soon as three seconds of it have come. 409
    for who has too many that are not over.
    """
    return services().broadcasts.create(caller(), new["details"], keep_replay=new["keep_replay"])


@live.route("/videos/<video_id>/live")
@live.response(200, LiveOut)
@for_visitors_too
def show(video_id: str) -> LivePage:
    """Show how a live stream stands. 404 for a video that is none."""
    return services().broadcasts.show(caller(), video_id)


@live.route("/videos/<video_id>/live/key", methods=["POST"])
@live.response(200, OwnLiveOut)
def new_key(video_id: str) -> LivePage:
    """Have another key; the old one opens nothing any more. 409 when it is over."""
    return services().broadcasts.new_key(caller(), video_id)


@live.route("/videos/<video_id>/live/end", methods=["POST"])
@live.response(200, LiveOut)
def end(video_id: str) -> LivePage:
    """End a live stream now: the owner and staff. Ending it twice is no error."""
    return services().broadcasts.end(caller(), video_id)
