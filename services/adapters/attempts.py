"""Failed attempts, counted in Redis for an hour, and the locks that follow from them."""

from __future__ import annotations

import logging
from typing import Protocol

from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 3600


class Attempts(Protocol):
    def locked_for(self, *keys: str) -> list[int]:
        """For how many seconds each key is locked still; 0 for one that is not."""
        ...

    def failed(self, *keys: str) -> list[int]:
        """Count one more failure of each key; how many there are now."""
        ...

    def lock(self, key: str, seconds: int) -> None: ...

    def forget(self, *keys: str) -> None: ...


class RedisAttempts:
    """While Redis is away nothing is locked: the API's own limits still count, in memory."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def locked_for(self, *keys: str) -> list[int]:
        pipe = self._redis.pipeline(transaction=False)
        for key in keys:
            pipe.ttl(_lock(key))
        try:
            return [max(0, seconds) for seconds in pipe.execute()]
        except RedisError:
            return [0] * len(keys)

    def failed(self, *keys: str) -> list[int]:
        pipe = self._redis.pipeline(transaction=False)
        for key in keys:
            pipe.incr(_count(key))
            pipe.expire(_count(key), REMEMBERED_SECONDS)
        try:
            return list(pipe.execute()[::2])
        except RedisError:
            log.warning("a failed attempt was not counted")
            return [0] * len(keys)

    def lock(self, key: str, seconds: int) -> None:
        try:
            self._redis.set(_lock(key), 1, ex=seconds)
        except RedisError:
            log.warning("a lock was not set")

    def forget(self, *keys: str) -> None:
        try:
            self._redis.delete(*(name(key) for key in keys for name in (_count, _lock)))
        except RedisError:
            log.warning("failed attempts were not forgotten")


def _count(key: str) -> str:
    return f"attempts:{key}"


def _lock(key: str) -> str:
    return f"locked:{key}"
