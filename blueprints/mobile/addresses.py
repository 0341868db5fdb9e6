"""E-mail addresses and their verification, as the mobile API speaks of them: /auth (002)."""

from __future__ import annotations

from flask import Response

from blueprints.http.caller import public
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_authentication
from blueprints.http.linked_page import LinkedPage
from blueprints.mobile.dialect import dialect
from blueprints.mobile.schemas.accounts import Message
from blueprints.mobile.schemas.passwords import Address, Token

addresses = FamilyBlueprint(dialect, "addresses", "/auth", "Verify an e-mail address.")
VERIFY_PAGE = LinkedPage("verify_email.html")


@addresses.route("/verify-email")
@addresses.response(200, content_type="text/html", schema={"type": "string"})
@public
def verify_page() -> Response:
    """Show where a link from a mail leads: a button. Opening it changes nothing."""
    return VERIFY_PAGE.show()


@addresses.route("/verify-email", methods=["POST"])
@limit_authentication
@addresses.arguments(Token)
@addresses.response(200, Message)
@public
def verify(body: Json) -> Json:
    """Verify an address with the token of a mail (002).

    400 for a token that is unknown, used, outdated or older than a day, whichever it is.
    """
    services().verification.verify(body["token"])
    return {"message": "E-mail address verified."}


@addresses.route("/resend-verification", methods=["POST"])
@limit_authentication
@addresses.arguments(Address)
@addresses.response(200, Message)
@public
def resend(body: Json) -> Json:
    """Ask for another link; nobody is told whether one is sent (002)."""
    services().verification.resend(body["email"])
    return {"message": "If this address waits to be verified, a link is on its way to it."}
