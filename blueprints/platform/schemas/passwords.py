"""Passwords that change, on the wire of the platform API."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from blueprints.http.shapes import Shape
from blueprints.platform.schemas.accounts import NewPassword


class Forgotten(Schema):
    email = fields.String(required=True, validate=validate.Length(3, 254))


class Reset(NewPassword):
    token = fields.String(required=True, load_only=True, validate=validate.Length(1, 200))


class Change(NewPassword):
    current_password = fields.String(
        required=True, load_only=True, validate=validate.Length(1, 1024)
    )


class PasswordAnswer(Shape):
    success = fields.Boolean()
    message = fields.String()
