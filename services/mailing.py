"""Mail: asking for it is one write, and sending it is a job's, or the scheduler's.

A request never speaks to a mail server, and does the same whether or not an address belongs to
somebody: that is found out while sending. Tokens are made then too, so that none is ever stored.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from models.audit import Action
from models.documents import identity
from models.email_tokens import EmailToken, EmailTokens, Purpose
from models.errors import Unavailable
from models.mails import Mail, MailKind, Mails
from models.user import User
from models.users import Users
from services.adapters.mail.letters import Letter, Letters, shown_name
from services.adapters.mail.mailer import Mailer, NotSent
from services.adapters.queue import Job, JobQueue
from services.audit import Audit

log = logging.getLogger(__name__)

LIFETIMES = {Purpose.VERIFY: timedelta(hours=24), Purpose.RESET: timedelta(hours=1)}
# Longer than a conversation with a mail server can last (services/adapters/mail/mailer.py).
LEASE = timedelta(minutes=3)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=15)
GIVE_UP_AFTER = timedelta(hours=24)
# Workers may all be busy with videos for a long time; then the scheduler sends.
PATIENCE = timedelta(seconds=15)
SWEPT_AT_ONCE = 20
# Whoever knows an address can ask for these; its owner should not be flooded with them.
ASKED_BY_ANYBODY = frozenset(
    {MailKind.VERIFICATION, MailKind.PASSWORD_RESET, MailKind.ACCOUNT_EXISTS}
)
HOURLY_LIMIT = 5

Context = dict[str, Any]
# Finds what a mail is to say to somebody; None if that is nothing.
Writer = Callable[[User, Mail], Context | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailService:
    mails: Mails
    email_tokens: EmailTokens
    users: Users
    mailer: Mailer
    letters: Letters
    queue: JobQueue
    audit: Audit
    base_url: str
    # Kinds of mails that others know what to say in.
    writers: Mapping[MailKind, Writer] = field(default_factory=dict)
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def ask(
        self,
        kind: MailKind,
        to: str,
        *,
        user_id: str | None = None,
        context: Mapping[str, str] | None = None,
    ) -> None:
        """Have a mail sent. One that waits for the same address already is the same mail."""
        now = self.now()
        mail_id = self.mails.ask(
            Mail(
                **identity(self.new_id()),
                kind=kind,
                to=to,
                user_id=user_id,
                created_at=now,
                next_at=now,
                give_up_at=now + GIVE_UP_AFTER,
                context=dict(context or {}),
            )
        )
        try:
            self.queue.enqueue(Job.SEND_MAIL, mail_id)
        except Unavailable:
            log.warning("a mail waits for the sweeper", extra={"mail_id": mail_id})

    def invite(self, to: str, *, link: str, inviter: str, expires_at: datetime) -> None:
        """Send an invitation to an address that belongs to nobody here (yet).

        `inviter` is a display name, whatever is in it. Asked again while the mail waits, the newer
        link is the one that is sent; once it is sent, no link is kept here.
        """
        context = {"link": link, "inviter": shown_name(inviter), "expires_at": _date(expires_at)}
        self.ask(MailKind.INVITATION, to, context=context)

    def send(self, mail_id: str) -> None:
        """Send one mail, unless it is done, not due, or another's to send; a job calls this.

        A sender that dies in between is followed by another, so that a mail may arrive twice; of
        two links the newer one works.
        """
        now = self.now()
        mail = self.mails.claim(mail_id, self.new_id(), now=now, until=now + LEASE)
        if mail is None:
            return
        if now > mail.give_up_at:
            # Whoever tried it last did not live to say why.
            self.mails.fail(mail, now, mail.error or "It could not be sent.")
            return
        letter = self._letter(mail)
        if letter is None:
            self.mails.drop(mail)
            return
        try:
            self.mailer.send(letter, to=mail.to, at=now)
        except NotSent as failure:
            self._not_sent(mail, failure)
            return
        self.mails.sent(mail, self.now())

    def sweep(self) -> int:
        """Have sent what is due: by a worker, or here if none comes to it; how many were late."""
        now = self.now()
        for mail_id in self.mails.due(now, SWEPT_AT_ONCE):
            self.queue.enqueue(Job.SEND_MAIL, mail_id)
        late = self.mails.due(now - PATIENCE, SWEPT_AT_ONCE)
        for mail_id in late:
            self.send(mail_id)
            if self._is_still_due(mail_id):
                break  # the mail server is away: whatever else the scheduler does goes on
        return len(late)

    def _is_still_due(self, mail_id: str) -> bool:
        mail = self.mails.get(mail_id)
        return mail is not None and mail.next_at is not None

    def _not_sent(self, mail: Mail, failure: NotSent) -> None:
        now = self.now()
        about = {"mail_id": mail.id, "kind": mail.kind.value, "reason": failure.reason}
        next_at = now + min(FIRST_PAUSE * 2 ** min(mail.attempts - 1, 10), LONGEST_PAUSE)
        if failure.is_final or next_at > mail.give_up_at:
            self.mails.fail(mail, now, failure.reason)
            log.error("a mail was given up", extra=about)
        else:
            self.mails.put_back(mail, now, next_at=next_at, error=failure.reason)
            log.warning("a mail was not sent yet", extra=about)

    def _letter(self, mail: Mail) -> Letter | None:
        """What to send; None if by now there is nobody to send it to, or nothing to say."""
        if mail.kind in ASKED_BY_ANYBODY and self._has_had_enough(mail):
            return None
        values = self._values(mail)
        if values is None:
            return None
        return self.letters.write(mail.kind, {"site": self.base_url, **mail.context, **values})

    def _has_had_enough(self, mail: Mail) -> bool:
        since = self.now() - timedelta(hours=1)
        earlier = self.mails.settled_since(mail.to, mail.kind, since, HOURLY_LIMIT)
        return earlier >= HOURLY_LIMIT

    def _values(self, mail: Mail) -> Context | None:
        """What the letter says beyond what was known when it was asked for."""
        if mail.kind is MailKind.INVITATION:
            return {}
        user = self.users.by_login(mail.to)
        if user is None:
            return None
        if writer := self.writers.get(mail.kind):
            return writer(user, mail)
        if mail.kind is MailKind.VERIFICATION:
            return self._verification(user)
        if mail.kind is MailKind.PASSWORD_RESET:
            return self._reset(user, mail)
        return {"name": _greeted(user)}

    def _verification(self, user: User) -> Context | None:
        if user.email_verified or not user.is_active:
            return None
        return self._link(user, Purpose.VERIFY, "/auth/verify-email") | {"lifetime": "24 hours"}

    def _reset(self, user: User, mail: Mail) -> Context | None:
        if not user.is_active:
            return None
        if mail.attempts == 1:
            self.audit.record(
                Action.PASSWORD_RESET_REQUESTED,
                user_id=user.id,
                address=mail.context.get("address", ""),
            )
        link = self._link(user, Purpose.RESET, "/auth/reset-password")
        return link | {"lifetime": "1 hour", "name": _greeted(user)}

    def _link(self, user: User, purpose: Purpose, path: str) -> Context:
        token = secrets.token_urlsafe(32)
        self.email_tokens.put(
            EmailToken(
                **identity(self.new_id()),
                user_id=user.id,
                purpose=purpose,
                token_hash=hash_of(token),
                email=user.email,
                expires_at=self.now() + LIFETIMES[purpose],
            )
        )
        return {"link": f"{self.base_url}{path}?token={token}"}


def hash_of(token: str) -> str:
    """What is kept of a token. It is random, and 256 bits long: no salt would add anything."""
    return sha256(token.encode()).hexdigest()


def _greeted(user: User) -> str:
    # Anybody can sign up with another's address and say "You have won" is their name.
    return shown_name(user.display_name) if user.email_verified else ""


def _date(moment: datetime) -> str:
    return f"{moment:%d %B %Y, %H:%M} UTC".lstrip("0")
