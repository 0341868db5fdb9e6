"""Signing in with an account elsewhere, on the wire of the mobile API."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.http.parsing import Lenient
from blueprints.http.shapes import Shape


class OfferAnswer(Shape):
    enabled = fields.Boolean()
    name = fields.String(metadata={"description": "What to write on the button."})


class StartQuery(Lenient):
    return_to = fields.String(
        load_default="",
        validate=validate.Length(max=2048),
        metadata={"description": "A path here, or an address of an origin in CORS_ORIGINS."},
    )


class CallbackQuery(Lenient):
    """What the provider adds to our address."""

    state = fields.String(required=True, validate=validate.Length(1, 512))
    code = fields.String(load_default="", validate=validate.Length(max=8192))
    error = fields.String(load_default="", validate=validate.Length(max=512))
    iss = fields.String(load_default=None, validate=validate.Length(max=2048))


class TokenRequest(Lenient):
    code = fields.String(required=True, load_only=True, validate=validate.Length(1, 128))
    otp = fields.String(
        load_default="",
        load_only=True,
        validate=validate.Length(max=40),
        metadata={"description": "Where the answer was MFA_REQUIRED: the same code, and this."},
    )
    device = fields.String(load_default="", validate=validate.Length(max=100))
