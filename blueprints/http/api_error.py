"""The failure body that the client and the mobile API share (contract section 1)."""

from __future__ import annotations

from marshmallow import Schema, fields

from blueprints.http.dialect import Json
from models.errors import ClutchError


class ApiError(Schema):
    """004's `APIError`, with 001's `error` and a stable `code` to match on."""

    error = fields.String(required=True)
    message = fields.String(required=True)
    statusCode = fields.Integer(required=True)  # noqa: N815 - the wire's spelling
    code = fields.String(required=True, metadata={"example": "NOT_FOUND"})
    details = fields.Dict(metadata={"description": "More, where the message is not all."})
    fieldErrors = fields.Dict(  # noqa: N815 - the wire's spelling
        keys=fields.String(), values=fields.List(fields.String())
    )


def api_error(error: ClutchError, status: int) -> Json:
    body: Json = {
        "error": error.message,
        "message": error.message,
        "statusCode": status,
        "code": error.code,
    }
    if error.details:
        body["details"] = error.details
    return body | ({"fieldErrors": error.fields} if error.fields else {})
