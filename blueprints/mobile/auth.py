"""Accounts, as the mobile API speaks of them: /auth (001)."""

from __future__ import annotations

from datetime import timedelta

from blueprints.http.caller import before_enrolment, caller, public
from blueprints.http.context import device, services, settings
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_authentication
from blueprints.mobile.dialect import dialect
from blueprints.mobile.schemas.accounts import (
    Login,
    LoginAnswer,
    MeAnswer,
    Message,
    Signup,
    SignupAnswer,
)

auth = FamilyBlueprint(dialect, "auth", "/auth", "Sign up, sign in, sign out.")


@auth.route("/signup", methods=["POST"])
@limit_authentication
@auth.arguments(Signup)
@auth.response(201, SignupAnswer)
@public
def signup(body: Json) -> Json:
    """Create an account (001). 400 for a field that is missing or wrong, 409 for a taken e-mail."""
    user = services().accounts.sign_up(
        email=body["email"],
        password=body["password"],
        display_name=body["name"].strip(),
        invitation_token=body["invitation_token"],
    )
    return {"message": "User registered successfully", "user_id": user.oid}


@auth.route("/login", methods=["POST"])
@limit_authentication
@auth.arguments(Login)
@auth.response(200, LoginAnswer)
@public
def login(body: Json) -> Json:
    """Sign in for 24 hours (001). 401 for a wrong e-mail or password, whichever it is.

    With a second factor also `otp`: 401 with the code MFA_REQUIRED says that it is missing.
    """
    signed_in = services().accounts.sign_in(
        login=body["email"],
        password=body["password"],
        otp=body["otp"],
        device=device(body["device"]),
        lifetime=timedelta(hours=settings().mobile_token_hours),
    )
    return {
        "message": "Login successful",
        "user": signed_in.user,
        "access_token": signed_in.access_token,
        "refresh_token": signed_in.refresh_token,
        "expires_in_seconds": signed_in.expires_in_seconds,
    }


@auth.route("/me")
@auth.response(200, MeAnswer)
@before_enrolment
def me() -> Json:
    """Who is signed in (001)."""
    return {"user": services().accounts.me(caller())}


@auth.route("/logout", methods=["POST"])
@auth.response(200, Message)
@before_enrolment
def logout() -> Json:
    """End this session at once, on every server (001 calls its own a mock)."""
    services().sessions.end_current(caller())
    return {"message": "Logout successful"}
