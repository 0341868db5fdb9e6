"""Bodies that an answer came before: read to their end, within bounds, and only then."""

from __future__ import annotations

import io
from typing import Any

import pytest

from blueprints.http import unread
from blueprints.http.unread import ReadToTheEnd
from tests.wire import Untouched, body_of

LARGE = 300_000


def answered(body: io.IOBase, length: int | None, *, reads: int = 0, **environ: Any) -> list[bytes]:
    """What a server gets from an application that reads that much and then answers."""

    def application(environ, start_response):
        if reads:
            environ["wsgi.input"].read(reads)
        start_response("413 Too Large", [])
        return [b"no"]

    chunked = {"HTTP_TRANSFER_ENCODING": "chunked"} if length is None else {}
    asked = {**body_of(body, length), **chunked, **environ}
    return list(ReadToTheEnd(application)(asked, lambda *_: lambda _: None))


@pytest.mark.parametrize("length", [LARGE, None])
def test_what_is_left_of_a_body_is_read_after_the_answer(length):
    body = io.BytesIO(bytes(LARGE))
    assert answered(body, length, reads=10) == [b"no"]
    assert body.tell() == LARGE


def test_the_answer_comes_first():
    def application(_environ, start_response):
        start_response("413 Too Large", [])
        return [b"no"]

    body = io.BytesIO(bytes(LARGE))
    said = ReadToTheEnd(application)(body_of(body, LARGE), lambda *_: lambda _: None)
    assert next(iter(said)) == b"no"
    assert body.tell() == 0


def test_who_waits_to_be_asked_for_the_body_is_not_asked():
    assert answered(Untouched(), LARGE, HTTP_EXPECT="100-continue") == [b"no"]
    asked = io.BytesIO(bytes(LARGE))
    answered(asked, LARGE, reads=10, HTTP_EXPECT="100-continue")
    assert asked.tell() == LARGE


def test_of_a_body_without_end_no_more_is_read_than_makes_sense(monkeypatch):
    monkeypatch.setattr(unread, "MOST_BYTES", 2 * LARGE)

    class Endless(io.RawIOBase):
        count = 0

        def read(self, size: int = -1) -> bytes:
            self.count += size
            return bytes(size)

    body = Endless()
    assert answered(body, None) == [b"no"]
    assert 2 * LARGE <= body.count <= 2 * LARGE + unread.PIECE_BYTES


def test_who_hangs_up_meanwhile_is_let_go():
    class Gone(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if size:
                raise ConnectionResetError
            return b""

    assert answered(Gone(), LARGE) == [b"no"]


def test_a_body_that_was_read_in_lines_is_known_to_be():
    body = unread.Watched(io.BytesIO(b"a\nb\nc"), 5)
    assert [body.readline(), *body] == [b"a\n", b"b\n", b"c"]
    assert body.is_at_end
    again = unread.Watched(io.BytesIO(b"a\nb"), None)
    assert again.readlines() == [b"a\n", b"b"]
