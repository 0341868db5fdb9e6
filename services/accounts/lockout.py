"""Progressive lockout: guessing one account's password gets slower with each wrong guess.

Two locks, so that neither a guesser nor their victim is treated unfairly:

* an account and an address together, after a few failures: who guesses waits, others do not;
* an account as a whole, after many from everywhere. It never holds an address from which that
  account has signed in before, and no lock lasts longer than a quarter of an hour: nobody can be
  kept out for ever by somebody who keeps guessing. A password reset lifts both.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from models.errors import RateLimited
from models.sessions import Sessions
from services.adapters.attempts import Attempts

FREE_FROM_ONE_ADDRESS = 5
FREE_FROM_EVERYWHERE = 50
FIRST_LOCK_SECONDS = 30
LONGEST_LOCK_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockout:
    attempts: Attempts
    sessions: Sessions

    def check(self, account: str, address: str) -> None:
        """Raise `RateLimited` while this address may not try this account.

        `account` is a user's id, or what was typed where there is no such user: both are counted
        alike, so that a lock does not tell which exists.
        """
        one, everywhere = self.attempts.locked_for(*_keys(account, address))
        if everywhere and not self.sessions.has_come_from(account, address):
            one = max(one, everywhere)
        if one:
            raise RateLimited(
                "Too many failed attempts. Please wait, or reset your password.",
                retry_after_seconds=one,
            )

    def failed(self, account: str, address: str) -> bool:
        """Count a wrong guess; whether it locked something."""
        keys = _keys(account, address)
        counts = self.attempts.failed(*keys)
        free = (FREE_FROM_ONE_ADDRESS, FREE_FROM_EVERYWHERE)
        beyond = [count - allowed for count, allowed in zip(counts, free, strict=True)]
        for key, excess in zip(keys, beyond, strict=True):
            if excess >= 0:
                seconds = FIRST_LOCK_SECONDS * 2 ** min(excess, 10)
                self.attempts.lock(key, min(seconds, LONGEST_LOCK_SECONDS))
        return max(beyond) >= 0

    def passed(self, account: str, address: str) -> None:
        """Forget what one address got wrong before it got it right."""
        self.attempts.forget(_keys(account, address)[0])

    def lift(self, account: str) -> None:
        """Forget the failures of everywhere: whoever reads the account's mail is its owner."""
        self.attempts.forget(_keys(account, "")[1])


def _keys(account: str, address: str) -> tuple[str, str]:
    # Hashed, as what was typed may be anything, a password by mistake among them.
    digest = sha256(account.encode()).hexdigest()[:32]
    return f"{digest}:{address}", digest
