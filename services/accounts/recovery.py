"""Passwords that change: forgotten ones by e-mail, others by who knows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.audit import Action
from models.email_tokens import EmailTokens, Purpose
from models.errors import Conflict, Invalid, NotFound
from models.mails import MailKind
from models.user import User
from models.users import Users
from services.accounts.lockout import Lockout
from services.accounts.names import normal_email
from services.accounts.passwords import Passwords
from services.accounts.sessions import Device, SessionService
from services.audit import Audit
from services.mailing import MailService, hash_of
from services.policies import Actor

REFUSED = "This link is no longer valid. Please say again that you forgot your password."
WRONG = "The current password is not right."


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryService:
    users: Users
    email_tokens: EmailTokens
    mailing: MailService
    sessions: SessionService
    passwords: Passwords
    lockout: Lockout
    audit: Audit
    now: Callable[[], datetime]

    def forgot(self, email: str, device: Device) -> None:
        """Send a link to choose a new password, if there is such an account; nobody is told.

        Raises `Invalid` for what is no address.
        """
        context = {"address": device.address}
        self.mailing.ask(MailKind.PASSWORD_RESET, normal_email(email), context=context)

    def reset(self, token: str, password: str, device: Device) -> None:
        """Set a new password with a token from a mail, which also proves the address.

        Ends every session, and whatever guessing has locked. Raises `Invalid`, alike for unknown,
        expired, used and outdated tokens.
        """
        # First: while too many others sign in this fails, and the token must not be spent by then.
        password_hash = self.passwords.hash(password)
        found = self.email_tokens.take(hash_of(token), Purpose.RESET, self.now())
        if found is None:
            raise Invalid(REFUSED)
        user = self.users.reset_password(found.user_id, found.email, password_hash, self.now())
        if user is None:
            raise Invalid(REFUSED)
        self.audit.record(Action.PASSWORD_RESET, user_id=user.id, address=device.address)
        self._changed(user, device)

    def change(self, actor: Actor, current: str, new: str, device: Device) -> None:
        """Set a new password for oneself; every other device is signed out.

        Raises `Invalid` for a wrong current password (each counts as an attempt to sign in), and
        `RateLimited` after too many.
        """
        user = self.users.get(actor.id or "")
        if user is None:
            raise NotFound("User not found")
        self.lockout.check(user.id, device.address)
        # An account that has only ever signed in elsewhere has none, and gets one by e-mail.
        if not self.passwords.matches(current, user.password_hash or None):
            self._note_failure(user, device)
            raise Invalid(WRONG, fields={"current_password": [WRONG]})
        changed = self.users.change_password(
            user.id, old=user.password_hash, new=self.passwords.hash(new), now=self.now()
        )
        if not changed:
            raise Conflict("The password was changed in this very moment. Please try again.")
        self.audit.record(
            Action.PASSWORD_CHANGED, user_id=user.id, actor_id=actor.id, address=device.address
        )
        self._changed(user, device, but=actor.session_id)

    def _changed(self, user: User, device: Device, *, but: str = "") -> None:
        """What follows from a new password, whichever way it came."""
        try:
            self.sessions.end_all_of(user.id, but=but)
        finally:
            # Also when Redis is away, and the answer is that this may take a while to be known.
            self.email_tokens.revoke(user.id, Purpose.RESET)
            self.lockout.lift(user.id)
            self.lockout.passed(user.id, device.address)
            self._tell(user)

    def _tell(self, user: User) -> None:
        changed_at = f"{self.now():%Y-%m-%d at %H:%M} UTC"
        context = {"changed_at": changed_at}
        self.mailing.ask(MailKind.PASSWORD_CHANGED, user.email, user_id=user.id, context=context)

    def _note_failure(self, user: User, device: Device) -> None:
        locked = self.lockout.failed(user.id, device.address)
        action = Action.LOCKED_OUT if locked else Action.SIGN_IN_FAILED
        self.audit.record(action, user_id=user.id, actor_id=user.id, address=device.address)
