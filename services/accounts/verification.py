"""Verifying that an e-mail address is its owner's, before or after they may sign in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.audit import Action
from models.email_tokens import EmailTokens, Purpose
from models.errors import EmailNotVerified, Invalid
from models.mails import MailKind
from models.user import User
from models.users import Users
from services.accounts.names import normal_email
from services.audit import Audit
from services.mailing import MailService, hash_of

REFUSED = "This link is no longer valid. Please ask for a new verification e-mail."


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationService:
    users: Users
    email_tokens: EmailTokens
    mailing: MailService
    audit: Audit
    # REQUIRE_EMAIL_VERIFICATION: who is not verified does not come in.
    is_required: bool
    now: Callable[[], datetime]

    def ask(self, user: User) -> None:
        """Send a link to an address that is new here."""
        self.mailing.ask(MailKind.VERIFICATION, user.email, user_id=user.id)

    def demand(self, user: User) -> None:
        """Raise `EmailNotVerified`, and send a link, if this user has to be verified first."""
        if self.is_required and not user.email_verified:
            self.ask(user)
            raise EmailNotVerified(
                "Please verify your e-mail address first: we have sent you a link."
            )

    def tell_owner(self, email: str) -> None:
        """Tell whoever has an account that somebody signed up with its address again."""
        self.mailing.ask(MailKind.ACCOUNT_EXISTS, email)

    def verify(self, token: str) -> None:
        """Use a token up. Raises `Invalid`, alike for unknown, expired, used and outdated ones."""
        found = self.email_tokens.take(hash_of(token), Purpose.VERIFY, self.now())
        if found is None or not self.users.verify_email(found.user_id, found.email, self.now()):
            raise Invalid(REFUSED)
        self.audit.record(Action.EMAIL_VERIFIED, user_id=found.user_id)

    def resend(self, email: str) -> None:
        """Send a new link, if there is something to verify; nobody is told whether.

        Raises `Invalid` for what is no address.
        """
        self.mailing.ask(MailKind.VERIFICATION, normal_email(email))
