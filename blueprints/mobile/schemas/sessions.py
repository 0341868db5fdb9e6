"""Sessions on the wire of the mobile API (002)."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.http.caller import caller
from blueprints.http.parsing import Lenient
from blueprints.http.shapes import Shape


class RefreshRequest(Lenient):
    refresh_token = fields.String(required=True, validate=validate.Length(1, 4096))


class Refreshed(Shape):
    """As a login's answer spells them."""

    token = fields.String(attribute="access_token")
    refresh_token = fields.String()
    expires_in = fields.Integer(attribute="expires_in_seconds")


class SessionOut(Shape):
    id = fields.String(attribute="oid")
    device = fields.String()
    user_agent = fields.String()
    address = fields.String()
    created_at = fields.DateTime()
    last_seen_at = fields.DateTime(
        metadata={"description": "Up to five minutes old: seen is noted as often as that."}
    )
    current = fields.Function(
        lambda session: session.id == caller().session_id, metadata={"type": "boolean"}
    )


class SessionsAnswer(Shape):
    sessions = fields.List(fields.Nested(SessionOut))


class Ended(Shape):
    message = fields.String()
    ended = fields.Integer()
