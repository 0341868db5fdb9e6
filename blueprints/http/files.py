"""Files in and out: uploads that are never held in memory, answers that nginx can take over."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from flask import Request, Response, request, send_file
from werkzeug.datastructures import FileStorage
from werkzeug.wsgi import wrap_file

from blueprints.http.context import services, settings
from models.errors import NotFound
from services.uploads.uploads import Upload

FILENAME_LENGTH = 255


class ClutchRequest(Request):
    """Writes each uploaded file straight to where storage can take it over by a rename."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        # Closing removes it, whatever happens to the request; `received` links it elsewhere first.
        folder = services().storage.incoming()
        return cast("IO[bytes]", tempfile.NamedTemporaryFile(dir=folder, prefix="upload-"))


@contextmanager
def received(file: FileStorage) -> Iterator[Upload]:
    """An uploaded file under a second name that may be moved away; what is left goes."""
    file.stream.flush()
    written = Path(cast("Any", file.stream).name)
    path = written.with_name(f"{written.name}.whole")
    path.hardlink_to(written)
    try:
        yield Upload(path=path, filename=(file.filename or "")[-FILENAME_LENGTH:])
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def received_if_sent(file: FileStorage | None) -> Iterator[Upload | None]:
    """As `received`, where a file need not be sent. Browsers send one without name or content."""
    if file is None or not (file.filename or file.stream.seek(0, os.SEEK_END)):
        yield None
    else:
        with received(file) as upload:
            yield upload


def serve(key: str, mimetype: str, cache_seconds: int = 0) -> Response:
    """Send a stored file, with byte ranges and an ETag; nginx does it where it is in front."""
    path = services().storage.file(key)
    if path is None:
        response = _elsewhere(key, mimetype)
    elif settings().x_accel_redirect:
        response = _by_nginx(key, mimetype)
    else:
        response = send_file(path, mimetype=mimetype, conditional=True)
    response.headers["Cache-Control"] = f"private, max-age={cache_seconds}"
    return response


def _by_nginx(key: str, mimetype: str) -> Response:
    return Response(mimetype=mimetype, headers={"X-Accel-Redirect": f"/_media/{key}"})


def _elsewhere(key: str, mimetype: str) -> Response:
    """A file that is not on this disk: in a bucket, or nowhere.

    It is passed on rather than redirected to: what a playlist names is relative to where that came
    from, and players send on headers that a presigned address refuses.
    """
    storage = services().storage
    if settings().x_accel_redirect and storage.backend == "s3":
        return _by_nginx(key, mimetype)  # which tells if it is not there
    found = storage.open(key)
    if found is None:
        raise NotFound("This file is not here.")
    response = Response(
        wrap_file(request.environ, found.stream), mimetype=mimetype, direct_passthrough=True
    )
    response.call_on_close(found.stream.close)
    response.content_length = found.size_bytes
    response.last_modified = found.modified_at
    response.set_etag(found.etag)
    response.make_conditional(request.environ, accept_ranges=True, complete_length=found.size_bytes)
    return response
