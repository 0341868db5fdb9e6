"""Wiring: finding, watching, uploading and processing videos."""

from __future__ import annotations

from datetime import timedelta

from models.database import Transactions
from services.adapters.media.ffmpeg import Ffmpeg
from services.adapters.media.packager import Packager
from services.adapters.media.tools import find_tools
from services.configuration import ConfigurationService
from services.container.parts import OUTAGES, Parts
from services.people.history import HistoryService
from services.playback.grants import Grants
from services.playback.playback import PlaybackService
from services.processing.transcoding import TranscodingService
from services.remembered import Remembered
from services.seeding import SeedingService
from services.uploads.quota import QuotaService
from services.uploads.uploads import UploadService
from services.videos.catalogue import CatalogueService

# 000 would remember profiles for 30 minutes; this is as long as a new name may take to show.
AUTHOR_SECONDS = 5
COUNT_SECONDS = 30


def catalogue(parts: Parts) -> CatalogueService:
    return CatalogueService(
        videos=parts.videos,
        users=parts.users,
        shelf=parts.shelf,
        tokens=parts.tokens,
        authors=Remembered(seconds=AUTHOR_SECONDS),
        counts=Remembered(seconds=COUNT_SECONDS),
    )


def playback(parts: Parts, history: HistoryService) -> PlaybackService:
    return PlaybackService(
        shelf=parts.shelf,
        tokens=parts.tokens,
        grants=Grants(secret=parts.settings.edge_key, now=parts.now),
        history=history,
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
        now=parts.now,
        new_id=parts.new_id,
    )


def transcoding(parts: Parts) -> TranscodingService:
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


def seeding(parts: Parts, uploads: UploadService) -> SeedingService:
    return SeedingService(
        videos=parts.videos,
        users=parts.users,
        uploads=uploads,
        storage=parts.storage,
        passwords=parts.passwords,
        now=parts.now,
        new_id=parts.new_id,
    )
