"""Which of several schedulers does a task this time: the one that sets the key in Redis."""

from __future__ import annotations

from typing import Protocol

from redis import Redis


class Clock(Protocol):
    def is_due(self, task: str, seconds: int) -> bool:
        """True once every `seconds`, for one caller among all hosts."""
        ...


class RedisClock:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def is_due(self, task: str, seconds: int) -> bool:
        return bool(self._redis.set(f"task:{task}", "", ex=seconds, nx=True))
