"""What is known of each request afterwards: an id, a line in the log, and a measurement."""

from __future__ import annotations

import re
import time

import uuid_utils
from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

from blueprints.http.caller import caller
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
    sent = request.headers.get("X-Request-ID", "")
    g.request_id = sent if ACCEPTED_ID.fullmatch(sent) else str(uuid_utils.uuid7())
    logs.REQUEST_ID.set(g.request_id)


def _end(response: Response) -> Response:
    seconds = time.perf_counter() - g.started
    # The rule, not the path: ids would make a series each.
    route = request.url_rule.rule if request.url_rule else "(none)"
    response.headers["X-Request-ID"] = g.request_id
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(method, route, response.status_code).inc()
    SECONDS.labels(route).observe(seconds)
    logs.line(
        "request",
        method=request.method,
        route=route,
        status=response.status_code,
        duration_ms=round(seconds * 1000, 2),
        user_id=caller().id,
    )
    return response
