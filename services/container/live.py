"""Wiring: live streams."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.adapters.media.ffmpeg import Ffmpeg
from services.container import management
from services.container.audience import audience
from services.container.keeping import Keeping
from services.container.parts import Parts
from services.live.broadcasts import BroadcastService
from services.live.carrying import CarryService
from services.live.ending import EndingService
from services.videos.catalogue import CatalogueService
from services.videos.replacing import ReplacingService

# Of the longest that a video may be.
LONGEST = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Live(Keeping):
    """A part of `Services`."""

    broadcasts: BroadcastService
    live_endings: EndingService
    carrying: CarryService


def live(parts: Parts, catalogue: CatalogueService, replacing: ReplacingService) -> dict[str, Any]:
    """The use-cases, by their names among the services."""
    ending = _ending(parts, replacing)
    return {
        "broadcasts": _broadcasts(parts, catalogue, ending),
        "live_endings": ending,
        "carrying": CarryService(
            broadcasts=parts.broadcasts,
            videos=parts.videos,
            users=parts.users,
            storage=parts.storage,
            audience=audience(parts),
            ending=ending,
            # What comes until it has ended is part of its replay, which is to be a video too.
            longest=timedelta(seconds=LONGEST * parts.settings.max_video_seconds),
            most_bytes=parts.settings.live_max_bytes,
            now=parts.now,
        ),
    }


def _ending(parts: Parts, replacing: ReplacingService) -> EndingService:
    return EndingService(
        broadcasts=parts.broadcasts,
        videos=parts.videos,
        storage=parts.storage,
        queue=parts.queue,
        audience=audience(parts),
        replacing=replacing,
        joiner=Ffmpeg.from_settings(parts.settings, parts.tools),
        scratch=parts.settings.live_dir,
        patience=timedelta(seconds=parts.settings.live_reconnect_seconds),
        now=parts.now,
    )


def _broadcasts(
    parts: Parts, catalogue: CatalogueService, ending: EndingService
) -> BroadcastService:
    return BroadcastService(
        broadcasts=parts.broadcasts,
        videos=parts.videos,
        users=parts.users,
        catalogue=catalogue,
        editing=management.editing(parts, catalogue),
        describing=management.describing(parts),
        audience=audience(parts),
        ending=ending,
        activity=parts.activity,
        per_person=parts.settings.live_per_person,
        secret=parts.settings.edge_key,
        ingest_url=parts.settings.live_address,
        now=parts.now,
        new_id=parts.new_id,
    )
