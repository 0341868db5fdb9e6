"""How the client API says that something failed: 004's `APIError`."""

from __future__ import annotations

from blueprints.http.api_error import ApiError, api_error
from blueprints.http.dialect import Dialect, Json
from models.errors import ClutchError


def _in_camel_case(error: ClutchError, status: int) -> Json:
    """Fields by the names that this family has for them, also where the core names them."""
    body = api_error(error, status)
    named = {_camel(name): messages for name, messages in body.get("fieldErrors", {}).items()}
    return body | ({"fieldErrors": named} if named else {})


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


dialect = Dialect(name="client", error_body=_in_camel_case, error_schema=ApiError)
