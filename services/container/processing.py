"""Wiring: from an upload to a video that plays."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import Any

from services.adapters.media.ffmpeg import Ffmpeg
from services.adapters.media.packager import Packager
from services.container import protection, webhooks
from services.container.parts import OUTAGES, Parts
from services.container.tracks import of_source
from services.processing.announce import Announcer
from services.processing.chunks import ChunkService
from services.processing.steps import Steps
from services.processing.transcoding import TranscodingService
from services.processing.turns import TurnService


def processing(parts: Parts) -> dict[str, Any]:
    announcer = webhooks.announcer(parts, webhooks.relay(parts))
    pieces = _pieces(parts, announcer)
    transcoding = _transcoding(parts, announcer, pieces)
    turns = TurnService(
        videos=parts.videos,
        chunks=parts.chunks,
        turns=parts.turns,
        transcoding=transcoding,
        pieces=pieces,
        now=parts.now,
    )
    return {"transcoding": transcoding, "turns": turns}


def _transcoding(parts: Parts, announcer: Announcer, pieces: ChunkService) -> TranscodingService:
    settings = parts.settings
    return TranscodingService(
        videos=parts.videos,
        storage=parts.storage,
        queue=parts.queue,
        steps=_steps(parts, announcer, pieces),
        pieces=pieces,
        announcer=announcer,
        scratch=settings.scratch_dir,
        lease_lifetime=timedelta(seconds=settings.job_lease_seconds),
        max_attempts=settings.job_attempts,
        keeps_failed=settings.failed_source_days > 0,
        worker=f"{socket.gethostname()}/{os.getpid()}",
        outages=OUTAGES,
        now=parts.now,
        new_id=parts.new_id,
    )


def _steps(parts: Parts, announcer: Announcer, pieces: ChunkService) -> Steps:
    encoder = Ffmpeg.from_settings(parts.settings, parts.tools)
    return Steps(
        videos=parts.videos,
        storage=parts.storage,
        announcer=announcer,
        encoder=encoder,
        packager=Packager(parts.tools),
        pieces=pieces,
        beside=of_source(parts, encoder),
        keys=protection.content_keys(parts),
        heights=parts.settings.renditions,
        now=parts.now,
    )


def _pieces(parts: Parts, announcer: Announcer) -> ChunkService:
    settings = parts.settings
    return ChunkService(
        videos=parts.videos,
        chunks=parts.chunks,
        storage=parts.storage,
        queue=parts.queue,
        announcer=announcer,
        encoder=Ffmpeg.from_settings(settings, parts.tools),
        scratch=settings.scratch_dir,
        heights=settings.renditions,
        seconds=settings.chunk_seconds,
        from_seconds=settings.chunk_from_seconds,
        lease_lifetime=timedelta(seconds=settings.job_lease_seconds),
        max_attempts=settings.job_attempts,
        outages=OUTAGES,
        now=parts.now,
        new_id=parts.new_id,
    )
