"""How the platform API says that something failed: 000's body, and 003's beside it."""

from __future__ import annotations

from marshmallow import Schema, fields

from blueprints.http.dialect import Dialect, Json
from models.errors import ClutchError


class ErrorDetails(Schema):
    code = fields.String(required=True, metadata={"example": "NOT_FOUND"})
    message = fields.String(required=True)
    details = fields.Dict(metadata={"description": "More, where the message is not all."})
    field_errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class PlatformError(Schema):
    success = fields.Boolean(required=True, metadata={"example": False})
    error = fields.Nested(ErrorDetails, required=True)
    detail = fields.String(required=True)
    error_code = fields.String(required=True)


def _body(error: ClutchError, _status: int) -> Json:
    said: Json = {"code": error.code, "message": error.message}
    if error.details:
        said["details"] = error.details
    if error.fields:
        said["field_errors"] = error.fields
    return {"success": False, "error": said, "detail": error.message, "error_code": error.code}


dialect = Dialect(name="platform", error_body=_body, error_schema=PlatformError)
