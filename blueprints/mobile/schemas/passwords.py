"""Passwords and addresses that are proved by mail, on the wire of the mobile API (002)."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.http.parsing import Lenient


class Address(Lenient):
    email = fields.String(required=True, validate=validate.Length(1, 254))


class Token(Lenient):
    token = fields.String(required=True, load_only=True, validate=validate.Length(1, 200))


class NewPassword(Lenient):
    """Wherever one is chosen: 001's rule."""

    password = fields.String(required=True, load_only=True, validate=validate.Length(6, 1024))


class Reset(NewPassword, Token):
    pass


class Change(NewPassword):
    current_password = fields.String(
        required=True, load_only=True, validate=validate.Length(1, 1024)
    )
