"""Wiring: what owners do with their videos, categories, and counting views."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from models.database import Transactions
from services.container.parts import Parts
from services.remembered import Remembered
from services.uploads.quota import QuotaService
from services.uploads.uploads import UploadService
from services.videos.catalogue import CatalogueService
from services.videos.categories import CategoryService
from services.videos.describing import Describing
from services.videos.editing import EditingService
from services.videos.removal import RemovalService
from services.videos.replacing import ReplacingService
from services.videos.scheduling import SchedulingService
from services.videos.views import ViewService

# How long the answer to a view may lack the views that other processes note.
TALLY_SECONDS = 1


def categories(parts: Parts) -> CategoryService:
    return CategoryService(
        categories=parts.categories, videos=parts.videos, now=parts.now, new_id=parts.new_id
    )


def describing(parts: Parts) -> Describing:
    return Describing(categories=categories(parts), now=parts.now)


def editing(parts: Parts, catalogue: CatalogueService) -> EditingService:
    return EditingService(
        videos=parts.videos,
        shelf=parts.shelf,
        catalogue=catalogue,
        categories=categories(parts),
        activity=parts.activity,
        events=parts.events,
        now=parts.now,
    )


def replacing(
    parts: Parts, catalogue: CatalogueService, uploads: UploadService, quota: QuotaService
) -> ReplacingService:
    return ReplacingService(
        videos=parts.videos,
        editing=editing(parts, catalogue),
        uploads=uploads,
        quota=quota,
        transactions=Transactions(parts.mongo),
        storage=parts.storage,
        queue=parts.queue,
        events=parts.events,
        now=parts.now,
    )


def management(parts: Parts, catalogue: CatalogueService) -> dict[str, Any]:
    """What needs no other use-case, by the names that `Services` has for it."""
    return {
        "editing": editing(parts, catalogue),
        "removal": _removal(parts, catalogue),
        "scheduling": SchedulingService(videos=parts.videos, events=parts.events, now=parts.now),
        "categories": categories(parts),
        "views": _views(parts),
    }


def _removal(parts: Parts, catalogue: CatalogueService) -> RemovalService:
    known = (getattr(repository, "forget_video", None) for repository in parts.repositories)
    return RemovalService(
        videos=parts.videos,
        users=parts.users,
        shelf=parts.shelf,
        storage=parts.storage,
        queue=parts.queue,
        events=parts.events,
        audit=parts.audit,
        activity=parts.activity,
        catalogue=catalogue,
        editing=editing(parts, catalogue),
        forgetting=tuple(forget for forget in known if forget),
        restorable=timedelta(days=parts.settings.video_restore_days),
        now=parts.now,
    )


def _views(parts: Parts) -> ViewService:
    return ViewService(
        views=parts.views,
        videos=parts.videos,
        users=parts.users,
        shelf=parts.shelf,
        activity=parts.activity,
        events=parts.events,
        transactions=Transactions(parts.mongo),
        tallies=Remembered(seconds=TALLY_SECONDS),
        secret=parts.settings.jwt_secret_key,
        window=timedelta(seconds=parts.settings.view_window_seconds),
        now=parts.now,
        new_id=parts.new_id,
    )
