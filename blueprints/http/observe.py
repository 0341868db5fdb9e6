"""What is known of each request afterwards: an id, a line in the log, and a measurement."""

from __future__ import annotations

import re
import time
from functools import lru_cache

import uuid_utils
from flask import Flask, Response, g
from prometheus_client import Counter, Histogram

from blueprints.http.caller import caller
from blueprints.http.context import this_request
from services.adapters import logs

# An id from outside goes into our logs and answers: it must be only that.
ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REQUESTS = Counter("clutch_requests_total", "Requests answered.", ("method", "route", "status"))
SECONDS = Histogram(
    "clutch_request_seconds",
    "Time to answer, by route.",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)


def start(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.started = time.perf_counter()
    sent = this_request().headers.get("X-Request-ID", "")
    request_id = sent if ACCEPTED_ID.fullmatch(sent) else str(uuid_utils.uuid7())
    logs.REQUEST_ID.set(request_id)


def _end(response: Response) -> Response:
    seconds, asked, status = time.perf_counter() - g.started, this_request(), response.status_code
    # The rule, not the path: ids would make a series each.
    route = asked.url_rule.rule if asked.url_rule else "(none)"
    response.headers["X-Request-ID"] = logs.REQUEST_ID.get() or ""
    answered, took = _meters(asked.method if asked.method in METHODS else "other", route, status)
    answered.inc()
    took.observe(seconds)
    logs.line(
        "request",
        method=asked.method,
        route=route,
        status=status,
        duration_ms=round(seconds * 1000, 2),
        user_id=caller().id,
    )
    return response


@lru_cache(maxsize=4096)
def _meters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Found once: prometheus_client makes texts of labels, and holds a lock, each time."""
    return REQUESTS.labels(method, route, status), SECONDS.labels(route)
