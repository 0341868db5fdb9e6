"""Request signatures (004): proof that who holds the shared secret sent just this, just now.

Signed are four lines, as `docs/request-signing.md` says: timestamp, method, path with query, and
the body's hash. Each signature is good once.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.errors import Unauthorized
from services.adapters.replays import Replays

TIMESTAMP, SIGNATURE = "X-InstaVeo-Timestamp", "X-InstaVeo-Signature"
# Decimals tell two equal requests of one second apart.
SECONDS = re.compile(r"[0-9]{1,11}(\.[0-9]{1,6})?")

MISSING = f"This request must be signed: send {TIMESTAMP} and {SIGNATURE}."
NO_TIME = f"{TIMESTAMP} must be the time in seconds since 1970, such as 1769596200.123."
WRONG = f"{SIGNATURE} does not fit this request."
USED = "This signature was used before. Sign every request anew, at a time of its own."


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSignatures:
    secret: str
    window_seconds: int
    used: Replays
    now: Callable[[], datetime]

    def check(
        self, *, timestamp: str, signature: str, method: str, target: str, body: Callable[[], str]
    ) -> None:
        """Raise `Unauthorized` unless the signature fits; `body` gives the body's hash.

        The body is looked at last: hashing it is what costs.
        """
        if not (timestamp and signature):
            raise Unauthorized(MISSING)
        self._check_time(timestamp)
        signed = f"{timestamp}\n{method}\n{target}\n{body()}"
        expected = hmac.new(self.secret.encode(), signed.encode(), "sha256").hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
            raise Unauthorized(WRONG)
        # Noted under what we made ourselves, as theirs may be spelled in two ways. It is good from
        # `window_seconds` before its time until as long after.
        if not self.used.is_first_use(expected, 2 * self.window_seconds + 1):
            raise Unauthorized(USED)

    def _check_time(self, timestamp: str) -> None:
        if not SECONDS.fullmatch(timestamp):
            raise Unauthorized(NO_TIME)
        if abs(self.now().timestamp() - float(timestamp)) > self.window_seconds:
            allowed = f"more than {self.window_seconds} seconds"
            raise Unauthorized(f"{TIMESTAMP} is {allowed} away from the time here.")
