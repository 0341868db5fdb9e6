"""Every failure leaves through here, in the family's form that its path belongs to.

Flask's blueprint handlers never see a 404 or a 405 of routing, so these belong to the app.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable

from flask import Flask, Response, request
from flask_limiter.errors import RateLimitExceeded
from werkzeug.exceptions import HTTPException

from blueprints.http.dialect import Dialect
from blueprints.http.limits import too_many
from models import errors
from services.container import OUTAGES

log = logging.getLogger(__name__)

CODES = {
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMITED",
    503: "SERVICE_UNAVAILABLE",
}
NOT_FOUND = 404
# What a system says that can store no more.
FULL = {errno.ENOSPC, errno.EDQUOT}
SERVER_ERROR = 500
FamilyOf = Callable[[str], Dialect]


def start(app: Flask, family_of: FamilyOf) -> None:
    def say(error: errors.ClutchError, status: int | None = None, **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return family_of(request.path).failure(error, status, named)

    def expected(error: errors.ClutchError) -> Response:
        return say(error)

    def outage(error: Exception) -> Response:
        log.warning("a server does not answer", extra={"kind": type(error).__name__})
        return say(errors.Unavailable("The service is briefly unavailable. Please try again."))

    def http_failure(error: HTTPException) -> Response | HTTPException:
        status = error.code or SERVER_ERROR
        if status < 400:  # noqa: PLR2004 - redirects are not failures
            return error
        # `Allow` of a 405, `Content-Range` of a 416 ...; the body's own headers are ours.
        headers = {n: v for n, v in error.get_headers() if n.lower() != "content-type"}
        return say(_said(error, status), status, **headers)

    def limited(error: RateLimitExceeded) -> Response:
        return say(too_many(error.limit.limit))

    def unexpected(error: Exception) -> Response:
        log.error("unexpected failure", exc_info=error)
        return say(_full(error) or errors.ClutchError("Internal server error"))

    app.register_error_handler(errors.ClutchError, expected)
    app.register_error_handler(HTTPException, http_failure)
    app.register_error_handler(RateLimitExceeded, limited)
    app.register_error_handler(Exception, unexpected)
    for kind in OUTAGES:
        if not issubclass(kind, errors.ClutchError):
            app.register_error_handler(kind, outage)


def _full(error: Exception) -> errors.Unavailable | None:
    """What is said where a disk is full: whoever runs this has to make room, and then it goes."""
    if isinstance(error, OSError) and error.errno in FULL:
        return errors.Unavailable("There is no room for files just now. Please try again later.")
    return None


def _said(error: HTTPException, status: int) -> errors.ClutchError:
    message = "There is nothing at this address." if status == NOT_FOUND else error.description
    said = errors.ClutchError(message or error.name)
    said.code = CODES.get(status, "SERVER_ERROR" if status >= SERVER_ERROR else "VALIDATION_ERROR")
    return said
