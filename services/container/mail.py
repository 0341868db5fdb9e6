"""Wiring: mail, and what is proved by reading it."""

from __future__ import annotations

from config import Settings
from services.accounts.recovery import RecoveryService
from services.accounts.sessions import SessionService
from services.accounts.verification import VerificationService
from services.adapters.mail.letters import Letters
from services.adapters.mail.mailer import Mailer, OutboxMailer, SmtpMailer
from services.container import notices
from services.container.accounts import lockout
from services.container.parts import Parts
from services.mailing import MailService


def mailing(parts: Parts) -> MailService:
    return MailService(
        mails=parts.mails,
        email_tokens=parts.email_tokens,
        users=parts.users,
        mailer=mailer(parts.settings),
        letters=Letters(),
        queue=parts.queue,
        audit=parts.audit,
        base_url=parts.settings.base_url,
        writers=notices.writers(parts),
        now=parts.now,
        new_id=parts.new_id,
    )


def mailer(settings: Settings) -> Mailer:
    if not settings.smtp_host:
        return OutboxMailer(folder=settings.outbox, sender=settings.mail_from)
    return SmtpMailer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_from,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=settings.smtp_password,
    )


def verification(parts: Parts, mailing: MailService) -> VerificationService:
    return VerificationService(
        users=parts.users,
        email_tokens=parts.email_tokens,
        mailing=mailing,
        audit=parts.audit,
        is_required=parts.settings.require_email_verification,
        now=parts.now,
    )


def recovery(parts: Parts, sessions: SessionService, mailing: MailService) -> RecoveryService:
    return RecoveryService(
        users=parts.users,
        email_tokens=parts.email_tokens,
        mailing=mailing,
        sessions=sessions,
        passwords=parts.passwords,
        lockout=lockout(parts),
        audit=parts.audit,
        now=parts.now,
    )
