"""What is written to one socket: frames that are encoded once, and never waited for.

simple-websocket encodes each message for each socket, and waits for who reads slowly. Here the same
bytes go to every socket; what one does not take at once is kept for it, up to a limit.
"""

from __future__ import annotations

from collections import deque
from socket import SHUT_RDWR, SO_SNDBUF, SOL_SOCKET, socket
from typing import Any

import gevent
from gevent.socket import wait_write
from wsproto.frame_protocol import FrameProtocol

# A reader this far behind is dropped: it misses nothing that it cannot ask for again.
MAX_WAITING_BYTES = 64 * 1024
KERNEL_BYTES = 64 * 1024

_ENCODER = FrameProtocol(client=False, extensions=[])


def frame(text: str) -> bytes:
    """A WebSocket text frame as a server sends it, the same for every socket."""
    return bytes(_ENCODER.send_data(text, fin=True))


PING = bytes(_ENCODER.ping())


class Outlet:
    """Stands in for the socket that simple-websocket writes to, so that frames do not mix."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        # gevent's own waits; the one below it says that it would have to.
        self._plain: socket = inner._sock  # noqa: SLF001 - there is no other way to it
        # The kernel would keep megabytes for who reads slowly.
        self._plain.setsockopt(SOL_SOCKET, SO_SNDBUF, KERNEL_BYTES)
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self.is_lost = False

    def send(self, data: bytes) -> int:
        """Write `data` now, or keep it for later; simple-websocket is told that all is written."""
        if self.is_lost:
            raise BrokenPipeError
        rest = data if self._waiting else data[self._write(data) :]
        if rest:
            self._keep(rest)
        return len(data)

    def recv(self, size: int) -> bytes:
        return self._inner.recv(size)

    def fileno(self) -> int:
        return self._inner.fileno()

    def close(self) -> None:
        self._inner.close()

    def drop(self) -> None:
        """Hang up on somebody who does not listen."""
        self.is_lost = True
        self._waiting.clear()
        try:
            self._plain.shutdown(SHUT_RDWR)
        except OSError:
            return

    def _write(self, data: bytes) -> int:
        try:
            return self._plain.send(data)
        except BlockingIOError:
            return 0

    def _keep(self, data: bytes) -> None:
        if self._waiting_bytes + len(data) > MAX_WAITING_BYTES:
            self.drop()
            raise BrokenPipeError
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if len(self._waiting) == 1:
            gevent.spawn(self._flush)

    def _flush(self) -> None:
        try:
            while self._waiting:
                wait_write(self._inner.fileno())
                written = self._write(self._waiting[0])
                self._waiting_bytes -= written
                if written == len(self._waiting[0]):
                    self._waiting.popleft()
                else:
                    self._waiting[0] = self._waiting[0][written:]
        except (OSError, IndexError):
            self.drop()
