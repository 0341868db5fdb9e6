"""Wiring: finding, watching, uploading and processing videos."""

from __future__ import annotations

from models.database import Transactions
from services.accounts.sessions import SessionService
from services.configuration import ConfigurationService
from services.container import management, protection, webhooks
from services.container.parts import Parts
from services.people.history import HistoryService
from services.playback.playback import PlaybackService
from services.remembered import Remembered
from services.seeding import SeedingService
from services.uploads.quota import QuotaService
from services.uploads.uploads import UploadService
from services.videos.catalogue import CatalogueService
from services.videos.own_reactions import OwnReactions

# 000 would remember profiles for 30 minutes; this is as long as a new name may take to show.
AUTHOR_SECONDS = 5
# How long one's own reaction may be wrong where a process was killed as it wrote it.
REACTION_SECONDS = 10


def catalogue(parts: Parts) -> CatalogueService:
    return CatalogueService(
        videos=parts.videos,
        users=parts.users,
        own_reactions=_own_reactions(parts),
        shelf=parts.shelf,
        tokens=parts.tokens,
        authors=Remembered(seconds=AUTHOR_SECONDS),
    )


def _own_reactions(parts: Parts) -> OwnReactions:
    return OwnReactions(
        reactions=parts.reactions,
        stamps=parts.stamps,
        remembered=Remembered(seconds=REACTION_SECONDS),
    )


def playback(parts: Parts, history: HistoryService, sessions: SessionService) -> PlaybackService:
    return PlaybackService(
        shelf=parts.shelf,
        tokens=parts.tokens,
        history=history,
        **protection.playback(parts, sessions),
    )


def uploads(
    parts: Parts, configuration: ConfigurationService, quota: QuotaService
) -> UploadService:
    return UploadService(
        videos=parts.videos,
        users=parts.users,
        activity=parts.activity,
        storage=parts.storage,
        queue=parts.queue,
        transactions=Transactions(parts.mongo),
        configuration=configuration,
        quota=quota,
        describing=management.describing(parts),
        relay=webhooks.relay(parts),
        is_external=parts.settings.video_processor == webhooks.EXTERNAL,
        now=parts.now,
        new_id=parts.new_id,
    )


def seeding(parts: Parts, uploads: UploadService) -> SeedingService:
    return SeedingService(
        videos=parts.videos,
        users=parts.users,
        uploads=uploads,
        storage=parts.storage,
        passwords=parts.passwords,
        categories=management.categories(parts),
        now=parts.now,
        new_id=parts.new_id,
    )
