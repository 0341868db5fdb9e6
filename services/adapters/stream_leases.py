"""Who is watching: leases in Redis, renewed by players, freed by themselves when a player is lost.

Two keys per person, both gone with their last lease: when each lease ends, and what it is of.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

# One round trip, and nobody comes between the count and the lease.
#   KEYS  ends, facts
#   ARGV  now, until (both in ms), limit, stream, session, facts of it, whether it is being opened
# Answers {} for a lease that is held now, else the facts of those that are in the way.
TAKE = """
local ends, facts = KEYS[1], KEYS[2]
local now, till, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stream, session, opens = ARGV[4], ARGV[5], ARGV[7] == '1'
for _, lost in ipairs(redis.call('zrangebyscore', ends, '-inf', now)) do
  redis.call('zrem', ends, lost)
  redis.call('hdel', facts, lost)
end
if not redis.call('zscore', ends, stream) and redis.call('zcard', ends) >= limit then
  local own
  if opens then
    for _, other in ipairs(redis.call('zrange', ends, 0, -1)) do
      local fact = redis.call('hget', facts, other)
      if not own and fact and cjson.decode(fact).session_id == session then own = other end
    end
  end
  if not own then return redis.call('hvals', facts) end
  redis.call('zrem', ends, own)
  redis.call('hdel', facts, own)
end
redis.call('zadd', ends, till, stream)
redis.call(opens and 'hset' or 'hsetnx', facts, stream, ARGV[6])
local last = tonumber(redis.call('zrange', ends, -1, -1, 'withscores')[2])
redis.call('pexpire', ends, math.max(1, last - now))
redis.call('pexpire', facts, math.max(1, last - now))
return {}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """One stream that somebody is watching."""

    stream_id: str
    video_id: str
    title: str
    session_id: str
    began_at: datetime


class StreamLeases(Protocol):
    def take(
        self, user_id: str, stream: Watching, *, limit: int, until: datetime, opens: bool
    ) -> Sequence[Watching]:
        """Take or renew a lease; answers the streams that are in its way, none if it is held.

        Who opens another stream on the same device when all places are taken gets the place of
        that device's stream that was renewed the longest ago. `began_at` is the present.
        """
        ...

    def end(self, user_id: str, stream_id: str) -> None: ...


class RedisStreamLeases:
    """While Redis is away nobody is counted: people who pay are not locked out by an outage."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._take = redis.register_script(TAKE)

    def take(
        self, user_id: str, stream: Watching, *, limit: int, until: datetime, opens: bool
    ) -> Sequence[Watching]:
        arguments = [
            _ms(stream.began_at), _ms(until), limit, stream.stream_id, stream.session_id,
            _facts(stream), "1" if opens else "0",
        ]  # fmt: skip
        try:
            found: Any = self._take(_keys(user_id), arguments)
        except RedisError:
            log.warning("a stream was not counted")
            return ()
        return [_watching(json.loads(facts)) for facts in found]

    def end(self, user_id: str, stream_id: str) -> None:
        ends, facts = _keys(user_id)
        try:
            pipe = self._redis.pipeline(transaction=True)
            pipe.zrem(ends, stream_id)
            pipe.hdel(facts, stream_id)
            pipe.execute()
        except RedisError:
            log.warning("a stream's lease was left to run out")


def _keys(user_id: str) -> list[str]:
    # In braces: a cluster keeps both in one place, as the script needs them.
    return [f"streams:{{{user_id}}}:ends", f"streams:{{{user_id}}}:facts"]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _facts(stream: Watching) -> str:
    return json.dumps(asdict(stream) | {"began_at": stream.began_at.timestamp()})


def _watching(facts: Mapping[str, Any]) -> Watching:
    return Watching(**{**facts, "began_at": datetime.fromtimestamp(facts["began_at"], UTC)})
