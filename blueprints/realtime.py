"""/ws: events to whoever is connected, from every process of every host.

One Redis subscription per process feeds all its sockets. So far it carries how one's own uploads
are processed; 000's other channels and events come with the social features.

    client: {"type": "subscribe" | "unsubscribe", "channel": "user:<id>"}   server: subscribed ...
    client: {"type": "ping"}                                              server: {"type": "pong"}
    server: {"type": "processing" | "playable" | "ready" | "failed", "video_id": ..., ...}
    server: {"type": "error", "code": ..., "message": ...}
"""

from __future__ import annotations

import logging
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from socket import SHUT_RDWR
from typing import Any

import gevent
import orjson
from flask import Flask, request
from flask_sock import Sock
from gevent.pywsgi import WSGIHandler, WSGIServer
from gevent.queue import Full, Queue
from simple_websocket import ConnectionClosed, Server
from wsproto.frame_protocol import CloseReason

from blueprints.http.caller import ENROL
from models.errors import ClutchError, Forbidden, Invalid, SecondFactorMissing
from services.adapters.events import Events
from services.container import Services
from services.policies import VISITOR, Actor

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 4096
MAX_SUBSCRIPTIONS = 50
# A reader this far behind is dropped: it would cost every other one.
MAX_QUEUED = 100


@dataclass(eq=False)
class Listener:
    """One socket: what waits to be sent on it, and to which channels it listens."""

    actor: Actor
    queue: Queue = field(default_factory=lambda: Queue(MAX_QUEUED))
    channels: set[str] = field(default_factory=set)

    def say(self, message: dict[str, Any]) -> None:
        self.offer(orjson.dumps(message).decode())

    def offer(self, text: str) -> None:
        try:
            self.queue.put_nowait(text)
        except Full:
            self.queue = Queue()
            self.queue.put(None)


class Hub:
    """Who listens to what in this process."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = defaultdict(set)

    def subscribe(self, listener: Listener, channel: str) -> None:
        if channel != f"user:{listener.actor.id}":
            raise Forbidden("You may listen to your own channel, user:<your id>.")
        if len(listener.channels) >= MAX_SUBSCRIPTIONS:
            raise Invalid(f"At most {MAX_SUBSCRIPTIONS} subscriptions.")
        listener.channels.add(channel)
        self._listeners[channel].add(listener)

    def unsubscribe(self, listener: Listener, channel: str) -> None:
        listener.channels.discard(channel)
        self._listeners[channel].discard(listener)
        if not self._listeners[channel]:
            del self._listeners[channel]

    def leave(self, listener: Listener) -> None:
        for channel in list(listener.channels):
            self.unsubscribe(listener, channel)

    def publish(self, channel: str, event: dict[str, Any]) -> None:
        text = orjson.dumps(event).decode()
        for listener in list(self._listeners.get(channel, ())):
            listener.offer(text)

    def follow(self, events: Events) -> None:
        """Pass on what other processes publish, for ever."""
        for channel, event in events.listen():
            self.publish(channel, event)


def create(services: Services, hub: Hub) -> Flask:
    app = Flask("clutch-realtime")
    app.config["SOCK_SERVER_OPTIONS"] = {
        "ping_interval": 25,
        "max_message_size": MAX_MESSAGE_BYTES,
    }
    sock = Sock(app)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @sock.route("/ws")
    def socket(connection: Server) -> None:
        """Serve one socket until either side has enough."""
        try:
            listener = Listener(_actor(services))
        except ClutchError as refused:
            connection.send(orjson.dumps(_error(refused)).decode())
            connection.close(CloseReason.POLICY_VIOLATION, refused.code)
        else:
            _converse(hub, listener, connection)

    return app


class OneConversation(WSGIHandler):
    """Ends the TCP connection with its WebSocket, which worked on a copy of the server's socket."""

    def handle_one_response(self) -> None:
        super().handle_one_response()
        self.close_connection = True
        with suppress(OSError):
            self.socket.shutdown(SHUT_RDWR)


def serve(services: Services) -> None:
    """Run until told to stop."""
    settings, hub = services.settings, Hub()
    gevent.spawn(hub.follow, services.events)
    server = WSGIServer(
        (settings.host, settings.realtime_port),
        create(services, hub),
        log=None,
        error_log=log,
        handler_class=OneConversation,
    )
    server.serve_forever()


def _actor(services: Services) -> Actor:
    """000: the token comes in the header, or in the query for browsers, or not at all."""
    header = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    token = header or request.args.get("token", "")
    actor = services.sessions.authenticate(token).actor if token else VISITOR
    if actor.must_enrol:
        raise SecondFactorMissing(ENROL)
    return actor


def _converse(hub: Hub, listener: Listener, connection: Server) -> None:
    sender = gevent.spawn(_send, connection, listener)
    try:
        while True:
            _answer(hub, listener, connection.receive())
    except ConnectionClosed:
        return
    finally:
        hub.leave(listener)
        sender.kill()


def _send(connection: Server, listener: Listener) -> None:
    while (text := listener.queue.get()) is not None:
        try:
            connection.send(text)
        except ConnectionClosed:
            return
    connection.close(CloseReason.TRY_AGAIN_LATER, "Too slow")


def _answer(hub: Hub, listener: Listener, text: str | bytes | None) -> None:
    try:
        kind, channel = _read(text)
        if kind == "subscribe":
            hub.subscribe(listener, channel)
        elif kind == "unsubscribe":
            hub.unsubscribe(listener, channel)
        elif kind != "ping":
            raise Invalid("Send a message of type subscribe, unsubscribe or ping.")
    except ClutchError as wrong:
        listener.say(_error(wrong))
        return
    done = {"type": f"{kind}d", "channel": channel}
    listener.say({"type": "pong"} if kind == "ping" else done)


def _read(text: str | bytes | None) -> tuple[str, str]:
    try:
        message = orjson.loads(text or "")
    except orjson.JSONDecodeError as broken:
        raise Invalid("The message is not valid JSON.") from broken
    if not isinstance(message, dict):
        raise Invalid("Send a JSON object with a type.")
    return str(message.get("type")), str(message.get("channel"))


def _error(error: ClutchError) -> dict[str, str]:
    return {"type": "error", "code": error.code, "message": error.message}
