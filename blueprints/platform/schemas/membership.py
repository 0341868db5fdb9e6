"""Invitations, administration and one's own data on the wire of the platform API (003)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from blueprints.http.links import avatar
from blueprints.http.shapes import Shape
from blueprints.platform.schemas.videos import LAST_PAGE, PAGE_SIZE_LIMIT, Pagination
from models.audit import Action
from models.invitations import Invitation
from models.user import Role, User
from services.accounts.tokens import shown_role

PAGE_SIZE = 10
# 000 says `user` for 002's viewer; both are understood.
ROLE_WORDS = {"user": Role.VIEWER, **{role.value: role for role in Role}}


class RoleField(fields.String):
    """A role, by 000's or 002's word for it."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> Any:
        word = super()._deserialize(value, attr, data, **options)
        if word not in ROLE_WORDS:
            raise ValidationError(f"Must be one of: {', '.join(ROLE_WORDS)}.")
        return ROLE_WORDS[word]


def role(**options: Any) -> RoleField:
    return RoleField(metadata={"enum": list(ROLE_WORDS)}, **options)


def shown(holder: User | Invitation) -> str:
    return shown_role(holder.role)


class PageQuery(Schema):
    """003's `page` and `page_size`; `cursor` goes on where an answer ended."""

    page = fields.Integer(load_default=1, validate=validate.Range(1, LAST_PAGE))
    page_size = fields.Integer(load_default=PAGE_SIZE, validate=validate.Range(1, PAGE_SIZE_LIMIT))
    cursor = fields.String(validate=validate.Length(max=1000))


# Invitations


class NewInvitation(Schema):
    email = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(3, 254),
        metadata={"description": "Whom it is for; without it, whoever has the link."},
    )
    role = role(load_default=Role.VIEWER)


class InvitationOut(Shape):
    """003's invitation."""

    id = fields.String()
    email = fields.String(allow_none=True)
    token = fields.String()
    role = fields.Function(shown, metadata={"type": "string"})
    created_by = fields.String()
    created_at = fields.DateTime()
    expires_at = fields.DateTime()
    used = fields.Boolean()
    used_at = fields.DateTime(allow_none=True)
    used_by = fields.String(allow_none=True)
    revoked_at = fields.DateTime(allow_none=True)


class InvitationWithLink(Shape):
    """The same with the link to send. Reads an `Invited`."""

    id = fields.String(attribute="invitation.id")
    email = fields.String(attribute="invitation.email", allow_none=True)
    token = fields.String(attribute="invitation.token")
    role = fields.Function(lambda made: shown(made.invitation), metadata={"type": "string"})
    created_by = fields.String(attribute="invitation.created_by")
    created_at = fields.DateTime(attribute="invitation.created_at")
    expires_at = fields.DateTime(attribute="invitation.expires_at")
    used = fields.Boolean(attribute="invitation.used")
    used_at = fields.DateTime(attribute="invitation.used_at", allow_none=True)
    link = fields.String()


class InvitationListOut(Shape):
    invitations = fields.List(fields.Nested(InvitationOut))
    pagination = fields.Nested(Pagination)


class ValidInvitation(Shape):
    valid = fields.Boolean()
    email = fields.String(allow_none=True)
    expires_at = fields.DateTime()


# Administration


class UserQuery(PageQuery):
    role = role()
    active = fields.Boolean()
    q = fields.String(
        load_default="",
        validate=validate.Length(max=254),
        metadata={"description": "How the username or the e-mail address begins."},
    )


class MemberOut(Shape):
    """An account as an admin sees it."""

    id = fields.String()
    username = fields.String()
    email = fields.String()
    display_name = fields.String()
    avatar_url = fields.Function(lambda user: avatar(user.avatar_url))
    role = fields.Function(shown, metadata={"type": "string"})
    is_active = fields.Boolean()
    email_verified = fields.Boolean()
    created_at = fields.DateTime()
    last_login = fields.DateTime(allow_none=True)


class MemberListOut(Shape):
    users = fields.List(fields.Nested(MemberOut))
    pagination = fields.Nested(Pagination)


class RoleChange(Schema):
    role = role(required=True)


class ActiveChange(Schema):
    is_active = fields.Boolean(metadata={"description": "Without it, the other than it is now."})


class DeletionQuery(Schema):
    content = fields.String(
        load_default="delete",
        validate=validate.OneOf(["delete", "keep"]),
        metadata={"description": "Whether the person's videos go with them."},
    )


class OwnDeletion(Schema):
    password = fields.String(
        load_default="",
        load_only=True,
        validate=validate.Length(max=1024),
        metadata={"description": "Needed by everybody who has one."},
    )
    otp = fields.String(load_default="", load_only=True, validate=validate.Length(max=40))


class DeletionOut(Shape):
    user_id = fields.String()
    videos = fields.Integer(metadata={"description": "How many there were."})
    content = fields.Function(
        lambda closed: "kept" if closed.keeps_content else "deleted",
        metadata={"type": "string", "enum": ["deleted", "kept"]},
    )


class DeletionAnswer(Shape):
    success = fields.Boolean()
    message = fields.String()
    deletion = fields.Nested(DeletionOut)


class AuditQuery(Schema):
    user_id = fields.String(validate=validate.Length(max=64))
    action = fields.Enum(Action, by_value=True)
    page_size = fields.Integer(load_default=20, validate=validate.Range(1, PAGE_SIZE_LIMIT))
    cursor = fields.String(validate=validate.Length(max=1000))


class AuditEntryOut(Shape):
    id = fields.String()
    at = fields.DateTime()
    action = fields.Enum(Action, by_value=True)
    user_id = fields.String(allow_none=True)
    actor_id = fields.String(allow_none=True)
    address = fields.String()
    request_id = fields.String(allow_none=True)
    details = fields.Function(lambda entry: entry.details, metadata={"type": "object"})


class AuditListOut(Shape):
    entries = fields.List(fields.Nested(AuditEntryOut))
    has_more = fields.Boolean()
    next_cursor = fields.String(allow_none=True)
