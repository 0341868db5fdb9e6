"""Where direct uploads arrive that go to local disk: bytes, as they would go to S3, not JSON.

Whoever has an address may use it, without a token: it was signed for this.
"""

from __future__ import annotations

import mimetypes

from flask import Blueprint, Response, request

from blueprints.http.bodies import announced_bytes, pieces
from blueprints.http.caller import public
from blueprints.http.context import services
from blueprints.http.files import serve
from blueprints.http.limits import unlimited
from services.uploads.receiving import Body

direct = Blueprint("direct", __name__, url_prefix="/upload/direct")


@direct.route("/<token>", methods=["PUT"])
@unlimited
@public
def receive(token: str) -> Response:
    """Store the body; the ETag of a part is what completing the upload names it by."""
    body = Body(
        pieces=pieces(), size_bytes=announced_bytes(), content_type=request.content_type or ""
    )
    etag = services().receiving.receive(token, body)
    return Response(status=200, headers={"ETag": etag, "Cache-Control": "no-store"})


@direct.route("/<token>")
@unlimited
@public
def send(token: str) -> Response:
    """Send a stored file, with byte ranges."""
    key = services().receiving.file_at(token)
    return serve(key, mimetypes.guess_type(key)[0] or "application/octet-stream")
