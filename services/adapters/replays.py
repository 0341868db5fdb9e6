"""What may be used once, noted in Redis for as long as it would be good."""

from __future__ import annotations

from typing import Protocol

from redis import Redis
from redis.exceptions import RedisError

from models.errors import Unavailable


class Replays(Protocol):
    def is_first_use(self, what: str, seconds: int) -> bool:
        """True for one caller of all; `Unavailable` where that cannot be told."""
        ...


class RedisReplays:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def is_first_use(self, what: str, seconds: int) -> bool:
        try:
            return bool(self._redis.set(f"used:{what}", "", ex=seconds, nx=True))
        except RedisError as lost:
            raise Unavailable("The service is briefly unavailable. Please try again.") from lost
