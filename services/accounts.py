"""Accounts: signing up, signing in and out, and saying who a token belongs to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from email_validator import EmailNotValidError, validate_email

from models.documents import identity
from models.errors import Conflict, Invalid, NotFound, Unauthorized
from models.sessions import Session, Sessions
from models.users import Role, Taken, User, Users
from models.videos import Videos
from services.adapters.register import REVOKED, SessionRegister, Visits
from services.passwords import Passwords
from services.policies import Actor
from services.tokens import REFUSED, Tokens, TokenType

USERNAME_LENGTH = 30
USERNAME_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where a login comes from (002's device tracking)."""

    name: str = ""
    user_agent: str = ""
    address: str = ""


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
class Profile:
    user: User
    total_videos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountService:
    users: Users
    videos: Videos
    sessions: Sessions
    live: SessionRegister
    passwords: Passwords
    tokens: Tokens
    refresh_lifetime: timedelta
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def sign_up(
        self, *, email: str, password: str, display_name: str, username: str | None = None
    ) -> User:
        """Create a viewer. Raises `Invalid`, or `Conflict` when e-mail or username is taken.

        001 knows no usernames: without one, the nearest free to `display_name` is given.
        """
        address = normal_email(email)
        password_hash = self.passwords.hash(password)
        names = [username] if username else self._usernames(display_name)
        for name in names:
            user = self._new_user(address, name, display_name.strip() or name, password_hash)
            try:
                self.users.add(user)
            except Taken as taken:
                if taken.field == "email" or username:
                    raise _conflict(taken) from taken
            else:
                return user
        raise Conflict("No username could be found. Please try again.")

    def register(
        self,
        *,
        username: str,
        email: str,
        password: str,
        device: Device,
        lifetime: timedelta,
        display_name: str = "",
    ) -> SignedIn:
        """000: create an account and sign it in."""
        user = self.sign_up(
            email=email, password=password, display_name=display_name, username=username
        )
        return self.open_session(user, device=device, lifetime=lifetime)

    def sign_in(
        self, *, login: str, password: str, device: Device, lifetime: timedelta
    ) -> SignedIn:
        """Check a password and open a session whose access tokens last `lifetime`.

        An unknown account, a wrong password and a deactivated account cost the same time and get
        the same answer.
        """
        user = self.users.by_login(normal_login(login))
        matches = self.passwords.matches(password, user.password_hash if user else None)
        if user is None or not matches or not user.is_active:
            raise Unauthorized("Invalid email or password")
        if self.passwords.is_outdated(user.password_hash):
            new = self.passwords.hash(password)
            self.users.rehash(user.id, old=user.password_hash, new=new)
        self.users.logged_in(user.id, self.now())
        return self.open_session(user, device=device, lifetime=lifetime)

    def open_session(self, user: User, *, device: Device, lifetime: timedelta) -> SignedIn:
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
        self.live.remember(session_id, user.role)
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
        user = self.users.get(claims["user_id"])
        if not rotated or user is None or not user.is_active:
            # Two holders of one token: either may be the thief, so neither stays.
            self._end(session_id)
            raise Unauthorized(REFUSED[TokenType.REFRESH])
        return self._signed_in(user, session_id, fresh, lifetime)

    def sign_out(self, actor: Actor) -> None:
        """End the session at once, for every server and every token of it."""
        self._end(actor.session_id)

    def me(self, actor: Actor) -> User:
        user = self.users.get(actor.id or "")
        if user is None:
            raise NotFound("User not found")
        return user

    def profile(self, actor: Actor) -> Profile:
        """000: oneself, and what one has done so far."""
        user = self.me(actor)
        return Profile(user=user, total_videos=self.videos.count_of(user.id))

    def authenticate(
        self, access_token: str, counted: Callable[[str], Visits | None] = lambda _: None
    ) -> Admission:
        """Who a token belongs to: one round trip to Redis, and none to MongoDB as a rule.

        In the same round trip the request is counted under what `counted` makes of the user's id.
        """
        claims = self.tokens.read(access_token, TokenType.ACCESS)
        user_id, session_id = claims["user_id"], claims["sid"]
        entry = self.live.enter(session_id, counted(user_id))
        role = entry.role
        if role is None:
            role = self._role_on_record(session_id, user_id)
        if role == REVOKED:
            raise Unauthorized(REFUSED[TokenType.ACCESS])
        actor = Actor(id=user_id, session_id=session_id, role=Role(role))
        return Admission(actor=actor, visits=entry.visits)

    def _role_on_record(self, session_id: str, user_id: str) -> str:
        session, user = self.sessions.get(session_id), self.users.get(user_id)
        alive = session is not None and session.is_alive(self.now())
        if not alive or user is None or not user.is_active:
            return REVOKED
        self.live.remember(session_id, user.role)
        return user.role

    def _end(self, session_id: str) -> None:
        # MongoDB first: if Redis then fails, asking again finds the truth there.
        self.sessions.revoke(session_id, self.now())
        self.live.revoke(session_id)

    def _signed_in(
        self, user: User, session_id: str, refresh_token: str, lifetime: timedelta
    ) -> SignedIn:
        return SignedIn(
            user=user,
            access_token=self.tokens.access(user, session_id, lifetime),
            refresh_token=refresh_token,
            expires_in_seconds=int(lifetime.total_seconds()),
        )

    def _new_user(self, email: str, username: str, display_name: str, password_hash: str) -> User:
        now = self.now()
        return User(
            **identity(self.new_id()),
            email=email,
            username=username,
            username_key=username.lower(),
            display_name=display_name,
            password_hash=password_hash,
            created_at=now,
            updated_at=now,
        )

    def _usernames(self, display_name: str) -> list[str]:
        """The name itself, then the name with a few random letters."""
        plain = unicodedata.normalize("NFKD", display_name).encode("ascii", "ignore").decode()
        slug = re.sub(r"\W+", "_", plain).strip("_").lower()[: USERNAME_LENGTH - 9] or "user"
        suffixed = [f"{slug}_{self.new_id()[-8:]}" for _ in range(USERNAME_TRIES)]
        return [slug if len(slug) > 2 else f"user_{slug}", *suffixed]  # noqa: PLR2004 - 000: 3 to 30


def normal_email(text: str) -> str:
    """The one spelling under which an address is kept and compared; raises `Invalid`."""
    wrong = Invalid("Invalid email format", fields={"email": ["Not a valid email address."]})
    try:
        # Servers at home have addresses that no public mail server could reach.
        found = validate_email(
            unicodedata.normalize("NFKC", text.strip()),
            check_deliverability=False,
            globally_deliverable=False,
            allow_smtputf8=False,
            strict=True,
        )
    except EmailNotValidError as invalid:
        raise wrong from invalid
    if "." not in found.domain:
        raise wrong
    return found.normalized.lower()


def normal_login(text: str) -> str:
    """An address as `sign_up` keeps it; anything else is a username, or nobody's."""
    try:
        return normal_email(text)
    except Invalid:
        return unicodedata.normalize("NFKC", text.strip())


def _conflict(taken: Taken) -> Conflict:
    label = {"email": "Email already registered", "username": "Username already taken"}
    message = label.get(taken.field, "Already exists")
    return Conflict(message, fields={taken.field: [message]})


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
