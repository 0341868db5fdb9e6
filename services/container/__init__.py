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
from services.container import (
    accounts,
    browsing,
    foreign,
    limits,
    mail,
    management,
    media,
    membership,
    notices,
    protection,
    social,
    storages,
)
from services.container import live as live_streams
from services.container import people as persons
from services.container import webhooks as hooks
from services.container.comments import commenting
from services.container.direct import direct_uploads
from services.container.library import library
from services.container.openid import openid
from services.container.parts import OUTAGES, Parts, Readiness, connect, connect_redis, new_id, now
from services.container.processing import processing
from services.container.tracks import tracks
from services.library.checking import CheckService
from services.library.moving import MoveService
from services.mailing import MailService
from services.people.administration import AdministrationService
from services.people.channels import ChannelService
from services.people.deletion import DeletionService
from services.people.export import ExportService
from services.people.history import HistoryService
from services.people.operating import OperatingService
from services.people.people import PeopleService
from services.playback.heartbeats import HeartbeatService
from services.playback.licences import LicenceService
from services.playback.playback import PlaybackService
from services.processing.holding import ProcessingService
from services.processing.transcoding import TranscodingService
from services.processing.turns import TurnService
from services.seeding import SeedingService
from services.social.blocking import BlockService
from services.social.comments import CommentService
from services.social.feed import FeedService
from services.social.follows import FollowService
from services.social.moderation import ModerationService
from services.social.reactions import ReactionService
from services.social.recounting import RecountService
from services.social.reporting import ReportService
from services.tracks.captions import CaptionService
from services.tracks.presenting import PresentingService
from services.tracks.sounds import AudioTrackService
from services.tracks.tidying import TidyingService
from services.uploads.direct import DirectService
from services.uploads.pictures import PictureService
from services.uploads.quota import QuotaService
from services.uploads.receiving import ReceivingService
from services.uploads.resumable import ResumableService
from services.uploads.uploads import UploadService
from services.videos.browsing import BrowsingService
from services.videos.catalogue import CatalogueService
from services.videos.categories import CategoryService
from services.videos.editing import EditingService
from services.videos.related import RelatedService
from services.videos.removal import RemovalService
from services.videos.replacing import ReplacingService
from services.videos.scheduling import SchedulingService
from services.videos.totals import TotalService
from services.videos.views import ViewService
from services.webhooks.arriving import ArrivalService
from services.webhooks.delivering import DeliveryService
from services.webhooks.endpoints import EndpointService
from services.webhooks.relay import EventRelay

__all__ = ["OUTAGES", "Services", "build", "connect_redis", "new_id", "now"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services(live_streams.Live):
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
    browsing: BrowsingService
    related: RelatedService
    totals: TotalService
    categories: CategoryService
    editing: EditingService
    replacing: ReplacingService
    removal: RemovalService
    scheduling: SchedulingService
    views: ViewService
    reactions: ReactionService
    follows: FollowService
    comments: CommentService
    moderation: ModerationService
    reports: ReportService
    blocking: BlockService
    feeds: FeedService
    recounting: RecountService
    playback: PlaybackService
    heartbeats: HeartbeatService
    licences: LicenceService
    uploads: UploadService
    resumable: ResumableService
    direct: DirectService
    pictures: PictureService
    receiving: ReceivingService
    quota: QuotaService
    configuration: ConfigurationService
    transcoding: TranscodingService
    turns: TurnService
    captions: CaptionService
    audio_tracks: AudioTrackService
    presenting: PresentingService
    tidying: TidyingService
    seeding: SeedingService
    webhooks: EndpointService
    webhook_deliveries: DeliveryService
    event_relay: EventRelay
    arrivals: ArrivalService
    processing: ProcessingService
    library_check: CheckService
    library_move: MoveService
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
    replacing = management.replacing(parts, media.catalogue(parts), uploads, quota)
    second_factors = accounts.second_factors(parts, sessions)
    mailing = mail.mailing(parts)
    registration = membership.registration(parts)
    verification = mail.verification(parts, mailing)
    history = persons.history(parts)
    people = persons.people(parts, sessions, history, verification)
    return Services(
        accounts=accounts.accounts(parts, sessions, second_factors, verification, registration),
        sessions=sessions,
        second_factors=second_factors,
        mailing=mailing,
        verification=verification,
        **people,
        **browsing.browsing(parts, media.catalogue(parts), people["people"]),
        **management.management(parts, media.catalogue(parts)),
        **social.social(parts, people["people"], media.catalogue(parts)),
        registration=registration,
        **_membership(parts, sessions, second_factors),
        **_by_mail(parts, sessions, registration, mailing),
        openid=openid(parts, sessions, second_factors, verification),
        **protection.licensed(parts, media.playback(parts, history, sessions)),
        uploads=uploads,
        **_uploading(parts, uploads, replacing, quota),
        quota=quota,
        configuration=configuration,
        **_independent(parts),
        **_plumbing(parts),
    )


def _by_mail(
    parts: Parts, sessions: SessionService, registration: Registration, mailing: MailService
) -> dict[str, Any]:
    """What writes to people."""
    return {
        "recovery": mail.recovery(parts, sessions, mailing),
        "invitations": membership.invitations(parts, registration, mailing),
        **hooks.webhooks(parts, mailing, hooks.relay(parts)),
        **notices.notices(parts, mailing),
    }


def _uploading(
    parts: Parts, uploads: UploadService, replacing: ReplacingService, quota: QuotaService
) -> dict[str, Any]:
    """What becomes an upload in the end."""
    return {
        "replacing": replacing,
        "resumable": limits.resumable(parts, uploads, replacing, quota),
        **direct_uploads(parts, uploads, quota, replacing),
        **live_streams.live(parts, media.catalogue(parts), replacing),
        "seeding": media.seeding(parts, uploads),
    }


def _membership(
    parts: Parts, sessions: SessionService, second_factors: SecondFactorService
) -> dict[str, Any]:
    """What is done with accounts by others than their owners, and their end."""
    return {
        "administration": membership.administration(parts, sessions),
        "deletion": membership.deletion(parts, sessions, second_factors),
        "operating": membership.operating(parts, sessions),
    }


def _independent(parts: Parts) -> dict[str, Any]:
    """Use-cases that need none of the others."""
    return {
        **library(parts),
        "export": membership.export(parts),
        **commenting(parts),
        "identities": foreign.identities(parts),
        "signatures": foreign.signatures(parts),
        **processing(parts),
        **tracks(parts),
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
        "prepare": lambda: _prepare(parts),
    }


def _prepare(parts: Parts) -> None:
    storages.require(parts.storage)
    database.ensure_indexes(parts.repositories)
