"""Administration of users, as the platform API speaks of it: /api/users (003)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller
from blueprints.http.context import device, services
from blueprints.http.cursors import to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_authentication
from blueprints.platform.dialect import dialect
from blueprints.platform.pages import pagination, place_of
from blueprints.platform.schemas.membership import (
    ActiveChange,
    DeletionAnswer,
    DeletionQuery,
    MemberListOut,
    MemberOut,
    OwnDeletion,
    RoleChange,
    UserQuery,
)
from models.documents import After
from models.membership import UserFilter
from models.user import User
from services.people.administration import UserList
from services.people.deletion import Closed

administration = FamilyBlueprint(
    dialect, "administration", "/api/users", "Roles, activity, the end of accounts."
)

ORDER = "users"
KEEP = "keep"
_MEMBER = MemberOut()


@administration.route("")
@administration.arguments(UserQuery, location="query")
@administration.response(200, MemberListOut)
def list_users(asked: Json) -> Response:
    """List all users, the newest first; with `q`, those whose name begins with it (003, admin)."""
    wanted = UserFilter(asked.get("role"), asked.get("active"), asked["q"].strip().lower())
    found = services().administration.list(caller(), wanted, **place_of(asked, ORDER))
    return jsonify(_page(asked, found))


@administration.route("/<user_id>/role", methods=["PATCH"])
@administration.arguments(RoleChange)
@administration.response(200, MemberOut)
def change_role(body: Json, user_id: str) -> User:
    """Give somebody a role, at once in all their sessions (003, admin).

    409 for the last administrator.
    """
    return services().administration.change_role(caller(), user_id, body["role"])


@administration.route("/<user_id>/active", methods=["PATCH"])
@administration.arguments(ActiveChange)
@administration.response(200, MemberOut)
def set_active(body: Json, user_id: str) -> User:
    """Let somebody in again, or out at once; without a body, the other than now (003, admin).

    409 for the last administrator.
    """
    return services().administration.set_active(caller(), user_id, is_active=body.get("is_active"))


@administration.route("/me", methods=["DELETE"])
@limit_authentication
@administration.arguments(OwnDeletion)
@administration.arguments(DeletionQuery, location="query")
@administration.response(200, DeletionAnswer)
def delete_me(body: Json, asked: Json) -> Json:
    """Delete one's own account, with its videos unless they are to be kept.

    400 for a wrong password, 409 for the last administrator.
    """
    closed = services().deletion.delete_own(
        caller(), **body, keeps_content=asked["content"] == KEEP, device=device()
    )
    return _deleted(closed)


@administration.route("/<user_id>", methods=["DELETE"])
@administration.arguments(DeletionQuery, location="query")
@administration.response(200, DeletionAnswer)
def delete(asked: Json, user_id: str) -> Json:
    """Delete somebody's account, with their videos unless they are to be kept (003, admin).

    409 for the last administrator.
    """
    return _deleted(
        services().deletion.delete(caller(), user_id, keeps_content=asked["content"] == KEEP)
    )


def _deleted(closed: Closed) -> Json:
    message = (
        "The account is closed. Its videos stay, without a name."
        if closed.keeps_content
        else "The account is closed. Its videos are hidden now, and removed shortly."
    )
    return {"success": True, "message": message, "deletion": closed}


def _page(asked: Json, found: UserList) -> Json:
    end = After(found.end, "") if found.has_more else None
    return {
        "users": _MEMBER.dump(found.items, many=True),
        "pagination": pagination(asked, asked["page_size"], found.total, to_cursor(ORDER, end)),
    }
