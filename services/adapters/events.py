"""Events for whoever listens on a WebSocket, from any process to every real-time server.

They go through one Redis stream, so that a real-time server which was away, or whose Redis was,
reads on where it stopped. They are news, not truth: one that is lost leaves nothing wrong in
MongoDB.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast

import orjson
from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

STREAM = "events"
# How many are kept for who comes back: minutes on a busy site, days on a quiet one.
KEPT = 20_000
RECONNECT_SECONDS = 1
SILENCE_MILLISECONDS = 1000
BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event as it was published. Ids rise: `1732200000000-0`, milliseconds and a number."""

    id: str
    channel: str
    event: dict[str, Any]


class Events(Protocol):
    def publish(self, channel: str, event: dict[str, Any]) -> None:
        """Tell subscribers of `channel` (`video:<id>`, `user:<id>`)."""
        ...

    def recent(self) -> list[Told]:
        """What is kept of all channels, the oldest first."""
        ...

    def listen(self, after: str) -> Iterator[Told]:
        """What any process has published since the event `after`, for ever."""
        ...


class RedisEvents:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def publish(self, channel: str, event: dict[str, Any]) -> None:
        told: dict[Any, Any] = {"channel": channel, "event": orjson.dumps(event)}
        try:
            self._redis.xadd(STREAM, told, maxlen=KEPT, approximate=True)
        except RedisError:
            log.warning("an event was lost", extra={"channel": channel})

    def recent(self) -> list[Told]:
        found = cast("list[Any]", self._redis.xrevrange(STREAM, count=KEPT))
        return [_told(entry) for entry in reversed(found)]

    def listen(self, after: str) -> Iterator[Told]:
        """While Redis is away this waits; what is published then is heard when it is back."""
        while True:
            try:
                for told in self._next(after):
                    yield told
                    after = told.id
            except RedisError:
                log.warning("Redis does not answer; trying again")
                time.sleep(RECONNECT_SECONDS)

    def _next(self, after: str) -> list[Told]:
        # Blocking for less than the client's own time limit, which is for answers.
        found = self._redis.xread({STREAM: after}, count=BATCH, block=SILENCE_MILLISECONDS)
        return [_told(entry) for _, entries in cast("list[Any]", found) for entry in entries]


def _told(entry: tuple[bytes, dict[bytes, bytes]]) -> Told:
    event_id, fields = entry
    return Told(
        id=event_id.decode(),
        channel=fields[b"channel"].decode(),
        event=orjson.loads(fields[b"event"]),
    )
