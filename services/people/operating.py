"""What an operator does from a shell: the first admin, accounts, passwords that are forgotten."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.audit import Action
from models.documents import identity
from models.errors import Conflict, Invalid, NotFound
from models.user import Role, User
from models.users import Taken, Users
from services.accounts.accounts import conflict_of
from services.accounts.lockout import Lockout
from services.accounts.names import normal_email, normal_login, normal_username
from services.accounts.passwords import Passwords
from services.accounts.sessions import SessionService
from services.audit import Audit

# 000's least for a password.
SHORTEST_PASSWORD = 8
GENERATED_BYTES = 15


def generated_password() -> str:
    return secrets.token_urlsafe(GENERATED_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdmin:
    """`password` is None where whoever starts CLUTCH has chosen it."""

    user: User
    password: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingService:
    users: Users
    sessions: SessionService
    passwords: Passwords
    lockout: Lockout
    audit: Audit
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def first_admin(self, username: str, email: str, password: str) -> FirstAdmin | None:
        """003: make an admin where there is none. None if there is one, be it since a moment ago.

        Raises `Invalid`, or `Conflict` where the name belongs to somebody who is no admin.
        """
        if self.users.has_admin():
            return None
        chosen = password or generated_password()
        try:
            user = self.create(username, email, chosen, Role.ADMIN)
        except Conflict:
            # Another host has just made the same one.
            if self.users.has_admin():
                return None
            raise
        return FirstAdmin(user=user, password=None if password else chosen)

    def create(self, username: str, email: str, password: str, role: Role) -> User:
        """An account, whatever the registration mode. Raises `Invalid` or `Conflict`."""
        now = self.now()
        user = User(
            **identity(self.new_id()),
            email=normal_email(email),
            email_verified=True,
            username=(name := normal_username(username)),
            username_key=name.lower(),
            display_name=name,
            password_hash=self._hashed(password),
            role=role,
            created_at=now,
            updated_at=now,
        )
        try:
            self.users.add(user)
        except Taken as taken:
            raise conflict_of(taken) from taken
        self.audit.record(Action.SIGNED_UP, user_id=user.id, by="operator", role=role.value)
        return user

    def find(self, who: str) -> User:
        """By username, e-mail address or id. Raises `NotFound`."""
        user = self.users.by_login(normal_login(who)) or self.users.get(who)
        if user is None or user.deleted_at is not None:
            raise NotFound(f"There is no user {who}.")
        return user

    def reset_password(self, who: str, password: str) -> User:
        """Set a password, sign every device out, and lift what guessing has locked."""
        user = self.find(who)
        changed = self.users.reset_password(user.id, user.email, self._hashed(password), self.now())
        if changed is None:
            raise Conflict(f"{user.username} is deactivated.")
        self.sessions.end_all_of(user.id)
        self.lockout.lift(user.id)
        self.audit.record(Action.PASSWORD_RESET, user_id=user.id, by="operator")
        return user

    def _hashed(self, password: str) -> str:
        if len(password) < SHORTEST_PASSWORD:
            message = f"A password needs {SHORTEST_PASSWORD} characters at least."
            raise Invalid(message, fields={"password": [message]})
        return self.passwords.hash(password)
