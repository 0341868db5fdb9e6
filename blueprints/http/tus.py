"""tus 1.0, the protocol of resumable uploads: its headers, read strictly, and what each answer has.

https://tus.io/protocols/resumable-upload says what all of this means. Beside the core: creation,
creation-with-upload, creation-defer-length, checksum, termination, expiration.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Response, request
from flask_smorest import Blueprint
from marshmallow import ValidationError, fields
from werkzeug.exceptions import PreconditionFailed, UnsupportedMediaType
from werkzeug.http import http_date

from blueprints.http.bodies import announced_bytes, pieces
from models.uploads import ResumableUpload, UploadState
from services.uploads.arrivals import ALGORITHMS, Checksum, Part

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,checksum,termination,expiration"
BYTES_TYPE = "application/offset+octet-stream"
OVERRIDE = "X-HTTP-Method-Override"
# Polling for progress and asking what this server can do are no part of the protocol's state.
FREE_METHODS = frozenset({"GET", "OPTIONS"})
# A description of 5000 characters in any script, and all else that can be said. Whoever stands in
# front has to let it through (deploy/nginx.conf).
METADATA_LENGTH = 28 * 1024
KEY = re.compile(r"[!-+\--~]+")
# What a browser hides from the page that asks, unless told otherwise.
EXPOSED = (
    *("Location", "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size"),
    *("Tus-Checksum-Algorithm", "Upload-Offset", "Upload-Length", "Upload-Defer-Length"),
    *("Upload-Metadata", "Upload-Expires", "X-Video-Id"),
)


def speak(blueprint: Blueprint) -> None:
    """Have all routes of this blueprint speak tus 1.0 with whoever says that they do."""
    blueprint.before_request(_insist)
    blueprint.after_request(_sign)


class MethodOverride:
    """For clients whose surroundings know no PATCH: the method is what the header says."""

    def __init__(self, application: WSGIApplication, prefix: str) -> None:
        self._application = application
        self._prefix = prefix

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        meant = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "").upper()
        if meant in {"PATCH", "DELETE", "HEAD"} and environ["PATH_INFO"].startswith(self._prefix):
            environ["REQUEST_METHOD"] = meant
        return self._application(environ, start_response)


class Bytes(fields.Integer):
    """A number of bytes, in digits and nothing else."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not re.fullmatch(r"[0-9]{1,18}", value):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class UploadChecksum(fields.String):
    """`sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=`, as a `Checksum`."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        algorithm, _, encoded = text.partition(" ")
        if algorithm not in ALGORITHMS:
            raise ValidationError(f"Not one of {', '.join(ALGORITHMS)}.")
        digest = _decoded(encoded)
        if len(digest) != hashlib.new(algorithm).digest_size:
            raise ValidationError(f"Not a {algorithm} checksum.")
        return Checksum(algorithm=algorithm, digest=digest)


class Metadata(fields.Nested):
    """`filename d29ybGQubXA0,title aGVsbG8=`: what the nested schema reads is the decoded form."""

    def _deserialize(
        self, value: Any, attr: Any, data: Any, partial: Any = None, **kwargs: Any
    ) -> Any:
        return super()._deserialize(metadata(str(value)), attr, data, partial, **kwargs)


def metadata(text: str) -> dict[str, str]:
    """Raises `ValidationError` for what is not exactly as the protocol wants it."""
    if len(text) > METADATA_LENGTH:
        raise ValidationError(f"Longer than {METADATA_LENGTH}.")
    found: dict[str, str] = {}
    for pair in text.split(",") if text else []:
        key, _, encoded = pair.strip(" ").partition(" ")
        if not KEY.fullmatch(key) or key in found:
            raise ValidationError("Each key once: printable ASCII without blanks and commas.")
        try:
            found[key] = _decoded(encoded).decode()
        except UnicodeDecodeError as wrong:
            raise ValidationError(f"{key} is not UTF-8.") from wrong
    return found


def first_part(asked: dict[str, Any]) -> Part | None:
    """What was sent along with a creation, if anything was."""
    if not announced_bytes() and "Transfer-Encoding" not in request.headers:
        return None
    return part({"offset": 0, "checksum": asked.get("checksum")})


def part(asked: dict[str, Any]) -> Part:
    """The bytes of this request. They are read when somebody takes them, piece by piece."""
    if request.mimetype != BYTES_TYPE:
        raise UnsupportedMediaType(f"Send the bytes as Content-Type: {BYTES_TYPE}.")
    return Part(
        offset=asked["offset"],
        pieces=pieces(),
        size_bytes=announced_bytes(),
        total_bytes=asked.get("total"),
        checksum=asked.get("checksum"),
    )


def said(upload: ResumableUpload, response: Response) -> Response:
    """`response` with what it tells a tus client."""
    headers = response.headers
    headers["Cache-Control"] = "no-store"
    headers["Upload-Offset"] = str(upload.offset)
    if upload.size_bytes is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(upload.size_bytes)
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    if upload.state is UploadState.FINISHED:
        headers["X-Video-Id"] = upload.video_id
    else:
        headers["Upload-Expires"] = http_date(upload.expires_at)
    return response


def abilities(max_bytes: int) -> Response:
    """The answer to OPTIONS."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(max_bytes),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return Response(status=204, headers=headers)


def _insist() -> None:
    if request.method not in FREE_METHODS and request.headers.get("Tus-Resumable") != VERSION:
        raise PreconditionFailed(f"Speak tus {VERSION}: send the header Tus-Resumable.")


def _sign(response: Response) -> Response:
    response.headers["Tus-Resumable"] = VERSION
    if response.status_code == PreconditionFailed.code:
        response.headers["Tus-Version"] = VERSION
    return response


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise ValidationError("Not base64.") from wrong
