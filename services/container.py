"""The only place that wires: settings in, use-cases out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import uuid_utils
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from config import Settings
from models import database
from models.database import Database
from models.errors import Unavailable
from models.sessions import Sessions
from models.users import Users
from models.videos import Videos
from services.accounts import AccountService
from services.adapters.clock import Clock, RedisClock
from services.adapters.events import Events, RedisEvents
from services.adapters.media.ffmpeg import Ffmpeg
from services.adapters.media.packager import Packager
from services.adapters.media.tools import find_tools
from services.adapters.queue import JobQueue, RqQueue
from services.adapters.register import RedisSessionRegister
from services.adapters.storage import LocalStorage, Storage
from services.catalogue import CatalogueService
from services.grants import Grants
from services.passwords import Passwords
from services.playback import PlaybackService
from services.remembered import Remembered
from services.seeding import SeedingService
from services.shelf import Shelf
from services.tokens import Tokens
from services.transcoding import TranscodingService
from services.uploads import UploadService

# 000 would remember profiles for 30 minutes; this is as long as a new name may take to show.
AUTHOR_SECONDS = 5
COUNT_SECONDS = 30
SHELF_SIZE = 2_000

# What is raised while a server that CLUTCH needs is away.
OUTAGES: tuple[type[Exception], ...] = (
    *database.UNREACHABLE,
    RedisConnectionError,
    RedisTimeoutError,
    Unavailable,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What an entry point is given: every use-case, already wired."""

    settings: Settings
    accounts: AccountService
    catalogue: CatalogueService
    playback: PlaybackService
    uploads: UploadService
    transcoding: TranscodingService
    seeding: SeedingService
    storage: Storage
    queue: JobQueue
    events: Events
    clock: Clock
    readiness: Readiness
    # Creates what the database lacks: run once before the first request.
    prepare: Callable[[], None]


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
    mongo: Database
    redis: Redis
    users: Users
    videos: Videos
    shelf: Shelf
    sessions: Sessions
    tokens: Tokens
    passwords: Passwords
    storage: Storage
    queue: JobQueue
    events: Events
    now: Callable[[], datetime]
    new_id: Callable[[], str]


def build(
    settings: Settings | None = None,
    *,
    now: Callable[[], datetime] = now,
    new_id: Callable[[], str] = new_id,
) -> Services:
    """Connect, and wire every use-case. One call per process, after any fork."""
    parts = _parts(settings or Settings.from_env().checked(), now, new_id)
    uploads = _uploads(parts)
    repositories = (parts.users, parts.videos, parts.sessions)
    return Services(
        settings=parts.settings,
        accounts=_accounts(parts),
        catalogue=_catalogue(parts),
        playback=_playback(parts),
        uploads=uploads,
        transcoding=_transcoding(parts),
        seeding=_seeding(parts, uploads),
        storage=parts.storage,
        queue=parts.queue,
        events=parts.events,
        clock=RedisClock(parts.redis),
        readiness=Readiness(
            {"mongodb": lambda: database.ping(parts.mongo), "redis": parts.redis.ping}
        ),
        prepare=lambda: database.ensure_indexes(repositories),
    )


def _parts(settings: Settings, now: Callable[[], datetime], new_id: Callable[[], str]) -> Parts:
    mongo = database.connect(settings.mongo_url, settings.database)
    redis = connect_redis(settings.redis_url)
    videos = Videos(mongo.videos)
    return Parts(
        settings=settings,
        mongo=mongo,
        redis=redis,
        users=Users(mongo.users),
        videos=videos,
        shelf=_shelf(videos, settings.shelf_seconds),
        sessions=Sessions(mongo.sessions),
        tokens=Tokens(
            secret=settings.jwt_secret_key,
            playback_lifetime=timedelta(minutes=settings.playback_token_minutes),
            now=now,
            new_id=new_id,
        ),
        passwords=Passwords(pepper=settings.password_pepper, rounds=settings.bcrypt_rounds),
        storage=LocalStorage(settings.media_root),
        queue=RqQueue(redis),
        events=RedisEvents(redis),
        now=now,
        new_id=new_id,
    )


def _shelf(videos: Videos, seconds: int) -> Shelf:
    return Shelf(
        videos=videos,
        recent=Remembered(seconds=seconds, size=SHELF_SIZE),
        pages=Remembered(seconds=seconds, size=SHELF_SIZE // 20),
    )


def _accounts(parts: Parts) -> AccountService:
    return AccountService(
        users=parts.users,
        videos=parts.videos,
        sessions=parts.sessions,
        live=RedisSessionRegister(parts.redis),
        passwords=parts.passwords,
        tokens=parts.tokens,
        refresh_lifetime=timedelta(days=parts.settings.refresh_token_days),
        now=parts.now,
        new_id=parts.new_id,
    )


def _catalogue(parts: Parts) -> CatalogueService:
    return CatalogueService(
        videos=parts.videos,
        users=parts.users,
        shelf=parts.shelf,
        tokens=parts.tokens,
        authors=Remembered(seconds=AUTHOR_SECONDS),
        counts=Remembered(seconds=COUNT_SECONDS),
    )


def _playback(parts: Parts) -> PlaybackService:
    return PlaybackService(
        shelf=parts.shelf,
        tokens=parts.tokens,
        grants=Grants(secret=parts.settings.edge_key, now=parts.now),
    )


def _uploads(parts: Parts) -> UploadService:
    return UploadService(
        videos=parts.videos,
        users=parts.users,
        storage=parts.storage,
        queue=parts.queue,
        max_bytes=parts.settings.max_video_bytes,
        now=parts.now,
        new_id=parts.new_id,
    )


def _transcoding(parts: Parts) -> TranscodingService:
    settings = parts.settings
    tools = find_tools(settings)
    return TranscodingService(
        videos=parts.videos,
        storage=parts.storage,
        queue=parts.queue,
        events=parts.events,
        encoder=Ffmpeg.from_settings(settings, tools),
        packager=Packager(tools),
        scratch=settings.scratch_dir,
        heights=settings.renditions,
        lease_lifetime=timedelta(seconds=settings.job_lease_seconds),
        max_attempts=settings.job_attempts,
        outages=OUTAGES,
        now=parts.now,
        new_id=parts.new_id,
    )


def _seeding(parts: Parts, uploads: UploadService) -> SeedingService:
    return SeedingService(
        videos=parts.videos,
        users=parts.users,
        uploads=uploads,
        storage=parts.storage,
        passwords=parts.passwords,
        now=parts.now,
        new_id=parts.new_id,
    )
