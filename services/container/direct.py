"""Wiring: uploads that go to storage directly, pictures of videos, and receiving for the disk."""

from __future__ import annotations

from functools import partial
from typing import Any

from models.database import Transactions
from models.direct_uploads import DirectUploads
from models.uploads import UploadState
from services.container.parts import Parts
from services.uploads import direct, pictures
from services.uploads.addresses import Addresses
from services.uploads.custody import Custody
from services.uploads.direct import DirectService
from services.uploads.pictures import PictureService
from services.uploads.quota import QuotaService
from services.uploads.receiving import ReceivingService
from services.uploads.uploads import UploadService
from services.videos.keys import upload_of_picture, video_of_source
from services.videos.replacing import ReplacingService


def direct_uploads(
    parts: Parts, uploads: UploadService, quota: QuotaService, replacing: ReplacingService
) -> dict[str, Any]:
    """All of it, by the names that `Services` has for it."""
    return {
        "direct": _direct(parts, uploads, quota, replacing),
        "pictures": _pictures(parts, quota),
        "receiving": _receiving(parts),
    }


def _direct(
    parts: Parts, uploads: UploadService, quota: QuotaService, replacing: ReplacingService
) -> DirectService:
    custody = _custody(
        parts.direct_uploads,
        parts,
        quota,
        clear=partial(direct.clear, parts.storage),
        tidy=partial(direct.sweep_up, parts.storage, parts.videos),
    )
    return DirectService(
        custody=custody,
        storage=parts.storage,
        videos=uploads,
        replacing=replacing,
        part_bytes=parts.settings.upload_part_bytes,
        max_seconds=parts.settings.max_video_seconds,
        now=parts.now,
        new_id=parts.new_id,
    )


def _pictures(parts: Parts, quota: QuotaService) -> PictureService:
    rows = parts.picture_uploads
    custody = _custody(
        rows,
        parts,
        quota,
        clear=partial(pictures.clear, parts.storage),
        tidy=partial(pictures.tidy, parts.storage, parts.videos, rows.state_of),
    )
    return PictureService(
        custody=custody,
        storage=parts.storage,
        videos=parts.videos,
        transactions=Transactions(parts.mongo),
        activity=parts.activity,
        now=parts.now,
        new_id=parts.new_id,
    )


def _custody(uploads: DirectUploads, parts: Parts, quota: QuotaService, **ends: Any) -> Custody:
    return Custody(
        uploads=uploads,
        quota=quota,
        transactions=Transactions(parts.mongo),
        now=parts.now,
        new_id=parts.new_id,
        **ends,
    )


def _receiving(parts: Parts) -> ReceivingService:
    def state_of(key: str) -> UploadState | None:
        if picture := upload_of_picture(key):
            return parts.picture_uploads.state_of(picture)
        return parts.direct_uploads.state_of(video_of_source(key))

    addresses = Addresses(parts.settings.jwt_secret_key, parts.now)
    return ReceivingService(storage=parts.storage, addresses=addresses, state_of=state_of)
