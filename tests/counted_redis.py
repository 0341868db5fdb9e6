"""A stand in front of Redis that counts how often a client speaks to it, and waits."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class CountedRedis:
    url: str
    round_trips: int = 0


@contextmanager
def counted(redis_url: str) -> Iterator[CountedRedis]:
    """Passes everything on; what a client sends before it hears an answer is one round trip."""
    parts = urlsplit(redis_url)
    listener = socket.create_server(("127.0.0.1", 0))
    stand = CountedRedis(f"redis://127.0.0.1:{listener.getsockname()[1]}{parts.path}")
    opened: list[socket.socket] = [listener]

    def answer(near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(65536):
                near.sendall(data)

    def ask(near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            # Commands of a test are short: each batch is sent, and comes, in one piece.
            while data := near.recv(65536):
                stand.round_trips += 1
                far.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((parts.hostname or "", parts.port or 6379))
                opened.extend((near, far))
                for pump in (ask, answer):
                    threading.Thread(target=pump, args=(near, far), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield stand
    finally:
        for one in opened:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
