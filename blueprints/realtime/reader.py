"""What is read from one socket, in the greenlet that serves it.

simple-websocket would read in a second one, and keep the handshake's parser: together they cost
more memory than all the rest of a socket.
"""

from __future__ import annotations

from typing import Any

from simple_websocket import ConnectionClosed, Server
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Event, Message, Ping
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import RemoteProtocolError

from blueprints.realtime.outlet import Outlet

READ_BYTES = 4096
MAX_MESSAGE_BYTES = 4096


class NoThread:
    """For simple-websocket, which wants one to read in."""

    def __init__(self, target: Any) -> None:
        self.name = str(target)

    def start(self) -> None:
        pass


class Reader:
    """Takes reading over from `connection`, once its handshake is done."""

    def __init__(self, connection: Server, outlet: Outlet) -> None:
        self._outlet = outlet
        self._protocol = Connection(ConnectionType.SERVER)
        connection.ws = self._protocol  # type: ignore[assignment]  # the part of it that is needed
        self._text: list[str] = []
        self._size_bytes = 0
        # Since this was last asked.
        self.was_heard = True

    def next(self) -> str:
        """The next whole message. Raises `ConnectionClosed`, or `OSError` for a lost line."""
        while True:
            for event in self._protocol.events():
                if (text := self._took(event)) is not None:
                    return text
            self._read()

    def _read(self) -> None:
        data = self._outlet.recv(READ_BYTES)
        if not data:
            raise ConnectionClosed(CloseReason.ABNORMAL_CLOSURE)
        self.was_heard = True
        try:
            self._protocol.receive_data(data)
        except RemoteProtocolError as broken:
            self._close(CloseReason.PROTOCOL_ERROR, str(broken))

    def _took(self, event: Event) -> str | None:
        if isinstance(event, CloseConnection):
            if self._protocol.state is ConnectionState.REMOTE_CLOSING:
                self._outlet.send(self._protocol.send(event.response()))
            raise ConnectionClosed(CloseReason.NORMAL_CLOSURE, event.reason)
        if isinstance(event, Ping):
            self._outlet.send(self._protocol.send(event.response()))
        return self._message(event) if isinstance(event, Message) else None

    def _message(self, event: Message) -> str | None:
        self._size_bytes += len(event.data)
        if self._size_bytes > MAX_MESSAGE_BYTES:
            self._close(CloseReason.MESSAGE_TOO_BIG, "Message is too big")
        # Bytes are no message here, and are answered as one that makes no sense.
        self._text.append(event.data if isinstance(event.data, str) else "")
        if not event.message_finished:
            return None
        text = "".join(self._text)
        self._text, self._size_bytes = [], 0
        return text

    def _close(self, code: CloseReason, reason: str) -> None:
        self._outlet.send(self._protocol.send(CloseConnection(code, reason[:100])))
        raise ConnectionClosed(code, reason)
