"""Signing in with an account elsewhere (OpenID Connect): /auth/oidc.

    app -> GET  /auth/oidc/start?return_to=...   the browser goes to the provider and comes back
        <- GET  return_to?code=...               or ?error=...&error_description=...
    app -> POST /auth/oidc/token {code}          a login's answer, as 001 spells it

Tokens are in no address, where logs and histories would keep them. What `return_to` has in its
query stays there: an app puts a value of its own in it, to know its own sign-in again.
"""

from __future__ import annotations

from datetime import timedelta

from flask import after_this_request, redirect, request
from werkzeug.wrappers import Response

from blueprints.http.caller import public
from blueprints.http.context import device, services, settings
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_authentication
from blueprints.mobile.dialect import dialect
from blueprints.mobile.schemas.accounts import LoginAnswer
from blueprints.mobile.schemas.oidc import CallbackQuery, OfferAnswer, StartQuery, TokenRequest
from services.accounts.openid import FLOW_SECONDS, Finished, Offer, Returned, Started
from services.accounts.sessions import SignedIn

COOKIE = "clutch_oidc"
PATH = "/auth/oidc"

oidc = FamilyBlueprint(dialect, "oidc", PATH, "Sign in with an account elsewhere.")


@oidc.route("")
@oidc.response(200, OfferAnswer)
@public
def offer() -> Offer:
    """Whether one can sign in with an account elsewhere, and what that is called."""
    return services().openid.offer()


@oidc.route("/start")
@limit_authentication
@oidc.arguments(StartQuery, location="query")
@oidc.response(302, description="To the provider; 404 where none is configured.")
@public
def start(query: Json) -> Response:
    """Go to the provider. For a browser, not for a script."""
    return _sent_off(services().openid.start(query["return_to"]))


@oidc.route("/callback")
@limit_authentication
@oidc.arguments(CallbackQuery, location="query")
@oidc.response(200, LoginAnswer)
@oidc.alt_response(302, description="To `return_to`, with a `code` or an `error`.")
@public
def callback(query: Json) -> Response | Json:
    """Come back from the provider. Without a `return_to` this answers as a login does."""
    finished = services().openid.finish(
        Returned(
            state=query["state"], code=query["code"], error=query["error"], issuer=query["iss"]
        ),
        mark=request.cookies.get(COOKIE, ""),
        device=device(),
        lifetime=_lifetime(),
    )
    return _arrived(finished)


@oidc.route("/token", methods=["POST"])
@limit_authentication
@oidc.arguments(TokenRequest)
@oidc.response(200, LoginAnswer)
@public
def token(body: Json) -> Json:
    """Exchange the code that `return_to` was given, within a minute and once.

    With a second factor that the provider did not ask for: 401 with the code MFA_REQUIRED, and
    then the same code again, with `otp`.
    """
    device_ = device(body["device"])
    signed_in = services().openid.exchange(
        body["code"], body["otp"], device=device_, lifetime=_lifetime()
    )
    return _answer(signed_in)


def _lifetime() -> timedelta:
    return timedelta(hours=settings().mobile_token_hours)


def _sent_off(started: Started) -> Response:
    response = _unkept(redirect(started.url))
    is_secure = request.is_secure or settings().base_url.startswith("https://")
    response.set_cookie(
        COOKIE,
        started.mark,
        max_age=FLOW_SECONDS,
        path=PATH,
        secure=is_secure,
        httponly=True,
        # Sent along when the provider sends the browser back, and with nobody's forms.
        samesite="Lax",
    )
    return response


def _arrived(finished: Finished) -> Response | Json:
    after_this_request(_forgotten)
    if finished.signed_in:
        return _answer(finished.signed_in)
    return redirect(finished.location or "/")


def _forgotten(response: Response) -> Response:
    response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="Lax")
    return _unkept(response)


def _unkept(response: Response) -> Response:
    """Secrets are in this: no cache keeps it, and no other site is told its address."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _answer(signed_in: SignedIn) -> Json:
    return {
        "message": "Login successful",
        "user": signed_in.user,
        "access_token": signed_in.access_token,
        "refresh_token": signed_in.refresh_token,
        "expires_in_seconds": signed_in.expires_in_seconds,
    }
