"""Sessions, as the mobile API speaks of them: /auth/refresh-token and /auth/sessions (002)."""

from __future__ import annotations

from datetime import timedelta

from blueprints.http.caller import caller, public
from blueprints.http.context import services, settings
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_authentication
from blueprints.mobile.dialect import dialect
from blueprints.mobile.schemas.accounts import Message
from blueprints.mobile.schemas.sessions import Ended, Refreshed, RefreshRequest, SessionsAnswer
from services.accounts.sessions import SignedIn

sessions = FamilyBlueprint(dialect, "sessions", "/auth", "Stay signed in; see and end devices.")


@sessions.route("/refresh-token", methods=["POST"])
@limit_authentication
@sessions.arguments(RefreshRequest)
@sessions.response(200, Refreshed)
@public
def refresh(body: Json) -> SignedIn:
    """Exchange a refresh token for new tokens; each works once (002).

    One that is used a second time ends its session: somebody else has a copy.
    """
    lifetime = timedelta(hours=settings().mobile_token_hours)
    return services().sessions.refresh(body["refresh_token"], lifetime=lifetime)


@sessions.route("/sessions")
@sessions.response(200, SessionsAnswer)
def list_sessions() -> Json:
    """Where one is signed in, the newest first (002's device tracking)."""
    return {"sessions": services().sessions.list(caller())}


@sessions.route("/sessions/<session_id>", methods=["DELETE"])
@sessions.response(200, Message)
def end_session(session_id: str) -> Json:
    """Sign one device out, at once and on every server (002)."""
    services().sessions.end(caller(), session_id)
    return {"message": "Session ended"}


@sessions.route("/sessions", methods=["DELETE"])
@sessions.response(200, Ended)
def end_other_sessions() -> Json:
    """Sign every other device out (002)."""
    return {"message": "Other sessions ended", "ended": services().sessions.end_others(caller())}
