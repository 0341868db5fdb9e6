"""Who is watching a live stream now: each stream that a player opened, until it is not heard of."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol, cast

from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class LiveViewers(Protocol):
    def saw(self, video_id: str, stream_id: str, *, now: datetime, until: datetime) -> None: ...

    def left(self, video_id: str, stream_id: str) -> None: ...

    def count(self, video_id: str, now: datetime) -> int | None:
        """None while that cannot be known."""
        ...


class RedisLiveViewers:
    """While Redis is away nobody is counted, and everybody watches on."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def saw(self, video_id: str, stream_id: str, *, now: datetime, until: datetime) -> None:
        key = _key(video_id)
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.zadd(key, {stream_id: until.timestamp()})
            pipe.zremrangebyscore(key, "-inf", now.timestamp())
            pipe.expireat(key, int(until.timestamp()) + 1)
            pipe.execute()
        except RedisError:
            log.warning("a viewer was not counted")

    def left(self, video_id: str, stream_id: str) -> None:
        try:
            self._redis.zrem(_key(video_id), stream_id)
        except RedisError:
            log.warning("a viewer is counted until their place runs out")

    def count(self, video_id: str, now: datetime) -> int | None:
        try:
            return cast("int", self._redis.zcount(_key(video_id), now.timestamp(), "+inf"))
        except RedisError:
            return None


def _key(video_id: str) -> str:
    return f"live:{{{video_id}}}:viewers"
