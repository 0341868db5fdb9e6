"""Accounts, as the platform API speaks of them: /api/auth (000, 003)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from blueprints.http.caller import before_enrolment, caller, public
from blueprints.http.context import device, services, settings
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_authentication
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.accounts import (
    Login,
    MeAnswer,
    RefreshRequest,
    Registration,
    RegistrationOut,
    SignedInAnswer,
    TokenPair,
)
from services.accounts.accounts import Registered
from services.accounts.sessions import SignedIn

auth = FamilyBlueprint(dialect, "auth", "/api/auth", "Sign up, sign in, stay signed in.")


def lifetime() -> timedelta:
    return timedelta(minutes=settings().access_token_minutes)


@auth.route("/registration")
@auth.response(200, RegistrationOut)
@public
def registration() -> Json:
    """Say who may register: everybody (open), who is invited (invite), or nobody (closed)."""
    return {"mode": settings().registration_mode}


@auth.route("/register", methods=["POST"])
@limit_authentication
@auth.arguments(Registration)
@auth.response(201, SignedInAnswer)
@public
def register(body: Json) -> Json:
    """Create an account and sign in (000).

    Where addresses have to be verified first, `tokens` is null, and 201 does not tell that the
    address was free: its owner is told by mail.
    """
    where = device(body.pop("device"))
    return _registered(services().accounts.register(**body, device=where, lifetime=lifetime()))


@auth.route("/login", methods=["POST"])
@limit_authentication
@auth.arguments(Login)
@auth.response(200, SignedInAnswer)
@public
def login(body: Json) -> Json:
    """Sign in with a username or an e-mail address (000, 003).

    With a second factor also `otp`: 401 with the code MFA_REQUIRED says that it is missing.
    """
    where = device(body.pop("device"))
    signed_in = services().accounts.sign_in(**body, device=where, lifetime=lifetime())
    return _answer("Login successful", signed_in)


@auth.route("/refresh", methods=["POST"])
@limit_authentication
@auth.arguments(RefreshRequest)
@auth.response(200, TokenPair)
@public
def refresh(body: Json) -> SignedIn:
    """Exchange a refresh token for new tokens; each works once (000)."""
    return services().sessions.refresh(body["refresh_token"], lifetime=lifetime())


@auth.route("/me")
@auth.response(200, MeAnswer)
@before_enrolment
def me() -> Any:
    """Who is signed in, and what they have done so far (000)."""
    return services().accounts.profile(caller())


def _registered(registered: Registered) -> Json:
    message = "Account created successfully"
    if registered.signed_in is None:
        message += ". Please open the link that we have sent you, then sign in."
    return {
        "success": True,
        "message": message,
        "user": registered.user,
        "tokens": registered.signed_in,
    }


def _answer(message: str, signed_in: SignedIn) -> Json:
    return {"success": True, "message": message, "user": signed_in.user, "tokens": signed_in}
