"""Passwords that change, as the platform API speaks of them: /api/auth."""

from __future__ import annotations

from blueprints.http.caller import caller, public
from blueprints.http.context import device, services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_authentication
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.passwords import Change, Forgotten, PasswordAnswer, Reset

passwords = FamilyBlueprint(dialect, "passwords", "/api/auth", "Change or recover a password.")


@passwords.route("/forgot-password", methods=["POST"])
@limit_authentication
@passwords.arguments(Forgotten)
@passwords.response(200, PasswordAnswer)
@public
def forgot(body: Json) -> Json:
    """Ask for a link to choose a new password; the answer does not tell whether one is sent."""
    services().recovery.forgot(body["email"], device())
    message = "If there is an account with this address, a link is on its way to it."
    return {"success": True, "message": message}


@passwords.route("/reset-password", methods=["POST"])
@limit_authentication
@passwords.arguments(Reset)
@passwords.response(200, PasswordAnswer)
@public
def reset(body: Json) -> Json:
    """Choose a new password with the token of a mail; signs out every device.

    400 for a token that is unknown, used, outdated or older than an hour, whichever it is.
    """
    services().recovery.reset(body["token"], body["password"], device())
    return {"success": True, "message": "Password reset. Please sign in with the new one."}


@passwords.route("/change-password", methods=["POST"])
@limit_authentication
@passwords.arguments(Change)
@passwords.response(200, PasswordAnswer)
def change(body: Json) -> Json:
    """Change one's own password; signs out every other device. 400 for a wrong current one."""
    services().recovery.change(caller(), body["current_password"], body["password"], device())
    message = "Password changed. Other devices have been signed out."
    return {"success": True, "message": message}
