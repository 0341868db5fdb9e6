"""The public keys of an issuer of tokens, as its JWKS endpoint gives them out.

What a request pays for them, at worst:

* a key that is known: nothing, but for the one request in five minutes that asks anew. While the
  endpoint is away, keys that were known stay good for a day: an outage there locks nobody out here;
* a key that is not known (it was rotated, or the token is forged): the endpoint is asked, once for
  everybody who waits, and not again within five seconds, whoever asks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock

import jwt

from models.errors import Unavailable

log = logging.getLogger(__name__)

# One per type of key: a token's header chooses among keys, never how a key is used.
ALGORITHMS = frozenset({"RS256", "ES256"})

# How long a key that the issuer has withdrawn is still accepted.
FRESH = timedelta(minutes=5)
# How long a new key may be taken for a forgery.
PAUSE = timedelta(seconds=5)
STALE = timedelta(days=1)
TIMEOUT_SECONDS = 2


class PublicKeys:
    def __init__(self, url: str, now: Callable[[], datetime]) -> None:
        # Its own caches are off: they wipe what is known in an outage, or keep it for ever.
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=TIMEOUT_SECONDS)
        self._now = now
        self._asking = Lock()
        self._known: Mapping[str, jwt.PyJWK] = {}
        self._fetched: datetime | None = None
        self._tried: datetime | None = None

    def find(self, kid: str) -> jwt.PyJWK | None:
        """The key of this id, or None; `Unavailable` if the issuer cannot be asked."""
        found = self._known.get(kid)
        if found and self._is_within(FRESH, self._fetched):
            return found
        self._ask(wait=found is None)
        if self._is_within(STALE, self._fetched) and (found := self._known.get(kid)):
            return found
        if self._fetched is None or self._fetched != self._tried:
            raise Unavailable("Your sign-in cannot be checked at the moment. Please try again.")
        return None

    def _ask(self, *, wait: bool) -> None:
        """Fetch the keys, unless that was tried just now. Who knows a key does not wait for it."""
        if self._is_within(PAUSE, self._tried):
            return
        if not self._asking.acquire(timeout=TIMEOUT_SECONDS + 1 if wait else 0):
            return
        try:
            if not self._is_within(PAUSE, self._tried):
                self._fetch()
        finally:
            self._asking.release()

    def _fetch(self) -> None:
        try:
            self._known = _usable(self._client.fetch_data())
        except (jwt.PyJWTError, OSError, ValueError) as failure:
            log.warning("no keys from the issuer", extra={"why": str(failure)})
            self._tried = self._now()
        else:
            self._fetched = self._tried = self._now()

    def _is_within(self, span: timedelta, moment: datetime | None) -> bool:
        # A clock that was set back makes a moment lie ahead: that is no reason not to ask.
        return moment is not None and timedelta() <= self._now() - moment < span


def _usable(jwks: Mapping[str, object]) -> dict[str, jwt.PyJWK]:
    """The keys that sign, by id; none is an answer as well. Raises for what is no key set."""
    entries = jwks.get("keys")
    if not isinstance(entries, list):
        raise jwt.PyJWKSetError("there is no list of keys")
    keys = jwt.PyJWKSet(entries).keys if entries else []
    return {
        key.key_id: key
        for key in keys
        if key.key_id and key.public_key_use in {"sig", None} and key.algorithm_name in ALGORITHMS
    }
