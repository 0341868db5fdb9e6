"""How the client API says that something failed: 004's `APIError`."""

from __future__ import annotations

from blueprints.http.api_error import ApiError, api_error
from blueprints.http.dialect import Dialect

dialect = Dialect(name="client", error_body=api_error, error_schema=ApiError)
