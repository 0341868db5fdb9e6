"""Accounts on the wire of the platform API. Changing a field is changing a contract (000, 003)."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates

from blueprints.http.links import avatar
from blueprints.http.shapes import Shape


def username() -> fields.String:
    pattern = validate.Regexp(
        r"[a-zA-Z0-9_]{3,30}\Z", error="3 to 30 letters, digits or underscores."
    )
    return fields.String(required=True, validate=pattern)


def password() -> fields.String:
    return fields.String(required=True, load_only=True, validate=validate.Length(8, 1024))


class NewPassword(Schema):
    """Wherever one is chosen: 000's rules."""

    password = password()

    @validates("password")
    def strong_enough(self, value: str, **_: Any) -> None:
        if not (re.search(r"[A-Z]", value) and re.search(r"\d", value)):
            raise ValidationError("At least one upper-case letter and one digit.")


def device_name() -> fields.String:
    return fields.String(
        load_default="",
        validate=validate.Length(max=100),
        metadata={"description": "What the list of devices calls this one (002)."},
    )


class RegistrationOut(Shape):
    mode = fields.String(metadata={"enum": ["open", "invite", "closed"]})


class Registration(NewPassword):
    username = username()
    email = fields.String(required=True, validate=validate.Length(3, 254))
    display_name = fields.String(validate=validate.Length(1, 50))
    invitation_token = fields.String(load_only=True, validate=validate.Length(1, 100))
    device = device_name()


class Login(Schema):
    """000 sends `login`, 003 `username`; `email` is taken as well."""

    login = fields.String(validate=validate.Length(1, 254))
    username = fields.String(validate=validate.Length(1, 254))
    email = fields.String(validate=validate.Length(1, 254))
    password = fields.String(required=True, load_only=True, validate=validate.Length(1, 1024))
    otp = fields.String(
        load_default="",
        load_only=True,
        validate=validate.Length(max=40),
        metadata={"description": "Six digits of an authenticator app, or a recovery code."},
    )

    device = device_name()

    @post_load
    def one_login(self, data: dict[str, str], **_: Any) -> dict[str, str]:
        given = [data.pop(name) for name in ("login", "username", "email") if name in data]
        if len(given) != 1:
            raise ValidationError("Send one of login, username or email.", "login")
        return {"login": given[0], **data}


class RefreshRequest(Schema):
    refresh_token = fields.String(required=True, validate=validate.Length(1, 4096))


class TokenPair(Shape):
    access_token = fields.String()
    refresh_token = fields.String()


class NewUser(Shape):
    id = fields.String()
    username = fields.String()
    email = fields.String()
    display_name = fields.String()
    avatar_url = fields.Function(lambda user: avatar(user.avatar_url))
    created_at = fields.DateTime()
    follower_count = fields.Integer()
    following_count = fields.Integer()


class Me(NewUser):
    bio = fields.String()
    verified = fields.Boolean()


class ProfileOut(Shape):
    total_views = fields.Integer(attribute="user.total_views")
    total_videos = fields.Integer()
    total_likes_received = fields.Integer(attribute="user.total_likes_received")


class SignedInAnswer(Shape):
    success = fields.Boolean()
    message = fields.String()
    user = fields.Nested(NewUser)
    tokens = fields.Nested(TokenPair, allow_none=True)


class MeAnswer(Shape):
    user = fields.Nested(Me)
    profile = fields.Function(lambda profile: ProfileOut().dump(profile))
