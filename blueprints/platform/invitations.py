"""Invitations, as the platform API speaks of them: /api/invitations (003)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller, public
from blueprints.http.context import services
from blueprints.http.cursors import to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_authentication
from blueprints.platform.dialect import dialect
from blueprints.platform.pages import pagination, place_of
from blueprints.platform.schemas.membership import (
    InvitationListOut,
    InvitationOut,
    InvitationWithLink,
    NewInvitation,
    PageQuery,
    ValidInvitation,
)
from blueprints.platform.schemas.sessions import Done
from models.documents import After
from services.accounts.invitations import InvitationList, Invited

invitations = FamilyBlueprint(dialect, "invitations", "/api/invitations", "Let people in.")

ORDER = "invitations"
_INVITATION = InvitationOut()


@invitations.route("", methods=["POST"])
@invitations.arguments(NewInvitation)
@invitations.response(201, InvitationWithLink)
def create(body: Json) -> Invited:
    """Invite somebody for 7 days; an address that is given is written to (003, admin).

    409 for an address that has an account.
    """
    return services().invitations.create(caller(), **body)


@invitations.route("")
@invitations.arguments(PageQuery, location="query")
@invitations.response(200, InvitationListOut)
def list_invitations(asked: Json) -> Response:
    """List all invitations, the newest first (003, admin)."""
    found = services().invitations.list(caller(), **place_of(asked, ORDER))
    return jsonify(_page(asked, found))


@invitations.route("/validate/<token>")
@limit_authentication
@invitations.response(200, ValidInvitation)
@public
def validate(token: str) -> Json:
    """Look an invitation up by its token (003). 400 for one that is not valid, 410 if expired."""
    found = services().invitations.validate(token)
    return {"valid": True, "email": found.email, "expires_at": found.expires_at}


@invitations.route("/<invitation_id>", methods=["DELETE"])
@invitations.response(200, Done)
def revoke(invitation_id: str) -> Json:
    """Take an invitation back (003, admin). 409 for one that was used."""
    services().invitations.revoke(caller(), invitation_id)
    return {"success": True, "message": "Invitation revoked"}


def _page(asked: Json, found: InvitationList) -> Json:
    end = After(found.items[-1].id, "") if found.has_more else None
    return {
        "invitations": _INVITATION.dump(found.items, many=True),
        "pagination": pagination(asked, asked["page_size"], found.total, to_cursor(ORDER, end)),
    }
