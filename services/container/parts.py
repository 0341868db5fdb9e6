"""What several use-cases share: connections, repositories, adapters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore
from typing import Any

import uuid_utils
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from config import Settings
from models import database
from models.audit import AuditLog
from models.blocks import Blocks
from models.broadcasts import Broadcasts
from models.categories import Categories
from models.chunks import Chunks
from models.comment_rules import CommentRules
from models.comments import Comments
from models.configuration import Configurations
from models.content_keys import ContentKeys
from models.database import Database, Indexed, Transactions
from models.direct_uploads import DirectUploads, PictureUploads
from models.email_tokens import EmailTokens
from models.errors import Unavailable
from models.follows import Follows
from models.history import History
from models.identities import Identities
from models.invitations import Invitations
from models.mails import Mails
from models.notifications import Notifications
from models.playlist_items import PlaylistItems
from models.playlists import Playlists
from models.quotas import Quotas
from models.reactions import Reactions
from models.recipients import Recipients
from models.reports import Reports
from models.sessions import Sessions
from models.shares import Shares
from models.tellings import Tellings
from models.totals import Totals
from models.uploads import Uploads
from models.users import Users
from models.videos import Videos
from models.views import Views
from models.waiting import Turns
from models.webhook_deliveries import WebhookDeliveries
from models.webhook_endpoints import WebhookEndpoints
from services.accounts.passwords import Passwords
from services.accounts.tokens import Tokens
from services.adapters.events import Events, RedisEvents
from services.adapters.media.tools import Tools, find_tools
from services.adapters.queue import JobQueue, RqQueue
from services.adapters.register import RedisSessionRegister, SessionRegister
from services.adapters.stamps import RedisStamps, Stamps
from services.adapters.storage import Storage
from services.audit import Audit
from services.container import storages
from services.people.activity import Activity
from services.remembered import Remembered
from services.videos.shelf import Shelf

SHELF_SIZE = 2_000
# How exactly it is known when somebody was last active.
ACTIVE_SECONDS = 60

# What is raised while a server that CLUTCH needs is away.
OUTAGES: tuple[type[Exception], ...] = (
    *database.UNREACHABLE,
    RedisConnectionError,
    RedisTimeoutError,
    Unavailable,
)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether this process could serve a request now."""

    probes: dict[str, Callable[[], object]]

    def failures(self) -> dict[str, str]:
        """What does not answer and how, by name; empty when all is well."""
        return {name: why for name, probe in self.probes.items() if (why := _failure(probe))}


def _failure(probe: Callable[[], object]) -> str | None:
    try:
        probe()
    except OUTAGES as lost:
        return type(lost).__name__
    return None


def now() -> datetime:
    """The time, as MongoDB will give it back: in UTC, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def new_id() -> str:
    return str(uuid_utils.uuid7())


def connect_redis(url: str) -> Redis:
    """A client that gives up in seconds: a request must not hang on a server that is away."""
    return Redis.from_url(
        url,
        socket_timeout=2,
        socket_connect_timeout=2,
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.01), retries=2),
        health_check_interval=30,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What several use-cases share."""

    settings: Settings
    tools: Tools
    mongo: Database
    redis: Redis
    users: Users
    videos: Videos
    totals: Totals
    shelf: Shelf
    categories: Categories
    views: Views
    history: History
    activity: Activity
    sessions: Sessions
    identities: Identities
    audit_log: AuditLog
    audit: Audit
    invitations: Invitations
    mails: Mails
    email_tokens: EmailTokens
    uploads: Uploads
    direct_uploads: DirectUploads
    picture_uploads: PictureUploads
    quotas: Quotas
    configurations: Configurations
    content_keys: ContentKeys
    broadcasts: Broadcasts
    chunks: Chunks
    turns: Turns
    webhook_endpoints: WebhookEndpoints
    webhook_deliveries: WebhookDeliveries
    comments: Comments
    comment_rules: CommentRules
    reports: Reports
    blocks: Blocks
    follows: Follows
    notifications: Notifications
    recipients: Recipients
    tellings: Tellings
    shares: Shares
    playlists: Playlists
    playlist_items: PlaylistItems
    reactions: Reactions
    live: SessionRegister
    stamps: Stamps
    tokens: Tokens
    passwords: Passwords
    storage: Storage
    queue: JobQueue
    events: Events
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    @property
    def repositories(self) -> list[Indexed]:
        """Every collection, for its indexes."""
        found = (getattr(self, spec.name) for spec in fields(self))
        return [part for part in found if isinstance(getattr(type(part), "INDEXES", None), tuple)]


def connect(settings: Settings, now: Callable[[], datetime], new_id: Callable[[], str]) -> Parts:
    mongo = database.connect(settings.mongo_url, settings.database)
    redis = connect_redis(settings.redis_url)
    users, videos, log = Users(mongo.users), Videos(mongo.videos), AuditLog(mongo.audit_log)
    return Parts(
        settings=settings,
        tools=find_tools(settings),
        mongo=mongo,
        redis=redis,
        users=users,
        videos=videos,
        totals=Totals(mongo.totals),
        shelf=_shelf(videos, settings.shelf_seconds),
        categories=Categories(mongo.categories),
        views=Views(mongo.video_views),
        history=History(mongo.history),
        activity=Activity(users=users, noted=Remembered(seconds=ACTIVE_SECONDS), now=now),
        sessions=Sessions(mongo.sessions),
        identities=Identities(mongo.identities),
        audit_log=log,
        audit=Audit(log=log, now=now, new_id=new_id),
        **_collections(mongo),
        comments=Comments(mongo.comments, videos, Reactions(mongo.likes), Transactions(mongo)),
        live=RedisSessionRegister(redis),
        stamps=RedisStamps(redis, new_id),
        tokens=_tokens(settings, now, new_id),
        passwords=Passwords(
            pepper=settings.password_pepper,
            rounds=settings.bcrypt_rounds,
            # Half of the threads are left to who is signed in already.
            places=BoundedSemaphore(max(2, settings.api_threads // 2)),
        ),
        storage=storages.storage(settings, now=now),
        queue=RqQueue(redis),
        events=RedisEvents(redis),
        now=now,
        new_id=new_id,
    )


def _collections(mongo: Database) -> dict[str, Any]:
    """Repositories that need nothing but their collection."""
    return {
        "invitations": Invitations(mongo.invitations),
        "mails": Mails(mongo.mails),
        "email_tokens": EmailTokens(mongo.email_tokens),
        "uploads": Uploads(mongo.uploads),
        "direct_uploads": DirectUploads(mongo.uploads),
        "picture_uploads": PictureUploads(mongo.uploads),
        "quotas": Quotas(mongo.users),
        "configurations": Configurations(mongo.configuration),
        "content_keys": ContentKeys(mongo.content_keys),
        "broadcasts": Broadcasts(mongo.broadcasts),
        "chunks": Chunks(mongo.chunks),
        "turns": Turns(mongo.turns),
        "webhook_endpoints": WebhookEndpoints(mongo.webhook_endpoints),
        "webhook_deliveries": WebhookDeliveries(mongo.webhook_deliveries),
        "comment_rules": CommentRules(mongo.comment_rules),
        "reports": Reports(mongo.reports),
        "blocks": Blocks(mongo.blocks),
        "follows": Follows(mongo.follows),
        "notifications": Notifications(mongo.notifications),
        "recipients": Recipients(mongo.users),
        "tellings": Tellings(mongo.tellings),
        "shares": Shares(mongo.shares),
        "playlists": Playlists(mongo.playlists),
        "playlist_items": PlaylistItems(mongo.playlist_items),
        "reactions": Reactions(mongo.likes),
    }


def _tokens(settings: Settings, now: Callable[[], datetime], new_id: Callable[[], str]) -> Tokens:
    return Tokens(
        secret=settings.jwt_secret_key,
        previous=settings.jwt_secret_key_previous,
        playback_lifetime=timedelta(minutes=settings.playback_token_minutes),
        now=now,
        new_id=new_id,
    )


def _shelf(videos: Videos, seconds: int) -> Shelf:
    return Shelf(
        videos=videos,
        recent=Remembered(seconds=seconds, size=SHELF_SIZE),
        pages=Remembered(seconds=seconds, size=SHELF_SIZE // 20),
    )
