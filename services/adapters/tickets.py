"""Tickets: something remembered for minutes under a random secret, and given out once.

They lie in Redis, so that any process can take what another has put there. Redis is told a hash of
the secret: what it holds opens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Protocol

import orjson
from redis import Redis


class Tickets(Protocol):
    def put(self, kind: str, secret: str, content: Mapping[str, str], seconds: int) -> None: ...

    def take(self, kind: str, secret: str) -> dict[str, str] | None:
        """What was put there, for one caller among all; None once it is taken or too old."""
        ...


class RedisTickets:
    """An outage is raised: nobody can be signed in with what is not there."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def put(self, kind: str, secret: str, content: Mapping[str, str], seconds: int) -> None:
        self._redis.set(_key(kind, secret), orjson.dumps(content), ex=seconds)

    def take(self, kind: str, secret: str) -> dict[str, str] | None:
        found: Any = self._redis.getdel(_key(kind, secret))
        return orjson.loads(found) if found else None


def _key(kind: str, secret: str) -> str:
    return f"ticket:{kind}:{sha256(secret.encode()).hexdigest()}"
