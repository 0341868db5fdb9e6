"""Reading mails in tests: from the outbox, and from an SMTP server that a test starts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from models.mails import Mail, MailKind
from services.container import Services

LINK = re.compile(r"https?://[^\s<\"]+")


@dataclass(frozen=True)
class Received:
    message: EmailMessage
    path: Path | None = None

    @property
    def to(self) -> str:
        return str(self.message["To"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    @property
    def link(self) -> str:
        """The one link with a token."""
        (link,) = {link for link in links_in(self.text) if "token=" in link}
        return link

    @property
    def token(self) -> str:
        return self.link.partition("token=")[2]

    def _part(self, subtype: str) -> str:
        part: Any = self.message.get_body((subtype,))
        return str(part.get_content())


def links_in(text: str) -> list[str]:
    return [link.rstrip(").,") for link in LINK.findall(text) if "token=" in link]


def parsed(raw: bytes, path: Path | None = None) -> Received:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return Received(message, path)


def outbox(services: Services) -> list[Received]:
    """What was written to files so far, the oldest first."""
    paths = sorted(services.settings.outbox.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    return [parsed(path.read_bytes(), path) for path in paths]


def waiting(services: Services) -> list[Mail]:
    """The mails that are not settled."""
    ids = services.mailing.mails.due(dt.datetime(9999, 1, 1, tzinfo=dt.UTC), limit=1000)
    return [mail for mail_id in ids if (mail := services.mailing.mails.get(mail_id))]


def deliver(services: Services) -> list[Received]:
    """Do what a worker does with every mail that waits; answers what arrived by it."""
    before = {letter.path for letter in outbox(services)}
    for mail in waiting(services):
        services.mailing.send(mail.id)
    return [letter for letter in outbox(services) if letter.path not in before]


def mailed(services: Services, kind: MailKind, to: str) -> list[Received]:
    """Deliver what waits, and find all mails of a kind to somebody, the oldest first."""
    deliver(services)
    return [
        letter
        for letter in outbox(services)
        if letter.to == to and letter.path and f"-{kind}-" in letter.path.name
    ]


@dataclass
class Inbox:
    """What an SMTP server in this process was handed, and what it answers to RCPT and DATA."""

    host: str = ""
    port: int = 0
    received: list[Received] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    # Given out one by one, before mails are taken again.
    refusals: list[str] = field(default_factory=list)
    rcpt_refusals: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.rcpt_refusals:
            return self.rcpt_refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's names
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        assert isinstance(envelope.content, bytes)
        self.received.append(parsed(envelope.content))
        self.recipients += envelope.rcpt_tos
        return "250 OK"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        self.logins.append(data.login.decode())
        right = (data.login, data.password) == (b"clutch", b"secret")
        return AuthResult(success=right, handled=False)


@contextmanager
def smtp_server(**options: Any) -> Iterator[Inbox]:
    """A real SMTP server on a free port, until the block ends."""
    inbox = Inbox()
    if options.pop("authenticated", False):
        options |= {"authenticator": inbox.authenticate, "auth_required": True}
        options["auth_require_tls"] = False
    controller = _FreePort(inbox, hostname="127.0.0.1", port=0, **options)
    controller.start()
    inbox.host, inbox.port = "127.0.0.1", controller.port
    try:
        yield inbox
    finally:
        controller.stop()


class _FreePort(Controller):
    def _trigger_server(self) -> None:
        """Look at the port that the server got, not at the 0 that it was asked for."""
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()
