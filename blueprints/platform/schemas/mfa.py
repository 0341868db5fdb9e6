"""The second factor on the wire of the platform API."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from blueprints.http.shapes import Shape


class CodeRequest(Schema):
    code = fields.String(required=True, load_only=True, validate=validate.Length(1, 40))


class DisableRequest(CodeRequest):
    # Who has only ever signed in elsewhere has none.
    password = fields.String(load_default="", load_only=True, validate=validate.Length(max=1024))


class StatusAnswer(Shape):
    enabled = fields.Boolean()
    required = fields.Boolean()
    recovery_codes_left = fields.Integer()


class EnrolAnswer(Shape):
    success = fields.Boolean()
    message = fields.String()
    secret = fields.String()
    otpauth_uri = fields.String(metadata={"description": "What the QR code to scan holds."})


class RecoveryCodes(Shape):
    success = fields.Boolean()
    message = fields.String()
    recovery_codes = fields.List(
        fields.String(), metadata={"description": "Shown this once; each works once."}
    )
