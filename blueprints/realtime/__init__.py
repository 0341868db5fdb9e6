"""/ws: events to whoever is connected, from every process of every host (000).

    client: {"type": "authenticate", "token": ...}            (or in the header, or as ?token=)
    client: {"type": "subscribe", "channel": "video:<id>" | "user:<own id>",
             "events": ["view_count", ...]?, "last_event_id": ...?}
    client: {"type": "unsubscribe", "channel": ...}   {"type": "ping"}
    server: {"type": "authenticated" | "subscribed" | "unsubscribed" | "pong" | "missed", ...}
    server: {"type": "video_update" | "new_comment" | "live_stream" | "processing" ..., "event_id"}
    server: {"type": "signed_out"}   {"type": "error", "code": ..., "message": ...}

docs/realtime.md says what each means.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from socket import SHUT_RDWR
from typing import Any

import gevent
from flask import Flask, request
from flask_sock import Sock
from gevent.pywsgi import WSGIHandler, WSGIServer
from simple_websocket import ConnectionClosed, Server

from blueprints.realtime.conversation import Conversation
from blueprints.realtime.hub import Hub
from blueprints.realtime.reader import NoThread
from models.errors import ClutchError
from services.adapters.events import KEPT
from services.container import OUTAGES, Services

log = logging.getLogger(__name__)

PING_SECONDS = 25
REQUEST_BUFFER_BYTES = 1024
# How soon a socket learns that its session has ended.
RECHECK_SECONDS = 15


def create(services: Services, hub: Hub) -> Flask:
    app = Flask("clutch-realtime")
    app.config["SOCK_SERVER_OPTIONS"] = {"thread_class": NoThread}
    sock = Sock(app)
    conversations: set[Conversation] = set()

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @sock.route("/ws")
    def socket(connection: Server) -> None:
        """Serve one socket until either side has enough."""
        conversation = Conversation(connection, services, hub)
        conversations.add(conversation)
        try:
            conversation.hold(token())
        except (ConnectionClosed, OSError):
            return
        finally:
            conversations.discard(conversation)
            conversation.end()

    app.extensions["conversations"] = conversations
    return app


class OneConversation(WSGIHandler):
    """Ends the TCP connection with its WebSocket, which worked on a copy of the server's socket."""

    def __init__(self, sock: Any, address: Any, server: Any) -> None:
        # A buffer as large as usual would be a fifth of what a socket costs.
        super().__init__(sock, address, server)
        self.rfile = sock.makefile("rb", REQUEST_BUFFER_BYTES)

    def get_environ(self) -> dict[str, Any]:
        environ = super().get_environ()
        # Compression would cost each socket memory, and each message being packed for each.
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        return environ

    def handle_one_response(self) -> None:
        super().handle_one_response()
        self.close_connection = True
        with suppress(OSError):
            self.socket.shutdown(SHUT_RDWR)


def serve(services: Services) -> None:
    """Run until told to stop."""
    settings, hub = services.settings, Hub(KEPT, time.monotonic)
    app = create(services, hub)
    gevent.spawn(_follow, services, hub)
    # Proxies and phones forget a silent line; who does not answer is gone.
    for seconds, act in ((RECHECK_SECONDS, _recheck), (PING_SECONDS, Conversation.ping)):
        gevent.spawn(_each_in_turn, app.extensions["conversations"], seconds, act)
    server = WSGIServer(
        (settings.own_host, settings.realtime_port),
        app,
        log=None,
        error_log=log,
        handler_class=OneConversation,
        backlog=4096,
    )
    server.serve_forever()


def _follow(services: Services, hub: Hub) -> None:
    """Pass on what any process publishes, for ever."""
    while True:
        try:
            hub.remember(services.events.recent())
            break
        except OUTAGES:
            gevent.sleep(1)
    for told in services.events.listen(hub.last_id):
        hub.tell(told)


def _recheck(conversation: Conversation) -> None:
    """Ask of somebody who said who they are whether that still holds."""
    try:
        conversation.recheck()
    except (ClutchError, *OUTAGES, OSError):
        # A server is away, or this socket has just closed: the next round is the retry.
        return


def _each_in_turn(
    conversations: set[Conversation], seconds: int, act: Callable[[Conversation], object]
) -> None:
    """Do this with each once in so many seconds, for ever.

    Some each second: all ten thousand at one moment would hold up what is to be told then.
    """
    for moment in count():
        gevent.sleep(1)
        # Always at the same of these moments, so that as many seconds lie between two.
        for conversation in [c for c in conversations if hash(c) % seconds == moment % seconds]:
            act(conversation)


def token() -> str:
    """000: the token comes in the header, or in the query for browsers, or not at all."""
    header = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    return header or request.args.get("token", "")
