"""Sessions: staying signed in, on which devices, and saying who a token belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from models.audit import Action
from models.documents import identity
from models.errors import NotFound, Unauthorized
from models.sessions import Session, Sessions
from models.user import Role, User
from models.users import Users
from services.accounts.devices import Device
from services.accounts.foreign import ForeignTokens
from services.accounts.standing import actor_of, has_second_factor, standing
from services.accounts.tokens import REFUSED, Tokens, TokenType
from services.adapters.register import REVOKED, SessionRegister, Visits
from services.audit import Audit
from services.policies import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    user: User
    access_token: str
    refresh_token: str
    expires_in_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Somebody who is let in, and how often they came, where that was counted."""

    actor: Actor
    visits: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionService:
    sessions: Sessions
    users: Users
    live: SessionRegister
    tokens: Tokens
    # Another issuer's, where one is configured.
    foreign: ForeignTokens | None
    audit: Audit
    # MFA_REQUIRED_ROLES: without a second factor they reach nothing but how to set one up.
    second_factor_roles: frozenset[str]
    refresh_lifetime: timedelta
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def open(self, user: User, *, device: Device, lifetime: timedelta) -> SignedIn:
        """Sign in somebody who has just proved who they are."""
        now, session_id = self.now(), self.new_id()
        refresh_token = self.tokens.refresh(user.id, session_id, self.refresh_lifetime)
        self.sessions.add(
            Session(
                **identity(session_id),
                user_id=user.id,
                refresh_hash=_digest(refresh_token),
                created_at=now,
                last_seen_at=now,
                expires_at=now + max(self.refresh_lifetime, lifetime),
                device=device.name,
                user_agent=device.user_agent,
                address=device.address,
            )
        )
        # Asked again now that the session is there to be found: who was deactivated meanwhile had
        # no session to be ended, and whose role changed no register to be told. Nor had who
        # changed their password since it was checked, or turned on a factor that was not asked for.
        proved, user = user, self._still_active(user.id, session_id)
        is_unasked = has_second_factor(user) and not has_second_factor(proved)
        if is_unasked or user.password_changed_at != proved.password_changed_at:
            self._end(session_id)
            raise Unauthorized(REFUSED[TokenType.REFRESH])
        self.live.remember(session_id, self._standing(user))
        self.audit.record(
            Action.SIGNED_IN, user_id=user.id, actor_id=user.id, address=device.address
        )
        return self._signed_in(user, session_id, refresh_token, lifetime)

    def refresh(self, refresh_token: str, *, lifetime: timedelta) -> SignedIn:
        """Exchange a refresh token for new tokens. A spent one ends its whole session."""
        claims = self.tokens.read(refresh_token, TokenType.REFRESH)
        now, session_id = self.now(), claims["sid"]
        fresh = self.tokens.refresh(claims["user_id"], session_id, self.refresh_lifetime)
        rotated = self.sessions.rotate(
            session_id,
            spent=_digest(refresh_token),
            fresh=_digest(fresh),
            now=now,
            until=now + self.refresh_lifetime,
        )
        if not rotated:
            # Two holders of one token: either may be the thief, so neither stays.
            if self._end(session_id):
                self.audit.record(Action.REFRESH_TOKEN_REUSED, user_id=claims["user_id"])
            raise Unauthorized(REFUSED[TokenType.REFRESH])
        user = self._still_active(claims["user_id"], session_id)
        return self._signed_in(user, session_id, fresh, lifetime)

    def authenticate(
        self,
        access_token: str,
        counted: Callable[[str], Visits | None] = lambda _: None,
        device: Callable[[], Device] = Device,
    ) -> Admission:
        """Who a token belongs to: one round trip to Redis, and none to MongoDB as a rule.

        In the same round trip the request is counted under what `counted` makes of the user's id.
        """
        foreign = self.foreign.read(access_token, device) if self.foreign else None
        claims = foreign or self.tokens.read(access_token, TokenType.ACCESS)
        user_id, session_id = claims["user_id"], claims["sid"]
        entry = self.live.enter(session_id, counted(user_id), user_id=user_id)
        known = entry.role
        if known is None:
            known = self._standing_on_record(session_id, user_id)
        if known == REVOKED:
            raise Unauthorized(REFUSED[TokenType.ACCESS])
        actor = actor_of(known, user_id=user_id, session_id=session_id, stamp=entry.stamp)
        return Admission(actor=actor, visits=entry.visits)

    def list(self, actor: Actor) -> list[Session]:
        """002: the devices on which one is signed in, the newest first."""
        return self.sessions.alive_of(actor.id or "", self.now())

    def end(self, actor: Actor, reference: str) -> None:
        """Sign one device out, at once and everywhere. Raises `NotFound` for another's."""
        session = self.sessions.get(reference)
        if session is None or session.user_id != actor.id or not session.is_alive(self.now()):
            raise NotFound("Session not found")
        self._end(session.id)
        self.audit.record(Action.SESSION_ENDED, user_id=actor.id, actor_id=actor.id)

    def end_current(self, actor: Actor) -> None:
        """Sign out."""
        self._end(actor.session_id)
        self.audit.record(Action.SESSION_ENDED, user_id=actor.id, actor_id=actor.id)

    def end_others(self, actor: Actor) -> int:
        """Sign every other device out; how many there were."""
        return self.end_all_of(actor.id or "", but=actor.session_id)

    def end_all_of(self, user_id: str, *, but: str = "") -> int:
        """Sign somebody out of all devices, except the session `but`."""
        ended = [s.id for s in self.sessions.alive_of(user_id, self.now()) if s.id != but]
        for session_id in ended:
            self.sessions.revoke(session_id, self.now())
        self.live.revoke(*ended)
        return len(ended)

    def role_changed(self, user_id: str, role: Role) -> None:
        """Have every session of somebody act in their new role from now on."""
        if user := self.users.get(user_id):
            self._tell_register(replace(user, role=role))

    def second_factor_changed(self, user_id: str) -> None:
        """Have every session of somebody notice a factor that is new, or gone."""
        if user := self.users.get(user_id):
            self._tell_register(user)

    def _tell_register(self, user: User) -> None:
        alive = self.sessions.alive_of(user.id, self.now())
        self.live.change_role((session.id for session in alive), self._standing(user))

    def _standing(self, user: User) -> str:
        return standing(user, self.second_factor_roles)

    def _standing_on_record(self, session_id: str, user_id: str) -> str:
        session, user = self.sessions.get(session_id), self.users.get(user_id)
        alive = session is not None and session.is_alive(self.now())
        if not alive or user is None or not user.is_active:
            return REVOKED
        self.sessions.touch(session_id, self.now())
        self.live.remember(session_id, self._standing(user))
        return self._standing(user)

    def _still_active(self, user_id: str, session_id: str) -> User:
        user = self.users.get(user_id)
        if user is None or not user.is_active:
            self._end(session_id)
            raise Unauthorized(REFUSED[TokenType.REFRESH])
        return user

    def _end(self, session_id: str) -> bool:
        # MongoDB first: if Redis then fails, asking again finds the truth there.
        was_alive = self.sessions.revoke(session_id, self.now())
        self.live.revoke(session_id)
        return was_alive

    def _signed_in(
        self, user: User, session_id: str, refresh_token: str, lifetime: timedelta
    ) -> SignedIn:
        return SignedIn(
            user=user,
            access_token=self.tokens.access(user, session_id, lifetime),
            refresh_token=refresh_token,
            expires_in_seconds=int(lifetime.total_seconds()),
        )


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
