"""Sessions on the wire of the platform API."""

from __future__ import annotations

from marshmallow import fields

from blueprints.http.caller import caller
from blueprints.http.shapes import Shape


class Done(Shape):
    success = fields.Boolean()
    message = fields.String()


class Ended(Done):
    ended = fields.Integer()


class SessionOut(Shape):
    id = fields.String()
    device = fields.String()
    user_agent = fields.String()
    address = fields.String()
    created_at = fields.DateTime()
    last_seen_at = fields.DateTime()
    current = fields.Function(
        lambda session: session.id == caller().session_id, metadata={"type": "boolean"}
    )


class SessionsAnswer(Shape):
    sessions = fields.List(fields.Nested(SessionOut))
