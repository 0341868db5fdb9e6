"""How a webhook leaves: one POST over one connection, to an address that was looked at before.

No redirect is followed, and no proxy of the environment is asked: both would write to where nobody
looked. An attempt ends when its time is over, however slowly the other side talks.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Timer
from typing import Protocol
from urllib.parse import SplitResult, urlunsplit

from models.errors import Invalid
from services.adapters.certificates import trusted
from services.adapters.reach import DEFAULT_PORTS, OutOfReach, Reach

ANSWER_BYTES = 1024


class NotDelivered(Exception):
    """No answer came; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said: the status, and the first KiB of the body."""

    status: int
    start: str


class WebhookSender(Protocol):
    def check(self, url: str) -> None:
        """Raises `Invalid` for an address that is never written to."""
        ...

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises `NotDelivered` where there is no answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSender:
    reach: Reach
    # Of the whole attempt, and of each wait for the other side.
    timeout_seconds: float
    context: ssl.SSLContext = field(default_factory=trusted)

    def check(self, url: str) -> None:
        try:
            self.reach.check(url)
        except OutOfReach as refused:
            raise Invalid(str(refused), fields={"url": [str(refused)]}) from refused

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        with _said_as_not_delivered():
            parts = self.reach.check(url)
            connection = _Connection(parts, self._connect)
            with self._deadline(connection):
                sent = {**headers, "Host": parts.netloc, "Connection": "close"}
                connection.request("POST", _target(parts), body, sent)
                response = connection.getresponse()
                start = response.read(ANSWER_BYTES)
            return Answer(response.status, start.decode("utf-8", "replace").replace("\0", ""))

    def _connect(self, parts: SplitResult) -> socket.socket:
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
        address = self.reach.resolve(host, port)
        return socket.create_connection((address, port), timeout=self.timeout_seconds)

    @contextmanager
    def _deadline(self, connection: _Connection) -> Iterator[None]:
        timer = Timer(self.timeout_seconds, connection.hang_up)
        timer.daemon = True
        timer.start()
        try:
            secure = self.context if connection.is_secure else None
            connection.open(secure)
            yield
            connection.check()  # half an answer that was cut off reads like a whole one
        except (OSError, http.client.HTTPException) as broken:
            if connection.is_hung_up:
                raise TimeoutError from broken
            raise
        finally:
            timer.cancel()
            connection.close()


class _Connection(http.client.HTTPConnection):
    """A connection to one address, which can be ended from another thread."""

    def __init__(self, parts: SplitResult, connect: Callable[[SplitResult], socket.socket]) -> None:
        super().__init__(parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme])
        self.is_secure = parts.scheme == "https"
        self.is_hung_up = False
        self.auto_open = 0
        self._parts = parts
        self._begin = connect
        self._plain: socket.socket | None = None

    def open(self, secure: ssl.SSLContext | None) -> None:
        self._plain = self.sock = self._begin(self._parts)
        if secure is not None:
            self._plain = self.sock.dup()
            self.sock = secure.wrap_socket(self.sock, server_hostname=self.host)
        self.check()

    def check(self) -> None:
        if self.is_hung_up:
            raise TimeoutError

    def hang_up(self) -> None:
        self.is_hung_up = True
        if self._plain is not None:
            try:
                self._plain.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is over already

    def close(self) -> None:
        super().close()
        if self._plain is not None:
            self._plain.close()


def _target(parts: SplitResult) -> str:
    return urlunsplit(("", "", parts.path or "/", parts.query, ""))


@contextmanager
def _said_as_not_delivered() -> Iterator[None]:
    """What goes wrong on the way, in a sentence for the owner of the endpoint."""
    try:
        yield
    except OutOfReach as refused:
        raise NotDelivered(str(refused)) from refused
    except TimeoutError as late:
        raise NotDelivered("It took too long to answer.") from late
    except ssl.SSLError as bad:
        raise NotDelivered(f"TLS: {bad.reason or bad}") from bad
    except ConnectionError as lost:
        raise NotDelivered(f"The connection failed: {lost.strerror or lost}.") from lost
    except (http.client.HTTPException, ValueError) as odd:
        raise NotDelivered("What came was not an HTTP answer.") from odd
    except OSError as broken:
        raise NotDelivered(f"The connection failed: {broken.strerror or broken}.") from broken
