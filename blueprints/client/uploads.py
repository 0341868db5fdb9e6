"""Resumable uploads: /upload/video, for any tus client (002's chunked upload and its progress)."""

from __future__ import annotations

from flask import Response, jsonify, request

from blueprints.client.dialect import dialect
from blueprints.client.schemas.uploads import About, Continuation, Creation, Progress
from blueprints.http import tus
from blueprints.http.caller import caller, public
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_uploads, unlimited
from blueprints.http.links import link
from services.uploads.resumable import NewUpload

uploads = FamilyBlueprint(
    dialect, "uploads", "/upload/video", "Uploads that go on where they stopped (tus 1.0)."
)
tus.speak(uploads)

_PROGRESS = Progress()
_NOTHING_SAID = About().load({})
BYTES = {"application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@uploads.route("", methods=["OPTIONS"], provide_automatic_options=False)
@uploads.response(204)
@unlimited
@public
def abilities() -> Response:
    """Which of tus is spoken here, and how large a video may be."""
    return tus.abilities(services().resumable.max_bytes())


@uploads.route("", methods=["POST"], provide_automatic_options=False)
@limit_uploads
@uploads.arguments(Creation, location="headers")
@uploads.doc(requestBody={"content": BYTES})
@uploads.response(201)
def create(asked: Json) -> Response:
    """Begin an upload, with its first bytes or without; go on at the address in Location (002)."""
    made = services().resumable.create(caller(), _new(asked), tus.first_part(asked))
    location = {"Location": link(f"/upload/video/{made.id}")}
    return tus.said(made, Response(status=201, headers=location))


@uploads.route("/<upload_id>", methods=["OPTIONS"], provide_automatic_options=False)
@uploads.response(204)
@unlimited
@public
def abilities_of(upload_id: str) -> Response:  # noqa: ARG001 - the same for each
    """The same as of all uploads."""
    return tus.abilities(services().resumable.max_bytes())


@uploads.route("/<upload_id>", methods=["GET", "HEAD"], provide_automatic_options=False)
@uploads.response(200, Progress)
@unlimited
def get(upload_id: str) -> Response:
    """How far an upload is (002): for people as JSON, for tus clients in the headers."""
    found = services().resumable.status(caller(), upload_id)
    return tus.said(found, jsonify(_PROGRESS.dump(found)))


@uploads.route("/<upload_id>", methods=["PATCH"], provide_automatic_options=False)
@uploads.arguments(Continuation, location="headers")
@uploads.doc(requestBody={"content": BYTES, "required": True})
@uploads.response(204)
@unlimited
def append(asked: Json, upload_id: str) -> Response:
    """Send bytes from Upload-Offset on. The answer to the last ones names the video: X-Video-Id."""
    found = services().resumable.append(caller(), upload_id, tus.part(asked))
    return tus.said(found, Response(status=204))


@uploads.route("/<upload_id>", methods=["DELETE"], provide_automatic_options=False)
@uploads.response(204)
@unlimited
def terminate(upload_id: str) -> Response:
    """Give an upload up; what has arrived of it is removed."""
    services().resumable.terminate(caller(), upload_id)
    return Response(status=204)


def _new(asked: Json) -> NewUpload:
    return NewUpload(
        size_bytes=asked.get("size"),
        described=asked.get("described", _NOTHING_SAID),
        metadata=request.headers.get("Upload-Metadata", ""),
    )
