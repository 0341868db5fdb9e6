"""Access tokens of another issuer, taken as if they were ours.

Each session there is a session here, made at first sight: it is listed among one's devices, ends
with the account, and once it was ended none of its tokens is accepted, however fresh.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import UUID, uuid5

from models.audit import Action
from models.documents import identity
from models.errors import SecondFactorNeeded, Unauthorized
from models.sessions import Session, Sessions
from models.users import Users
from services.accounts.devices import Device
from services.accounts.identities import IdentityService
from services.accounts.standing import has_second_factor
from services.accounts.tokens import REFUSED, TokenType
from services.adapters.issuers import ForeignToken, Issuer
from services.adapters.register import REVOKED, SessionRegister
from services.audit import Audit
from services.remembered import Remembered

# Any will do that never changes.
NAMESPACE = UUID("6f1c8f4e-52b5-4c52-9d4c-6a9a6f0b2a7d")
# How long a session is kept that does not come back; one that was ended is remembered as long.
KEPT = timedelta(days=30)
# Whose a session is never changes: this is only as long as a token usually lives.
KNOWN_SECONDS = 3600


class Holder(TypedDict):
    """What an access token of ours would claim."""

    user_id: str
    sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignTokens:
    issuer: Issuer
    accounts: IdentityService
    users: Users
    sessions: Sessions
    live: SessionRegister
    audit: Audit
    # By subject, session and expiry: MongoDB is asked for each new token, not for each request.
    known: Remembered[tuple[str, str, int], Holder]
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def read(self, token: str, device: Callable[[], Device]) -> Holder | None:
        """Whose this token is; None if it does not say to be the issuer's.

        Raises `Unauthorized`, `Unavailable` while it cannot be told, and what
        `IdentityService.user_of` raises at first sight. Whether the session is still alive is not
        looked at here: that is asked for every request, as it is for our own tokens.
        """
        if not self.issuer.issued(token):
            return None
        found = self.issuer.read(token)
        key = (found.person.subject, found.session, found.expires)
        return self.known.one(key, lambda: self._welcome(found, device()))

    def _welcome(self, token: ForeignToken, device: Device) -> Holder:
        """Find or make the account and the session."""
        session_id = _session_id(token)
        if self.live.enter(session_id).role == REVOKED:
            # Of an account that is deleted nothing else may be left to tell.
            raise Unauthorized(REFUSED[TokenType.ACCESS])
        user = self.accounts.user_of(token.person)
        if has_second_factor(user) and not token.is_strong:
            raise SecondFactorNeeded("Sign in with your second factor.")
        met = self.sessions.meet(self._session(session_id, user.id, device))
        if met.created_at == met.last_seen_at:
            self.users.logged_in(user.id, self.now())
            self.audit.record(
                Action.SIGNED_IN, user_id=user.id, actor_id=user.id, address=device.address
            )
        return {"user_id": met.user_id, "sid": session_id}

    def _session(self, session_id: str, user_id: str, device: Device) -> Session:
        now = self.now()
        return Session(
            id=session_id,
            oid=identity(self.new_id())["oid"],
            user_id=user_id,
            # Nothing hashes to this: there is no refresh token of ours.
            refresh_hash="",
            created_at=now,
            last_seen_at=now,
            expires_at=now + KEPT,
            device=device.name,
            user_agent=device.user_agent,
            address=device.address,
        )


def _session_id(token: ForeignToken) -> str:
    """The same in every process, and a uuid as those of our own sessions are."""
    person = token.person
    return str(uuid5(NAMESPACE, f"{person.issuer}\n{person.subject}\n{token.session}"))
