"""A receiver of webhooks in this process, which answers as a test wants."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass(frozen=True)
class Got:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """`answers` are given one by one, before 204 is; each is a status, or does it all itself."""

    url: str = ""
    port: int = 0
    got: list[Got] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    # While it is not set, nobody is answered.
    is_open: Event = field(default_factory=Event)
    body: bytes = b"thank you"

    @property
    def ids(self) -> list[str]:
        return [got.id for got in self.got]

    @property
    def types(self) -> list[str]:
        return [got.json["type"] for got in self.got]


@contextmanager
def receiving(
    wrap: Callable[[ThreadingHTTPServer], None] = lambda _: None, scheme: str = "http"
) -> Iterator[Receiver]:
    """A real HTTP server on a free port of the loopback, until the block ends."""
    receiver = Receiver()
    receiver.is_open.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.got.append(Got(self.path, headers, self.rfile.read(length)))
            receiver.is_open.wait(30)
            answer = receiver.answers.pop(0) if receiver.answers else 204
            if callable(answer):
                answer(self)
                return
            body = b"" if answer == 204 else receiver.body
            self.send_response(answer)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - its name there

    server = _Quiet(("127.0.0.1", 0), Handler)
    wrap(server)
    receiver.port = server.server_address[1]
    receiver.url = f"{scheme}://127.0.0.1:{receiver.port}/hook"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.is_open.set()
        server.shutdown()
        server.server_close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that hangs up is what some tests are about."""
