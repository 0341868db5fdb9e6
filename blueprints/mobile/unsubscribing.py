"""Getting no more mails about notifications, without signing in: /auth/unsubscribe."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response, redirect
from werkzeug.wrappers import Response as Redirect

from blueprints.http.caller import public
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.linked_page import LinkedPage
from blueprints.mobile.dialect import dialect
from blueprints.mobile.schemas.accounts import Message
from blueprints.mobile.schemas.passwords import Token

unsubscribing = FamilyBlueprint(dialect, "unsubscribing", "/auth", "Get no more mails.")
PAGE = LinkedPage("unsubscribe.html")
STOPPED = {"message": "You get no more of these mails."}


@unsubscribing.route("/unsubscribe")
@unsubscribing.response(200, content_type="text/html", schema={"type": "string"})
@public
def page() -> Response:
    """Show where a link from a mail leads: a button. Opening it changes nothing."""
    return PAGE.show()


@unsubscribing.route("/unsubscribe", methods=["POST"])
@unsubscribing.arguments(Token)
@unsubscribing.response(200, Message)
@public
def stop(body: Json) -> Json:
    """Get no more mails about notifications, with the token of such a mail."""
    services().digests.stop(body["token"])
    return STOPPED


@unsubscribing.route("/unsubscribe/<token>", methods=["POST"])
@unsubscribing.response(200, Message)
@public
def stop_at_once(token: str) -> Json:
    """The same for mail programs that do it at a click of their own (RFC 8058)."""
    services().digests.stop(token)
    return STOPPED


@unsubscribing.route("/unsubscribe/<token>")
@unsubscribing.response(302)
@public
def to_page(token: str) -> Redirect:
    """Lead mail programs that only open addresses to the page with the button."""
    return redirect(f"/auth/unsubscribe?token={quote(token, safe='')}")
