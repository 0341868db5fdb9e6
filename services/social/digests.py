"""Mails that sum up what somebody was told and has not read: once a day, for who wants them.

What a mail is to say is found out while it is sent, and noted on the notifications in it: however
often a mail is tried, it says the same, and no other mail says it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from models.errors import Invalid
from models.mails import Mail, MailKind
from models.notifications import Notifications
from models.recipients import Recipient, Recipients
from models.user import User
from services.mailing import Context, MailService
from services.policies import Actor
from services.social.notifications import NotificationService

# How much of it a mail says in words, and how many mails a round of the scheduler's asks for.
LINES = 10
MAILS_PER_ROUND = 500
SALT = "notification mails"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribing:
    """Links that end such mails without signing in: signed, and good for nothing else."""

    recipients: Recipients
    # The last of them signs.
    secrets: Sequence[str]
    base_url: str

    def token(self, user_id: str) -> str:
        return str(self._signer().dumps(user_id))

    def link(self, user_id: str) -> str:
        return f"{self.base_url}/auth/unsubscribe?token={self.token(user_id)}"

    def one_click(self, user_id: str) -> str:
        """For the header that mail programs read (RFC 8058)."""
        return f"{self.base_url}/auth/unsubscribe/{self.token(user_id)}"

    def stop(self, token: str) -> None:
        """Send whoever the token is of no more such mails. Raises `Invalid`."""
        try:
            user_id = self._signer().loads(token)
        except BadData as bad:
            raise Invalid("This link is not valid.", fields={"token": ["Not valid."]}) from bad
        self.recipients.stop_mails(str(user_id))

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(list(self.secrets), salt=SALT)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestWriter:
    """What is in a mail, when it is sent."""

    notifications: NotificationService
    unsubscribing: Unsubscribing
    hour: int
    now: Callable[[], datetime]

    def write(self, user: User, mail: Mail) -> Context | None:
        """None where by now there is nothing to say, or they do not want it."""
        rows = self.notifications.notifications
        recipient = self.notifications.recipients.one(user.id)
        if recipient is None or not wants_mail(recipient):
            rows.leave_out_of_digests(user.id)
            return None
        before = latest(self.hour, self.now())
        found, total = rows.take_for_digest(user.id, mail.id, before=before, limit=LINES)
        if not found:
            return None
        told = self.notifications.in_words(Actor(id=user.id), found)
        return {
            "name": user.display_name,
            "total": "1 notification" if total == 1 else f"{total} notifications",
            "more": f"And {total - len(told)} more." if total > len(told) else "",
            "unsubscribe": self.unsubscribing.link(user.id),
            "one_click": self.unsubscribing.one_click(user.id),
            "lines": told,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestService:
    notifications: Notifications
    recipients: Recipients
    mailing: MailService
    unsubscribing: Unsubscribing
    # Of the day, in UTC.
    hour: int
    now: Callable[[], datetime]

    def send_due(self) -> int:
        """Have mails sent about what was told before the hour; returns how many were asked for.

        Doing it again asks for mails that wait already, or have nothing in them and are not sent.
        """
        before, asked, user_id = latest(self.hour, self.now()), 0, ""
        for _ in range(MAILS_PER_ROUND):
            found = self.notifications.next_for_digest(before, user_id)
            if found is None:
                break
            user_id = found
            asked += self._ask(user_id)
        return asked

    def stop(self, token: str) -> None:
        """For who follows the link of such a mail. Raises `Invalid`."""
        self.unsubscribing.stop(token)

    def _ask(self, user_id: str) -> bool:
        recipient = self.recipients.one(user_id)
        if recipient is None or not wants_mail(recipient):
            self.notifications.leave_out_of_digests(user_id)
            return False
        self.mailing.ask(MailKind.DIGEST, recipient.email, user_id=user_id)
        return True


def wants_mail(recipient: Recipient) -> bool:
    """Whether they asked for it at an address that is theirs."""
    is_there = recipient.is_active and recipient.deleted_at is None
    return is_there and recipient.email_verified and recipient.settings.notifications.email


def latest(hour: int, now: datetime) -> datetime:
    """When that hour last was."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)
