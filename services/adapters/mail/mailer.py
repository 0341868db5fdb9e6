"""How mail leaves: a protocol, an SMTP server, and a folder for where there is none."""

from __future__ import annotations

import logging
import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from email_validator import EmailNotValidError, validate_email

from services.adapters.certificates import trusted
from services.adapters.mail.letters import Letter

log = logging.getLogger(__name__)

# Of each step of the conversation; all of them together stay below the lease of a mail.
TIMEOUT_SECONDS = 10
PERMANENT = range(500, 600)
REASON_LENGTH = 200


class NotSent(Exception):
    """The mail did not leave. `is_final` when trying the same again cannot help."""

    def __init__(self, reason: str, *, is_final: bool) -> None:
        super().__init__(reason)
        self.reason = reason[:REASON_LENGTH]
        self.is_final = is_final


class Mailer(Protocol):
    def send(self, letter: Letter, *, to: str, at: datetime) -> None:
        """Hand the letter over for `to`; once this returns it is somebody else's to deliver.

        Raises `NotSent`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpMailer:
    """A server that is who it says it is: with TLS, its certificate is checked, always."""

    host: str
    port: int
    sender: str
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS
    context: ssl.SSLContext = field(default_factory=trusted)

    def send(self, letter: Letter, *, to: str, at: datetime) -> None:
        message = as_message(letter, sender=self.sender, to=to, at=at)
        with _said_as_not_sent(), self._connect() as server:
            self._introduce(server)
            server.send_message(message, parseaddr(self.sender)[1], [message["To"]])

    def _connect(self) -> smtplib.SMTP:
        # Named, as smtplib would else ask the DNS what this host is called.
        own = _domain(self.sender)
        if self.security == "tls":
            return smtplib.SMTP_SSL(
                self.host, self.port, own, timeout=self.timeout_seconds, context=self.context
            )
        return smtplib.SMTP(self.host, self.port, own, timeout=self.timeout_seconds)

    def _introduce(self, server: smtplib.SMTP) -> None:
        if self.security == "starttls":
            # Raises where a server does not offer it: a link in the clear is a password in the
            # clear.
            server.starttls(context=self.context)
        if self.user:
            try:
                server.login(self.user, self.password)
            except smtplib.SMTPAuthenticationError as refused:
                # 535 is permanent for SMTP; here, the operator will set the password right.
                reason = "The mail server refuses SMTP_USER and SMTP_PASSWORD."
                raise NotSent(reason, is_final=False) from refused


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMailer:
    """Files for any mail program to open. They hold links that work: the folder is its owner's."""

    folder: Path
    sender: str

    def send(self, letter: Letter, *, to: str, at: datetime) -> None:
        message = as_message(letter, sender=self.sender, to=to, at=at)
        path = self.folder / f"{at:%Y%m%dT%H%M%S}-{letter.kind}-{uuid4().hex[:8]}.eml"
        aside = path.with_suffix(".part")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(message.as_bytes(policy=SMTP))
            aside.replace(path)
        except OSError as broken:
            raise NotSent(f"The outbox: {broken.strerror}", is_final=False) from broken
        log.info("a mail is in the outbox: %s", path)


def as_message(letter: Letter, *, sender: str, to: str, at: datetime) -> EmailMessage:
    """Text with HTML beside it. What is not printable ASCII is encoded, in headers too."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = wire_address(to)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = make_msgid(domain=_domain(sender))
    # RFC 3834: nobody's holiday should answer.
    message["Auto-Submitted"] = "auto-generated"
    if letter.unsubscribe:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # Not 8bit, which a server need not take.
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return message


def wire_address(address: str) -> str:
    """An address as every mail server takes it: its domain in punycode."""
    try:
        found = validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as invalid:
        raise NotSent(f"No mail can go to this address: {invalid}", is_final=True) from invalid
    return found.ascii_email or address


def _domain(address: str) -> str:
    return parseaddr(address)[1].rpartition("@")[2] or "localhost"


@contextmanager
def _said_as_not_sent() -> Iterator[None]:
    """What goes wrong on the way, sorted into what time may heal and what it cannot."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as refused:
        code, said = next(iter(refused.recipients.values()))
        raise NotSent(_reason(code, said), is_final=code in PERMANENT) from refused
    except (smtplib.SMTPConnectError, smtplib.SMTPHeloError) as refused:
        # A server that takes nothing from anybody; about this mail it has said nothing.
        raise NotSent(_reason(refused.smtp_code, refused.smtp_error), is_final=False) from refused
    except smtplib.SMTPResponseException as refused:
        final = refused.smtp_code in PERMANENT
        raise NotSent(_reason(refused.smtp_code, refused.smtp_error), is_final=final) from refused
    except (smtplib.SMTPException, OSError) as broken:
        # Away, unknown, too slow, without TLS, or with a certificate that nobody vouches for.
        raise NotSent(f"{type(broken).__name__}: {broken}", is_final=False) from broken


def _reason(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {text}"
