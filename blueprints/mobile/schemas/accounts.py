"""Accounts on the wire of the mobile API: 001's field names, ObjectId ids, naive UTC times."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates

from blueprints.http.parsing import Lenient
from blueprints.http.shapes import Shape


class Signup(Lenient):
    name = fields.String(required=True, validate=validate.Length(1, 100))
    email = fields.String(required=True, validate=validate.Length(1, 254))
    password = fields.String(required=True, load_only=True, validate=validate.Length(6, 1024))
    invitation_token = fields.String(
        load_default=None, load_only=True, validate=validate.Length(1, 100)
    )

    @validates("name")
    def not_blank(self, value: str, **_: Any) -> None:
        if not value.strip():
            raise ValidationError("Shorter than minimum length 1.")


class Login(Lenient):
    email = fields.String(required=True, validate=validate.Length(1, 254))
    password = fields.String(required=True, load_only=True, validate=validate.Length(1, 1024))
    otp = fields.String(
        load_default="",
        load_only=True,
        validate=validate.Length(max=40),
        metadata={"description": "Six digits of an authenticator app, or a recovery code."},
    )
    device = fields.String(load_default="", validate=validate.Length(max=100))


class SignupAnswer(Shape):
    message = fields.String()
    user_id = fields.String()


class UserOut(Shape):
    id = fields.String(attribute="oid")
    name = fields.String(attribute="display_name")
    email = fields.String()


class LoginAnswer(Shape):
    message = fields.String()
    token = fields.String(attribute="access_token")
    user = fields.Nested(UserOut)
    refresh_token = fields.String()
    expires_in = fields.Integer(attribute="expires_in_seconds")


class Me(UserOut):
    # 001 writes UTC without saying so, to the second.
    created_at = fields.Function(
        lambda user: user.created_at.strftime("%Y-%m-%dT%H:%M:%S"),
        metadata={"type": "string", "example": "2026-01-28T10:30:00"},
    )


class MeAnswer(Shape):
    user = fields.Nested(Me)


class Message(Shape):
    message = fields.String()
