"""Headers of every answer: 000's security headers, and who may read it across origins."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask, Response, request
from flask_cors import CORS

from blueprints.http import tus
from config import Settings

POLICY = "Content-Security-Policy"
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "1; mode=block",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    POLICY: (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
    ),
}
# Swagger UI draws its icons from data: URLs.
DOCS = "/docs"
EXPOSED = (
    "X-Request-ID",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Next-Cursor",
)
# Media segments, which may be read from everywhere.
MEDIA = "/hls/"
# Until origins are configured, apps under development on this machine may ask.
LOOPBACK = re.compile(r"https?://(localhost|127\.0\.0\.1)(:\d+)?\Z")


def start(app: Flask, settings: Settings) -> None:
    origins = list(settings.cors_origins) or [LOOPBACK]
    everywhere = {
        "origins": origins,
        "expose_headers": list(EXPOSED),
        "max_age": 600,
        "always_send": False,
    }
    # The grant in its path is what protects a segment; players on any page may fetch it.
    media = {
        "origins": "*",
        # Also to who names no origin: a cache may keep the answer for one who will.
        "always_send": True,
        "expose_headers": ["Content-Length", "Content-Range"],
        "max_age": 86400,
    }
    tus_clients = {**everywhere, "expose_headers": [*EXPOSED, *tus.EXPOSED, "ETag"]}
    resources: dict[Any, Any] = {
        rf"{MEDIA}.*": media,
        r"/upload/.*": tus_clients,
        r"/.*": everywhere,
    }
    CORS(app, resources=resources, send_wildcard=True)
    told: Any = app.after_request_funcs[None].pop()
    app.after_request(lambda response: told(response) if _is_across_origins() else response)
    app.after_request(_secure)


def _is_across_origins() -> bool:
    """Whether there is anything to say: to find out otherwise costs more than to say it."""
    return "HTTP_ORIGIN" in request.environ or request.path.startswith(MEDIA)


def _secure(response: Response) -> Response:
    headers = response.headers
    if request.path == DOCS:
        headers[POLICY] = f"{SECURITY[POLICY]}; img-src 'self' data:"
    said = {name.lower() for name in headers.keys()}  # noqa: SIM118 - it has pairs, and is no dict
    for name, value in SECURITY.items():
        if name.lower() not in said:
            headers.add(name, value)
    return response
