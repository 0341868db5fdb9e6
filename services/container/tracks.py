"""Wiring: captions, further sounds, and the manifests that name them."""

from __future__ import annotations

from typing import Any

from models.video import Video
from services.adapters.media.packager import Packager
from services.adapters.media.sounds import Sounds
from services.adapters.media.storyboard import Storyboards
from services.container import protection
from services.container.parts import Parts
from services.processing.announce import Listener
from services.processing.encoder import Encoder
from services.tracks.captions import CaptionService
from services.tracks.changes import TrackChanges
from services.tracks.of_source import SourceTracks
from services.tracks.presenting import PresentingService
from services.tracks.sounds import AudioTrackService
from services.tracks.tidying import TidyingService


def tracks(parts: Parts) -> dict[str, Any]:
    """The use-cases, by their names among the services."""
    shared = {"changes": _changes(parts), "storage": parts.storage}
    own = {"now": parts.now, "new_id": parts.new_id}
    return {
        "captions": CaptionService(**shared, **own),
        "audio_tracks": AudioTrackService(**shared, **own),
        "presenting": presenting(parts),
        "tidying": TidyingService(videos=parts.videos, storage=parts.storage, now=parts.now),
    }


def presenting(parts: Parts) -> PresentingService:
    return PresentingService(
        videos=parts.videos,
        changes=_changes(parts),
        storage=parts.storage,
        queue=parts.queue,
        events=parts.events,
        sounds=Sounds(parts.tools),
        packager=Packager(parts.tools),
        keys=protection.content_keys(parts),
        scratch=parts.settings.scratch_dir,
        now=parts.now,
    )


def of_source(parts: Parts, encoder: Encoder) -> SourceTracks:
    return SourceTracks(
        changes=_changes(parts),
        presenting=presenting(parts),
        encoder=encoder,
        storyboards=Storyboards(parts.tools),
        now=parts.now,
    )


def on_playable(parts: Parts) -> Listener:
    """Has manifests name all tracks over each new set of renditions."""
    service = presenting(parts)

    def present(event: str, video: Video) -> None:
        if event == "playable" and video.tracks.revision:
            service.present(video.id)

    return present


def _changes(parts: Parts) -> TrackChanges:
    return TrackChanges(videos=parts.videos, queue=parts.queue, now=parts.now)
