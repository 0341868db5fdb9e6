"""The register of live sessions, in Redis: one look-up authenticates a request.

MongoDB knows the truth; an entry here is a copy of it that may vanish at any time. A revoked
session leaves a tombstone, so that a reader who fetched the truth just before cannot write the
session back to life.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from models.errors import Unavailable
from services.adapters.stamps import stamp_key, to_stamp

REVOKED = ""
REMEMBERED_SECONDS = 300
TOMBSTONE_SECONDS = 25 * 3600

# A session that ends in the same moment stays ended.
UNLESS_REVOKED = """
if redis.call('get', KEYS[1]) ~= '' then redis.call('set', KEYS[1], ARGV[1], 'ex', ARGV[2]) end
"""

UNREACHABLE = (RedisConnectionError, RedisTimeoutError)


@dataclass(frozen=True, slots=True)
class Visits:
    """What a request is counted under, and how long that is kept."""

    key: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Entry:
    """`role` of a live session's user, `REVOKED`, or None when MongoDB has to be asked.

    `visits` so far, this one included; None if they were not counted. `stamp` is that of the user's
    reactions, empty where there is none or Redis is away.
    """

    role: str | None
    visits: int | None = None
    stamp: str = ""


class SessionRegister(Protocol):
    def enter(self, session_id: str, visits: Visits | None = None, *, user_id: str = "") -> Entry:
        """Look up a session and its user's stamp, and count the request, in one round trip."""
        ...

    def remember(self, session_id: str, role: str) -> None: ...

    def change_role(self, session_ids: Iterable[str], role: str) -> None: ...

    def revoke(self, *session_ids: str) -> None: ...


class RedisSessionRegister:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._change = redis.register_script(UNLESS_REVOKED)

    def enter(self, session_id: str, visits: Visits | None = None, *, user_id: str = "") -> Entry:
        pipe = self._redis.pipeline(transaction=False)
        pipe.mget(_key(session_id), stamp_key(user_id))
        if visits:
            pipe.incr(visits.key)
            pipe.expire(visits.key, visits.seconds)
        try:
            (found, stamp), *counted = pipe.execute()
        except UNREACHABLE:
            return Entry(None)  # MongoDB answers instead: slower, and right
        role = None if found is None else found.decode()
        return Entry(role, counted[0] if counted else None, to_stamp(stamp))

    def remember(self, session_id: str, role: str) -> None:
        try:
            self._redis.set(_key(session_id), role, ex=REMEMBERED_SECONDS, nx=True)
        except UNREACHABLE:
            return

    def change_role(self, session_ids: Iterable[str], role: str) -> None:
        """Raises `Unavailable` if it cannot be said: a stale copy might allow what is over."""
        try:
            for session_id in session_ids:
                self._change([_key(session_id)], [role, REMEMBERED_SECONDS])
        except UNREACHABLE as lost:
            raise Unavailable("The change did not reach every server. Please try again.") from lost

    def revoke(self, *session_ids: str) -> None:
        """Raises `Unavailable` if it cannot be said: a stale copy might outlive the session."""
        pipe = self._redis.pipeline(transaction=False)
        for session_id in session_ids:
            pipe.set(_key(session_id), REVOKED, ex=TOMBSTONE_SECONDS)
        try:
            pipe.execute()
        except UNREACHABLE as lost:
            raise Unavailable("Signing out did not reach every server. Please try again.") from lost


def _key(session_id: str) -> str:
    return f"session:{session_id}"
