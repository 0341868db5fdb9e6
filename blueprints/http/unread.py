"""Bodies that an answer came before: read to their end, so that the answer is not lost.

Who is refused is answered before their gigabytes are read. A server that then hangs up on bytes
still coming has the system reset the connection, and the answer may never be read; nginx makes a
503 of it. So the answer is sent first, and what follows is read and forgotten: not for ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# The server itself disposes of less.
SMALL_BYTES = 64 * 1024
PIECE_BYTES = 256 * 1024
# Who has read the answer stops sending. Who has not by then never will.
MOST_BYTES = 256 * 1024**2
SECONDS = 5.0


class ReadToTheEnd:
    """Around the application, where a server calls it."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or ""
        if not _is_large(length, environ):
            return self._application(environ, start_response)
        body = Watched(environ["wsgi.input"], int(length) if length else None)
        # Who waits to be asked for the body sends nothing before somebody reads.
        body.is_coming = "HTTP_EXPECT" not in environ
        environ["wsgi.input"] = body
        return _answered(self._application(environ, start_response), body)


class Watched:
    """A body of which it is known whether all of it was read."""

    def __init__(self, stream: BinaryIO, length: int | None) -> None:
        self._stream = stream
        self._left = length
        self.is_at_end = False
        self.is_coming = True

    def read(self, size: int = -1) -> bytes:
        return self._noted(self._stream.read(size), size)

    def readline(self, size: int = -1) -> bytes:
        return self._noted(self._stream.readline(size), size)

    def readlines(self, hint: int = -1) -> list[bytes]:
        return [self._noted(line, -1) for line in self._stream.readlines(hint)]

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def _noted(self, piece: bytes, size: int) -> bytes:
        self.is_coming = True
        if self._left is not None:
            self._left -= len(piece)
        self.is_at_end |= self._left == 0 or (not piece and size != 0)
        return piece


def _is_large(length: str, environ: WSGIEnvironment) -> bool:
    return int(length) > SMALL_BYTES if length.isdigit() else "HTTP_TRANSFER_ENCODING" in environ


def _answered(answer: Iterable[bytes], body: Watched) -> Iterator[bytes]:
    """The answer; asking for more of it than there is is what reads the rest of the body."""
    try:
        yield from answer
    finally:
        close: Any = getattr(answer, "close", None)
        if close:
            close()
    if body.is_coming:
        _forget(body)


def _forget(body: Watched) -> None:
    left, end = MOST_BYTES, time.monotonic() + SECONDS
    try:
        while not body.is_at_end and left > 0 and time.monotonic() < end:
            left -= len(body.read(PIECE_BYTES))
    except OSError:
        return  # they have hung up
