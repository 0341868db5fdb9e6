"""A dialect: one API family's way of saying that something failed, and of being documented.

All that families may disagree on is here or in their schemas. What they may not disagree on (who
may do what, and what happens) lives in services/.
"""

from __future__ import annotations

import http
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, jsonify
from flask_smorest import Blueprint
from marshmallow import Schema

from blueprints.http.caller import PUBLIC, REQUIRED, access_of
from blueprints.http.parsing import PARSER
from models import errors

Json = dict[str, Any]

STATUS: Mapping[type[errors.ClutchError], int] = {
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.GeoBlocked: 451,
    errors.NotFound: 404,
    errors.Invalid: 400,
    errors.UnsupportedFormat: 415,
    errors.TooLarge: 413,
    errors.ChecksumMismatch: 460,  # tus gives it this number
    errors.Expired: 410,
    errors.Conflict: 409,
    errors.Locked: 423,
    errors.Stale: 412,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
    errors.ClutchError: 500,
}
RETRY_AFTER_SECONDS = 5


def status_of(error: errors.ClutchError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    name: str
    # The body of a failure, and the same as a schema for openapi.json.
    error_body: Callable[[errors.ClutchError, int], Json]
    error_schema: type[Schema]

    def failure(
        self,
        error: errors.ClutchError,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Say `error` in this family's words; `status` where HTTP itself has decided it."""
        status = status or status_of(error)
        response = jsonify(self.error_body(error, status))
        response.status_code = status
        response.headers.update(headers or {})
        if isinstance(error, errors.RateLimited) and error.retry_after_seconds:
            response.headers.setdefault("Retry-After", str(error.retry_after_seconds))
        if status in {429, 503}:
            response.headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
        if status == http.HTTPStatus.UNAUTHORIZED:
            response.headers.setdefault("WWW-Authenticate", 'Bearer realm="clutch"')
        return response


class FamilyBlueprint(Blueprint):
    """The routes of one noun in one family, documented with that family's error body."""

    ARGUMENTS_PARSER = PARSER
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = {  # noqa: RUF012 - flask-smorest's form
        "json": "application/json",
        "multipart": "multipart/form-data",
        "json_or_multipart": "application/json, multipart/form-data",
    }

    def __init__(self, dialect: Dialect, noun: str, url_prefix: str, description: str) -> None:
        super().__init__(
            f"{dialect.name}_{noun}", __name__, url_prefix=url_prefix, description=description
        )
        self.dialect = dialect
        self._prepare_doc_cbks.append(self._describe)

    def arguments(self, schema: Any, **options: Any) -> Callable[..., Any]:
        """As flask-smorest's; a schema's class is made into an instance once, not per request."""
        return super().arguments(schema() if isinstance(schema, type) else schema, **options)

    def _store_endpoint_docs(
        self, endpoint: str, obj: Any, parameters: Any, tags: Any, **options: Any
    ) -> None:
        super()._store_endpoint_docs(endpoint, obj, parameters, tags, **options)
        for method in options.get("methods", ("GET",)):
            self._docs[endpoint][method.lower()]["access"] = access_of(obj)

    def _describe(self, doc: Json, doc_info: Json, **_context: Any) -> Json:
        """Who may call, and how failures look."""
        access = doc_info["access"]
        bearer: list[Json] = [{"bearer": []}]
        doc["security"] = {PUBLIC: [], REQUIRED: bearer}.get(access, [{}, *bearer])
        asked = doc.get("requestBody", {}).get("content", {})
        for kinds in [kinds for kinds in asked if ", " in kinds]:
            body = asked.pop(kinds)
            asked.update(dict.fromkeys(kinds.split(", "), body))
        content = {"application/json": {"schema": self.dialect.error_schema}}
        failure = {"description": "Failure", "content": content}
        responses = doc.setdefault("responses", {})
        for status in [s for s, said in responses.items() if isinstance(said, str)]:
            responses[status] = failure
        for status in ["default", *([] if access == PUBLIC else ["401"])]:
            responses.setdefault(status, failure)
        return doc
