"""How the mobile API says that something failed: 001's `error`, with more beside it."""

from __future__ import annotations

from blueprints.http.api_error import ApiError, api_error
from blueprints.http.dialect import Dialect

dialect = Dialect(name="mobile", error_body=api_error, error_schema=ApiError)
