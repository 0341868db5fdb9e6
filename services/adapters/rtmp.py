"""The port that encoders call, where no RTMP server stands before CLUTCH.

FFmpeg can be such a server, to one publisher and without a key. So each call is handed to an FFmpeg
of its own, which listens to this machine alone; here it is decided who may call, and for how long
they may be silent. Nothing limits how often somebody calls but this, so who has not said yet which
stream they send is a stranger: there are few of them, for seconds, and little is heard of each.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Lock, Thread
from time import monotonic, sleep

# The first byte of an RTMP handshake: its version.
VERSION = b"\x03"
# All that a client says of the handshake before it is answered.
HELLO_BYTES = 1537
# For who calls to say which stream it is.
PATIENCE_SECONDS = 10.0
# A stranger has a place for so long at least, even who hangs up: that bounds how often FFmpeg is
# started. Then they have had their chance, and where places are few, another may have theirs.
CHANCE_SECONDS = 2.0
# The handshake takes 3 KB, and saying which stream it is less than one.
STRANGE_BYTES = 256 * 1024
# A publisher that was cut off without a word is given up after this.
SILENCE_SECONDS = 10.0
CHUNK_BYTES = 64 * 1024
LINGER_SECONDS = 0.05


class Call:
    """A connection from an encoder."""

    def __init__(self, line: socket.socket, address: str) -> None:
        self.address = address
        self.since = monotonic()
        self.is_over = False
        self._line = line
        self._other: socket.socket | None = None
        self._is_known = Event()

    @property
    def seconds_left(self) -> float:
        """How long they may be a stranger yet."""
        return max(0.0, self.since + PATIENCE_SECONDS - monotonic())

    def is_rtmp(self) -> bool:
        """Whether it begins as RTMP does; who says less costs a thread, and who says else nothing.

        Nothing is taken: FFmpeg is to hear it as well.
        """
        try:
            return self._hears(1) == VERSION and len(self._hears(HELLO_BYTES)) == HELLO_BYTES
        except OSError:
            return False

    def pass_to(self, port: int) -> bool:
        """Hand all that is said to who listens there, and back; False if nobody does."""
        other = self._connected(port)
        if other is None:
            return False
        self._other = other
        self._line.settimeout(SILENCE_SECONDS)
        for act, ends in ((self._send, (self._line, other)), (_pass, (other, self._line))):
            Thread(target=act, args=ends, daemon=True).start()
        return True

    def is_known(self) -> None:
        """It is somebody who may send; all of it is passed on from now."""
        self._is_known.set()

    def hang_up(self) -> None:
        """Whoever hears or speaks finds that it is over."""
        for line in (self._line, self._other):
            if line is not None:
                _hang_up(line)

    def close(self) -> None:
        self.is_over = True
        self.hang_up()
        self._is_known.set()
        for line in (self._line, self._other):
            if line is not None:
                line.close()

    def _hears(self, count: int) -> bytes:
        """As many bytes, once they are there; fewer at the end of it."""
        self._line.settimeout(self.seconds_left or LINGER_SECONDS)
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
        try:
            return self._line.recv(count, socket.MSG_PEEK)
        finally:
            self._line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)

    def _connected(self, port: int) -> socket.socket | None:
        """As soon as it listens."""
        while left := self.seconds_left:
            try:
                line = socket.create_connection(("127.0.0.1", port), timeout=left)
            except OSError:
                sleep(LINGER_SECONDS)
            else:
                line.settimeout(None)
                return line
        return None

    def _send(self, source: socket.socket, target: socket.socket) -> None:
        """As `_pass`, but of a stranger no more than they need to say who they are."""
        with suppress(OSError):
            heard = 0
            while heard < STRANGE_BYTES and (data := source.recv(CHUNK_BYTES)):
                target.sendall(data)
                heard += len(data)
            if heard >= STRANGE_BYTES and self._is_known.wait(self.seconds_left):
                _pass(source, target)
        self.hang_up()


class Lobby:
    """The strangers who are heard now, or were a moment ago."""

    def __init__(self, *, places: int, per_address: int) -> None:
        self._places = places
        self._per_address = per_address
        self._inside: list[Call] = []
        self._lock = Lock()

    def enter(self, call: Call) -> bool:
        """False if others have all the places, and each of them has not had their chance yet.

        So who hangs on keeps nobody out, and who calls without end is heard now and then.
        """
        with self._lock:
            self._inside = [one for one in self._inside if not (one.is_over and _had_chance(one))]
            of_address = [one for one in self._inside if one.address == call.address]
            if len(of_address) >= self._per_address:
                left = self._send_away(of_address)
            elif len(self._inside) >= self._places:
                left = self._send_away(self._inside)
            else:
                left = True
            if left:
                self._inside.append(call)
            return left

    def leave(self, call: Call) -> None:
        """They are known."""
        with self._lock, suppress(ValueError):
            self._inside.remove(call)

    def clear(self) -> None:
        with self._lock:
            for call in self._inside:
                call.hang_up()

    def _send_away(self, some: list[Call]) -> bool:
        """The one who has been here longest, if that is long enough."""
        oldest = min(some, key=lambda one: one.since)
        if not _had_chance(oldest):
            return False
        oldest.hang_up()
        self._inside.remove(oldest)
        return True


class Door:
    """Takes calls at `host` and `port`."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=64)

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def answer(self, seconds: float) -> Call | None:
        """The next call; None if none comes in that time."""
        self._listener.settimeout(seconds)
        try:
            line, (address, *_) = self._listener.accept()
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except TimeoutError:
            return None
        except OSError:  # they are gone already, or no more files may be open
            sleep(LINGER_SECONDS)
            return None
        return Call(line, address)

    def close(self) -> None:
        self._listener.close()


def _had_chance(call: Call) -> bool:
    return monotonic() - call.since >= CHANCE_SECONDS


def _pass(source: socket.socket, target: socket.socket) -> None:
    """Until one of them ends it, or is silent for too long."""
    with suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            target.sendall(data)
    _hang_up(target)
    _hang_up(source)


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
