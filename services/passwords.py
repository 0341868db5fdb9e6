"""Password hashing: HMAC-SHA256 with a pepper, then bcrypt.

The HMAC makes every input 44 bytes long: bcrypt takes 72 at most, and would otherwise refuse a
long pass-phrase (or, in older versions, quietly ignore its end).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

import bcrypt

# Marks our own hashes, so that plain bcrypt ones (001's) can be told apart and are rehashed.
PREHASHED = "hmac:"
BCRYPT_BYTES = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    pepper: str
    rounds: int
    _decoy: list[str] = field(default_factory=list)

    def hash(self, password: str) -> str:
        hashed = bcrypt.hashpw(self._prehash(password), bcrypt.gensalt(self.rounds))
        return PREHASHED + hashed.decode()

    def matches(self, password: str, stored: str | None) -> bool:
        """Whether `password` made `stored`; None (no such account) takes as long."""
        if stored is None:
            bcrypt.checkpw(self._prehash(password), self._decoy_hash())
            return False
        if stored.startswith(PREHASHED):
            return bcrypt.checkpw(self._prehash(password), stored[len(PREHASHED) :].encode())
        return bcrypt.checkpw(password.encode()[:BCRYPT_BYTES], stored.encode())

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return not stored.startswith(f"{PREHASHED}$2b${self.rounds:02d}$")

    def _prehash(self, password: str) -> bytes:
        digest = hmac.digest(self.pepper.encode(), password.encode(), hashlib.sha256)
        return base64.b64encode(digest)

    def _decoy_hash(self) -> bytes:
        if not self._decoy:
            self._decoy.append(self.hash("")[len(PREHASHED) :])
        return self._decoy[0].encode()
