"""Sessions, as the platform API speaks of them: /api/auth/logout and /api/auth/sessions."""

from __future__ import annotations

from blueprints.http.caller import before_enrolment, caller
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.sessions import Done, Ended, SessionsAnswer

sessions = FamilyBlueprint(dialect, "sessions", "/api/auth", "See and end devices.")


@sessions.route("/logout", methods=["POST"])
@sessions.response(200, Done)
@before_enrolment
def logout() -> Json:
    """End this session at once, on every server."""
    services().sessions.end_current(caller())
    return {"success": True, "message": "Logout successful"}


@sessions.route("/sessions")
@sessions.response(200, SessionsAnswer)
def list_sessions() -> Json:
    """Where one is signed in, the newest first (002's device tracking)."""
    return {"sessions": services().sessions.list(caller())}


@sessions.route("/sessions/<session_id>", methods=["DELETE"])
@sessions.response(200, Done)
def end_session(session_id: str) -> Json:
    """Sign one device out, at once and on every server."""
    services().sessions.end(caller(), session_id)
    return {"success": True, "message": "Session ended"}


@sessions.route("/sessions", methods=["DELETE"])
@sessions.response(200, Ended)
def end_other_sessions() -> Json:
    """Sign every other device out."""
    ended = services().sessions.end_others(caller())
    return {"success": True, "message": "Other sessions ended", "ended": ended}
