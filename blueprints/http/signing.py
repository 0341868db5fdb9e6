"""Request signing (004): what changes something in the client API must be signed, if so set.

`docs/request-signing.md` says how, with examples that a test runs.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from urllib.parse import quote

from flask import Flask, request

from blueprints.http.parsing import JSON_BYTES
from services.accounts.signatures import SIGNATURE, TIMESTAMP, RequestSignatures

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# For files: they may be gigabytes, and are never held in memory.
UNSIGNED_BODY = "UNSIGNED-PAYLOAD"
# What a path may hold as it is (RFC 3986).
PLAIN = "/-._~!$&'()*+,;=:@"


def start(app: Flask, signatures: RequestSignatures | None, blueprints: Collection[str]) -> None:
    """Ask for a signature in front of `blueprints`, after all that was started before."""
    if signatures is None:
        return

    def check() -> None:
        if request.method in CHANGING and request.blueprint in blueprints:
            signatures.check(
                timestamp=request.headers.get(TIMESTAMP, ""),
                signature=request.headers.get(SIGNATURE, ""),
                method=request.method,
                target=_target(),
                body=_body_hash,
            )

    app.before_request(check)


def _target() -> str:
    """Path and query as they stand in the request line; servers hand the path on decoded."""
    path = quote(request.environ["PATH_INFO"].encode("latin-1"), safe=PLAIN)
    query = request.query_string.decode("latin-1")
    return f"{path}?{query}" if query else path


def _body_hash() -> str:
    """Of JSON, or of nothing. What is sent decides which, and not what the client would like."""
    if request.mimetype and not request.is_json:
        return UNSIGNED_BODY
    request.max_content_length = JSON_BYTES
    return sha256(request.get_data()).hexdigest()
