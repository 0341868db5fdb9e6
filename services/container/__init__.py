"""The only place that wires: settings in, use-cases out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from config import Settings
from models import database
from services.accounts import AccountService
from services.adapters.clock import Clock, RedisClock
from services.adapters.events import Events
from services.adapters.queue import JobQueue
from services.adapters.storage import Storage
from services.audit import Audit
from services.catalogue import CatalogueService
from services.container import accounts, media
from services.container.parts import OUTAGES, Readiness, connect, connect_redis, new_id, now
from services.playback import PlaybackService
from services.seeding import SeedingService
from services.sessions import SessionService
from services.transcoding import TranscodingService
from services.uploads import UploadService

__all__ = ["OUTAGES", "Services", "build", "connect_redis", "new_id", "now"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What an entry point is given: every use-case, already wired."""

    settings: Settings
    accounts: AccountService
    sessions: SessionService
    audit: Audit
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


def build(
    settings: Settings | None = None,
    *,
    now: Callable[[], datetime] = now,
    new_id: Callable[[], str] = new_id,
) -> Services:
    """Connect, and wire every use-case. One call per process, after any fork."""
    parts = connect(settings or Settings.from_env().checked(), now, new_id)
    uploads, sessions = media.uploads(parts), accounts.sessions(parts)
    return Services(
        settings=parts.settings,
        accounts=accounts.accounts(parts, sessions),
        sessions=sessions,
        audit=parts.audit,
        catalogue=media.catalogue(parts),
        playback=media.playback(parts),
        uploads=uploads,
        transcoding=media.transcoding(parts),
        seeding=media.seeding(parts, uploads),
        storage=parts.storage,
        queue=parts.queue,
        events=parts.events,
        clock=RedisClock(parts.redis),
        readiness=Readiness(
            {"mongodb": lambda: database.ping(parts.mongo), "redis": parts.redis.ping}
        ),
        prepare=lambda: database.ensure_indexes(parts.repositories),
    )
