"""One socket: who it belongs to, what it listens to, and what is said on it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson
from simple_websocket import Server
from wsproto.frame_protocol import CloseReason

from blueprints.http.caller import ENROL
from blueprints.realtime.hub import COUNTERS, Hub
from blueprints.realtime.outlet import PING, Outlet, frame
from blueprints.realtime.reader import Reader
from models.errors import ClutchError, Forbidden, Invalid, SecondFactorMissing, Unauthorized
from services.container import OUTAGES, Services
from services.policies import VISITOR, Actor

MAX_SUBSCRIPTIONS = 50
# Far above what a player or a page sends; each may cost a query.
MAX_MESSAGES, PERIOD_SECONDS = 200, 10
KINDS = "authenticate, subscribe, unsubscribe or ping"


class Conversation:
    """A `Listener` of the hub."""

    def __init__(self, connection: Server, services: Services, hub: Hub) -> None:
        self._connection, self._services, self._hub = connection, services, hub
        self._outlet = Outlet(connection.sock)
        connection.sock = self._outlet  # type: ignore[assignment]  # what it needs of a socket
        self._reader = Reader(connection, self._outlet)
        self._actor, self._token = VISITOR, ""
        self._channels: dict[str, frozenset[str] | None] = {}
        self._said = self._period = 0

    def hold(self, token: str) -> None:
        """Listen and answer until the socket closes; a token that is not good closes it."""
        try:
            if token:
                self._become(token)
        except ClutchError as refused:
            self.say(_error(refused))
            self._connection.close(CloseReason.POLICY_VIOLATION, refused.code)
            return
        while self._is_patient():
            self._answer(self._reader.next())
        self._connection.close(CloseReason.POLICY_VIOLATION, "Too many messages")

    def _is_patient(self) -> bool:
        """Whether this socket keeps to what one may say in a while."""
        period = int(time.monotonic()) // PERIOD_SECONDS
        self._said = self._said + 1 if period == self._period else 0
        self._period = period
        return self._said <= MAX_MESSAGES

    def end(self) -> None:
        for channel in list(self._channels):
            self._leave(channel)

    def write(self, data: bytes) -> None:
        """Send a frame, or hang up on who has not taken the last ones."""
        try:
            self._outlet.send(data)
        except OSError:
            self._outlet.drop()

    def ping(self) -> None:
        if self._reader.was_heard:
            self._reader.was_heard = False
            self.write(PING)
        else:
            self._outlet.drop()

    def say(self, message: Mapping[str, Any]) -> None:
        self.write(frame(orjson.dumps(message).decode()))

    def recheck(self) -> None:
        """Be a visitor again, once the token has expired or its session has ended.

        Raises what `SessionService.authenticate` raises while a server is away.
        """
        if not self._token:
            return
        try:
            self._actor = whose(self._services, self._token)
        except (Unauthorized, SecondFactorMissing) as over:
            self._actor, self._token = VISITOR, ""
            self.say({"type": "signed_out", "code": over.code, "message": over.message})
            self.look_again(list(self._channels))

    def look_again(self, channels: list[str]) -> None:
        """Leave those of `channels` that whoever this is now may not listen to."""
        for channel in channels:
            if channel in self._channels and not self._may_still(channel):
                self._leave(channel)
                self.say({"type": "unsubscribed", "channel": channel})

    def _answer(self, text: str) -> None:
        try:
            self._do(_read(text))
        except ClutchError as wrong:
            self.say(_error(wrong))

    def _do(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "subscribe":
                self._subscribe(message)
            case "unsubscribe":
                channel = _channel(message)
                self._leave(channel)
                self.say({"type": "unsubscribed", "channel": channel})
            case "authenticate":
                self._become(str(message.get("token")))
                self.say({"type": "authenticated", "user_id": self._actor.id})
            case "ping":
                self.say({"type": "pong"})
            case _:
                raise Invalid(f"Send a message of type {KINDS}.")

    def _subscribe(self, message: dict[str, Any]) -> None:
        wanted = _wanted(message)
        channel = self._checked(_channel(message))
        if channel not in self._channels and len(self._channels) >= MAX_SUBSCRIPTIONS:
            raise Invalid(f"At most {MAX_SUBSCRIPTIONS} subscriptions.")
        since = message.get("last_event_id")
        missed = self._hub.missed(channel, str(since), wanted) if since is not None else None
        # No event can come in between: nothing here gives way to another greenlet.
        self._channels[channel] = wanted
        self._hub.listen(self, channel, wanted)
        chosen = {"events": sorted(wanted)} if wanted is not None else {}
        self.say(
            {"type": "subscribed", "channel": channel, **chosen, "event_id": self._hub.last_id}
        )
        if missed and not missed.is_all:
            self.say({"type": "missed", "channel": channel})
        for said in missed.frames if missed else ():
            self.write(said)

    def _leave(self, channel: str) -> None:
        self._channels.pop(channel, None)
        self._hub.leave(self, channel)

    def _may_still(self, channel: str) -> bool:
        try:
            self._checked(channel)
        except (ClutchError, *OUTAGES):
            # MongoDB away: better silent than telling what may be hidden by now. The one reader of
            # the events comes through here, and must not end.
            return False
        return True

    def _checked(self, channel: str) -> str:
        """The channel, by the id that events are published under.

        Raises `NotFound` for a video that is hidden from whoever this is, as for one that is not,
        `Forbidden` for another person's channel, `Invalid` for what is none.
        """
        kind, _, of = channel.partition(":")
        if kind == "video" and of:
            return f"video:{self._services.catalogue.visible(self._actor, of).id}"
        if kind != "user" or not of:
            raise Invalid("Channels are video:<video id> and user:<your id>.")
        if of != self._actor.id:
            raise Forbidden("You may listen to your own channel, user:<your id>.")
        return channel

    def _become(self, token: str) -> None:
        self._actor, self._token = whose(self._services, token), token
        self.look_again(list(self._channels))


def whose(services: Services, token: str) -> Actor:
    """Raises `Unauthorized`, or `SecondFactorMissing` for who must set one up first."""
    actor = services.sessions.authenticate(token).actor
    if actor.must_enrol:
        raise SecondFactorMissing(ENROL)
    return actor


def _read(text: str) -> dict[str, Any]:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as broken:
        raise Invalid("The message is not valid JSON.") from broken
    if not isinstance(message, dict):
        raise Invalid("Send a JSON object with a type.")
    return message


def _channel(message: dict[str, Any]) -> str:
    channel = message.get("channel")
    if not isinstance(channel, str):
        raise Invalid("Name the channel: video:<video id>, or user:<your id>.")
    return channel


def _wanted(message: dict[str, Any]) -> frozenset[str] | None:
    """000's `events`: which counters to hear of. Without it, all."""
    events = message.get("events")
    if events is None:
        return None
    if not isinstance(events, list) or not set(map(str, events)) <= set(COUNTERS):
        raise Invalid(f"events is a list of {', '.join(COUNTERS)}.")
    return frozenset(map(str, events))


def _error(error: ClutchError) -> dict[str, str]:
    return {"type": "error", "code": error.code, "message": error.message}
