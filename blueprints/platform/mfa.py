"""The second factor, as the platform API speaks of it: /api/auth/mfa, and an admin's way out."""

from __future__ import annotations

from blueprints.http.caller import before_enrolment, caller
from blueprints.http.context import device, services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_authentication
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.mfa import (
    CodeRequest,
    DisableRequest,
    EnrolAnswer,
    RecoveryCodes,
    StatusAnswer,
)
from blueprints.platform.schemas.sessions import Done
from services.accounts.second_factor import Status

mfa = FamilyBlueprint(dialect, "mfa", "/api", "A second factor (TOTP).")


@mfa.route("/auth/mfa")
@mfa.response(200, StatusAnswer)
@before_enrolment
def status() -> Status:
    """Whether a second factor is on, whether one's role needs it, and how many codes are left."""
    return services().second_factors.status(caller())


@mfa.route("/auth/mfa/enrol", methods=["POST"])
@mfa.response(200, EnrolAnswer)
@before_enrolment
def enrol() -> Json:
    """Make a secret for an authenticator app. It asks for nothing until it is confirmed."""
    offered = services().second_factors.enrol(caller())
    said = {"success": True, "message": "Scan this, then confirm with a code"}
    return said | {"secret": offered.secret, "otpauth_uri": offered.otpauth_uri}


@mfa.route("/auth/mfa/confirm", methods=["POST"])
@limit_authentication
@mfa.arguments(CodeRequest)
@mfa.response(200, RecoveryCodes)
@before_enrolment
def confirm(body: Json) -> Json:
    """Turn it on with a first code, and sign all other devices out. Answers recovery codes."""
    codes = services().second_factors.confirm(caller(), **body, address=device().address)
    return {"success": True, "message": "Second factor enabled", "recovery_codes": codes}


@mfa.route("/auth/mfa/disable", methods=["POST"])
@limit_authentication
@mfa.arguments(DisableRequest)
@mfa.response(200, Done)
@before_enrolment
def disable(body: Json) -> Json:
    """Turn it off with the password and a code, and sign all other devices out."""
    services().second_factors.disable(caller(), **body, address=device().address)
    return {"success": True, "message": "Second factor disabled"}


@mfa.route("/auth/mfa/recovery-codes", methods=["POST"])
@limit_authentication
@mfa.arguments(CodeRequest)
@mfa.response(200, RecoveryCodes)
@before_enrolment
def recovery_codes(body: Json) -> Json:
    """Ten new recovery codes, for a code; those before them end."""
    address = device().address
    codes = services().second_factors.renew_recovery_codes(caller(), **body, address=address)
    return {"success": True, "message": "New recovery codes", "recovery_codes": codes}


@mfa.route("/users/<user_id>/mfa", methods=["DELETE"])
@mfa.response(200, Done)
def reset(user_id: str) -> Json:
    """Take the second factor off somebody who lost it, and sign them out. For admins."""
    services().second_factors.reset(caller(), user_id, device().address)
    return {"success": True, "message": "Second factor removed"}
