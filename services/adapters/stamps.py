"""Stamps: which state of somebody's reactions is the current one, in Redis, for every process.

A stamp is random and never comes again. Whoever asks MongoDB after they have read one may remember
the answer under it: what is written later gets another stamp, once it is written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

KEPT_SECONDS = 300


class Stamps(Protocol):
    def begin(self, user_id: str) -> str:
        """The current stamp, a new one where there is none; empty while that cannot be told."""
        ...

    def renew(self, user_id: str) -> None:
        """Nothing that anybody remembers under an earlier stamp is current any more."""
        ...


class RedisStamps:
    """Requests read theirs as they are authenticated (services/adapters/register.py)."""

    def __init__(self, redis: Redis, new_id: Callable[[], str]) -> None:
        self._redis = redis
        self._new_id = new_id

    def begin(self, user_id: str) -> str:
        pipe = self._redis.pipeline(transaction=False)
        pipe.set(stamp_key(user_id), self._new_id(), ex=KEPT_SECONDS, nx=True)
        pipe.get(stamp_key(user_id))
        try:
            _, found = pipe.execute()
        except RedisError:
            return ""  # MongoDB answers instead, each time
        return to_stamp(found)

    def renew(self, user_id: str) -> None:
        """What is lost with Redis is bounded by how long processes remember."""
        try:
            self._redis.set(stamp_key(user_id), self._new_id(), ex=KEPT_SECONDS)
        except RedisError:
            log.warning("a reaction may show some seconds late")


def stamp_key(user_id: str) -> str:
    return f"stamp:{user_id}"


def to_stamp(found: bytes | None) -> str:
    return found.decode() if found else ""
