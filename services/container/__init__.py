"""The only place that wires: settings in, use-cases out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config import Settings
from models import database
from services.accounts.accounts import AccountService
from services.accounts.identities import IdentityService
from services.accounts.invitations import InvitationService
from services.accounts.openid import OpenIdService
from services.accounts.recovery import RecoveryService
from services.accounts.registration import Registration
from services.accounts.second_factor import SecondFactorService
from services.accounts.sessions import SessionService
from services.accounts.signatures import RequestSignatures
from services.accounts.verification import VerificationService
from services.adapters.clock import Clock, RedisClock
from services.adapters.events import Events
from services.adapters.queue import JobQueue
from services.adapters.storage import Storage
from services.audit import Audit
from services.configuration import ConfigurationService
from services.container import accounts, foreign, limits, mail, media, membership
from services.container import people as persons
from services.container.openid import openid
from services.container.parts import OUTAGES, Parts, Readiness, connect, connect_redis, new_id, now
from services.mailing import MailService
from services.people.administration import AdministrationService
from services.people.channels import ChannelService
from services.people.deletion import DeletionService
from services.people.export import ExportService
from services.people.history import HistoryService
from services.people.operating import OperatingService
from services.people.people import PeopleService
from services.playback.playback import PlaybackService
from services.processing.transcoding import TranscodingService
from services.seeding import SeedingService
from services.uploads.quota import QuotaService
from services.uploads.resumable import ResumableService
from services.uploads.uploads import UploadService
from services.videos.catalogue import CatalogueService

__all__ = ["OUTAGES", "Services", "build", "connect_redis", "new_id", "now"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What an entry point is given: every use-case, already wired."""

    settings: Settings
    accounts: AccountService
    sessions: SessionService
    second_factors: SecondFactorService
    mailing: MailService
    verification: VerificationService
    recovery: RecoveryService
    people: PeopleService
    channels: ChannelService
    history: HistoryService
    registration: Registration
    invitations: InvitationService
    administration: AdministrationService
    deletion: DeletionService
    export: ExportService
    operating: OperatingService
    identities: IdentityService
    # None unless REQUEST_SIGNATURE_SECRET is set.
    signatures: RequestSignatures | None
    openid: OpenIdService
    audit: Audit
    catalogue: CatalogueService
    playback: PlaybackService
    uploads: UploadService
    resumable: ResumableService
    quota: QuotaService
    configuration: ConfigurationService
    transcoding: TranscodingService
    seeding: SeedingService
    storage: Storage
    queue: JobQueue
    events: Events
    clock: Clock
    readiness: Readiness
    # Creates what the database lacks: run once before the first request.
    prepare: Callable[[], None]


def build(
    settings: Settings | None = None,
    *,
    now: Callable[[], datetime] = now,
    new_id: Callable[[], str] = new_id,
) -> Services:
    """Connect, and wire every use-case. One call per process, after any fork."""
    parts = connect(settings or Settings.from_env().checked(), now, new_id)
    configuration = limits.configuration(parts)
    quota = limits.quota(parts, configuration)
    uploads, sessions = media.uploads(parts, configuration, quota), accounts.sessions(parts)
    second_factors = accounts.second_factors(parts, sessions)
    mailing = mail.mailing(parts)
    registration = membership.registration(parts)
    verification = mail.verification(parts, mailing)
    history = persons.history(parts)
    return Services(
        accounts=accounts.accounts(parts, sessions, second_factors, verification, registration),
        sessions=sessions,
        second_factors=second_factors,
        mailing=mailing,
        verification=verification,
        recovery=mail.recovery(parts, sessions, mailing),
        **persons.people(parts, sessions, history, verification),
        registration=registration,
        invitations=membership.invitations(parts, registration, mailing),
        administration=membership.administration(parts, sessions),
        deletion=membership.deletion(parts, sessions, second_factors),
        operating=membership.operating(parts, sessions),
        openid=openid(parts, sessions, second_factors, verification),
        playback=media.playback(parts, history),
        uploads=uploads,
        resumable=limits.resumable(parts, uploads, quota),
        quota=quota,
        configuration=configuration,
        seeding=media.seeding(parts, uploads),
        **_independent(parts),
        **_plumbing(parts),
    )


def _independent(parts: Parts) -> dict[str, Any]:
    """Use-cases that need none of the others."""
    return {
        "export": membership.export(parts),
        "identities": foreign.identities(parts),
        "signatures": foreign.signatures(parts),
        "catalogue": media.catalogue(parts),
        "transcoding": media.transcoding(parts),
    }


def _plumbing(parts: Parts) -> dict[str, Any]:
    """What is handed on as it is."""
    return {
        "settings": parts.settings,
        "audit": parts.audit,
        "storage": parts.storage,
        "queue": parts.queue,
        "events": parts.events,
        "clock": RedisClock(parts.redis),
        "readiness": Readiness(
            {"mongodb": lambda: database.ping(parts.mongo), "redis": parts.redis.ping}
        ),
        "prepare": lambda: database.ensure_indexes(parts.repositories),
    }
