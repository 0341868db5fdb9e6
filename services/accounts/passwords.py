"""Password hashing: HMAC-SHA256 with a pepper, then bcrypt.

The HMAC makes every input 44 bytes long: bcrypt takes 72 at most, and would otherwise refuse a
long pass-phrase (or, in older versions, quietly ignore its end).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore

import bcrypt

from models.errors import Unavailable

# Marks our own hashes, so that plain bcrypt ones (001's) can be told apart and are rehashed.
PREHASHED = "hmac:"
BCRYPT_BYTES = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    pepper: str
    rounds: int
    # How many may be hashed at a time. Each takes a core for a quarter of a second: without a bound
    # a crowd that signs in would hold every thread, and who is signed in already would wait for it.
    places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(64))
    _decoy: list[str] = field(default_factory=list)

    def hash(self, password: str) -> str:
        with self._place():
            hashed = bcrypt.hashpw(self._prehash(password), bcrypt.gensalt(self.rounds))
        return PREHASHED + hashed.decode()

    def matches(self, password: str, stored: str | None) -> bool:
        """Whether `password` made `stored`; none (no such account) takes as long.

        Raises `Unavailable`, as `hash` does, while too many others sign in.
        """
        known = stored or self._decoy_hash()
        with self._place():
            if known.startswith(PREHASHED):
                found = bcrypt.checkpw(self._prehash(password), known[len(PREHASHED) :].encode())
            else:
                found = bcrypt.checkpw(password.encode()[:BCRYPT_BYTES], known.encode())
        return found and bool(stored)

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return not stored.startswith(f"{PREHASHED}$2b${self.rounds:02d}$")

    def _prehash(self, password: str) -> bytes:
        digest = hmac.digest(self.pepper.encode(), password.encode(), hashlib.sha256)
        return base64.b64encode(digest)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self.places.acquire(blocking=False):
            raise Unavailable("Many people are signing in right now. Please try again in a moment.")
        try:
            yield
        finally:
            self.places.release()

    def _decoy_hash(self) -> str:
        if not self._decoy:
            self._decoy.append(self.hash(""))
        return self._decoy[0]
