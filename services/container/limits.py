"""Wiring: what an admin configures, the weekly quota, and uploads that go on where they stopped."""

from __future__ import annotations

from models.database import Transactions
from services.adapters.incoming import Incoming
from services.configuration import ConfigurationService
from services.container.parts import Parts
from services.remembered import Remembered
from services.uploads.arrivals import Arrivals
from services.uploads.quota import QuotaService
from services.uploads.resumable import ResumableService
from services.uploads.uploads import UploadService
from services.videos.replacing import ReplacingService

# How long a changed limit takes to hold in every process.
LIMITS_SECONDS = 1
COUNT_SECONDS = 30


def configuration(parts: Parts) -> ConfigurationService:
    return ConfigurationService(
        configurations=parts.configurations,
        users=parts.users,
        videos=parts.videos,
        queue=parts.queue,
        audit=parts.audit,
        remembered=Remembered(seconds=LIMITS_SECONDS),
        counted=Remembered(seconds=COUNT_SECONDS),
        most_bytes=parts.settings.max_video_bytes,
        video_storage_path=str(parts.settings.media_root),
        now=parts.now,
    )


def quota(parts: Parts, configuration: ConfigurationService) -> QuotaService:
    return QuotaService(quotas=parts.quotas, configuration=configuration, now=parts.now)


def resumable(
    parts: Parts, uploads: UploadService, replacing: ReplacingService, quota: QuotaService
) -> ResumableService:
    incoming = Incoming(parts.storage.incoming)
    arrivals = Arrivals(
        uploads=parts.uploads,
        incoming=incoming,
        quota=quota,
        transactions=Transactions(parts.mongo),
        videos=uploads,
        replacing=replacing,
        events=parts.events,
        now=parts.now,
    )
    return ResumableService(
        uploads=parts.uploads,
        incoming=incoming,
        arrivals=arrivals,
        quota=quota,
        now=parts.now,
        new_id=parts.new_id,
    )
