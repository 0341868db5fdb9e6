"""Passwords that change, as the mobile API speaks of them: /auth (002)."""

from __future__ import annotations

from flask import Response

from blueprints.http.caller import caller, public
from blueprints.http.context import device, services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_authentication
from blueprints.http.linked_page import LinkedPage
from blueprints.mobile.dialect import dialect
from blueprints.mobile.schemas.accounts import Message
from blueprints.mobile.schemas.passwords import Address, Change, Reset

passwords = FamilyBlueprint(dialect, "passwords", "/auth", "Change or recover a password.")
RESET_PAGE = LinkedPage("reset_password.html")


@passwords.route("/forgot-password", methods=["POST"])
@limit_authentication
@passwords.arguments(Address)
@passwords.response(200, Message)
@public
def forgot(body: Json) -> Json:
    """Ask for a link to choose a new password; nobody is told whether one is sent (002)."""
    services().recovery.forgot(body["email"], device())
    return {"message": "If there is an account with this address, a link is on its way to it."}


@passwords.route("/reset-password")
@passwords.response(200, content_type="text/html", schema={"type": "string"})
@public
def reset_page() -> Response:
    """Show where a link from a mail leads: a form. Opening it changes nothing."""
    return RESET_PAGE.show()


@passwords.route("/reset-password", methods=["POST"])
@limit_authentication
@passwords.arguments(Reset)
@passwords.response(200, Message)
@public
def reset(body: Json) -> Json:
    """Choose a new password with the token of a mail; signs out every device (002).

    400 for a token that is unknown, used, outdated or older than an hour, whichever it is.
    """
    services().recovery.reset(body["token"], body["password"], device())
    return {"message": "Password reset. Please sign in with the new one."}


@passwords.route("/change-password", methods=["POST"])
@limit_authentication
@passwords.arguments(Change)
@passwords.response(200, Message)
def change(body: Json) -> Json:
    """Change one's own password; signs out every other device. 400 for a wrong current one."""
    services().recovery.change(caller(), body["current_password"], body["password"], device())
    return {"message": "Password changed. Other devices have been signed out."}
