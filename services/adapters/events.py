"""Events for whoever listens on a WebSocket, from any process to every real-time server.

They are news, not truth: one that is lost leaves nothing wrong in MongoDB.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any, Protocol

import orjson
from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

CHANNEL = "events"
RECONNECT_SECONDS = 1
SILENCE_SECONDS = 1


class Events(Protocol):
    def publish(self, channel: str, event: dict[str, Any]) -> None:
        """Tell subscribers of `channel` (`video:<id>`, `user:<id>`)."""
        ...

    def listen(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every channel and event that any process publishes, for ever."""
        ...


class RedisEvents:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def publish(self, channel: str, event: dict[str, Any]) -> None:
        try:
            self._redis.publish(CHANNEL, orjson.dumps({"channel": channel, "event": event}))
        except RedisError:
            log.warning("an event was lost", extra={"channel": channel})

    def listen(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What is published while Redis is away is missed; listening goes on when it is back."""
        while True:
            try:
                yield from self._subscription()
            except RedisError:
                log.warning("Redis does not answer; trying again")
                time.sleep(RECONNECT_SECONDS)

    def _subscription(self) -> Iterator[tuple[str, dict[str, Any]]]:
        subscription = self._redis.pubsub(ignore_subscribe_messages=True)
        subscription.subscribe(CHANNEL)
        while True:
            # A time limit of its own: the client's is for answers, and silence is none.
            if message := subscription.get_message(timeout=SILENCE_SECONDS):
                told = orjson.loads(message["data"])
                yield told["channel"], told["event"]
