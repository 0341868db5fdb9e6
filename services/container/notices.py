"""Wiring: what people are told, at once and once a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.mails import MailKind
from services.container.parts import Parts
from services.mailing import MailService, Writer
from services.social.digests import DigestService, DigestWriter, Unsubscribing
from services.social.notifications import NotificationService
from services.social.telling import TellingService


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """A part of `Services`."""

    notifications: NotificationService
    telling: TellingService
    digests: DigestService


def notifications(parts: Parts) -> NotificationService:
    return NotificationService(
        notifications=parts.notifications,
        recipients=parts.recipients,
        blocks=parts.blocks,
        users=parts.users,
        videos=parts.videos,
        events=parts.events,
        now=parts.now,
        new_id=parts.new_id,
    )


def telling(parts: Parts) -> TellingService:
    return TellingService(
        tellings=parts.tellings,
        follows=parts.follows,
        blocks=parts.blocks,
        recipients=parts.recipients,
        users=parts.users,
        videos=parts.videos,
        notifications=notifications(parts),
        queue=parts.queue,
        now=parts.now,
        new_id=parts.new_id,
    )


def writers(parts: Parts) -> dict[MailKind, Writer]:
    """What mails say that tell of notifications."""
    digest = DigestWriter(
        notifications=notifications(parts),
        unsubscribing=_unsubscribing(parts),
        hour=parts.settings.digest_hour,
        now=parts.now,
    )
    return {MailKind.DIGEST: digest.write}


def notices(parts: Parts, mailing: MailService) -> dict[str, Any]:
    """All of it, by the names that `Services` has for it."""
    return {
        "notifications": notifications(parts),
        "telling": telling(parts),
        "digests": DigestService(
            notifications=parts.notifications,
            recipients=parts.recipients,
            mailing=mailing,
            unsubscribing=_unsubscribing(parts),
            hour=parts.settings.digest_hour,
            now=parts.now,
        ),
    }


def _unsubscribing(parts: Parts) -> Unsubscribing:
    settings = parts.settings
    secrets = (settings.jwt_secret_key_previous, settings.jwt_secret_key)
    return Unsubscribing(
        recipients=parts.recipients,
        secrets=[secret for secret in secrets if secret],
        base_url=settings.base_url,
    )
