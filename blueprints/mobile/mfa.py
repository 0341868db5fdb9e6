"""The second factor, as the mobile API speaks of it: /auth/mfa."""

from __future__ import annotations

from blueprints.http.caller import before_enrolment, caller
from blueprints.http.context import device, services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_authentication
from blueprints.mobile.dialect import dialect
from blueprints.mobile.schemas.accounts import Message
from blueprints.mobile.schemas.mfa import (
    CodeRequest,
    DisableRequest,
    EnrolAnswer,
    RecoveryCodes,
    StatusAnswer,
)
from services.accounts.second_factor import Status

mfa = FamilyBlueprint(dialect, "mfa", "/auth/mfa", "A second factor (TOTP).")


@mfa.route("")
@mfa.response(200, StatusAnswer)
@before_enrolment
def status() -> Status:
    """Whether a second factor is on, whether one's role needs it, and how many codes are left."""
    return services().second_factors.status(caller())


@mfa.route("/enrol", methods=["POST"])
@mfa.response(200, EnrolAnswer)
@before_enrolment
def enrol() -> Json:
    """Make a secret for an authenticator app. It asks for nothing until it is confirmed."""
    offered = services().second_factors.enrol(caller())
    said = "Scan this, then confirm with a code"
    return {"message": said, "secret": offered.secret, "otpauth_uri": offered.otpauth_uri}


@mfa.route("/confirm", methods=["POST"])
@limit_authentication
@mfa.arguments(CodeRequest)
@mfa.response(200, RecoveryCodes)
@before_enrolment
def confirm(body: Json) -> Json:
    """Turn it on with a first code, and sign all other devices out. Answers recovery codes."""
    codes = services().second_factors.confirm(caller(), **body, address=device().address)
    return {"message": "Second factor enabled", "recovery_codes": codes}


@mfa.route("/disable", methods=["POST"])
@limit_authentication
@mfa.arguments(DisableRequest)
@mfa.response(200, Message)
@before_enrolment
def disable(body: Json) -> Json:
    """Turn it off with the password and a code, and sign all other devices out."""
    services().second_factors.disable(caller(), **body, address=device().address)
    return {"message": "Second factor disabled"}


@mfa.route("/recovery-codes", methods=["POST"])
@limit_authentication
@mfa.arguments(CodeRequest)
@mfa.response(200, RecoveryCodes)
@before_enrolment
def recovery_codes(body: Json) -> Json:
    """Ten new recovery codes, for a code; those before them end."""
    address = device().address
    codes = services().second_factors.renew_recovery_codes(caller(), **body, address=address)
    return {"message": "New recovery codes", "recovery_codes": codes}
