"""The one place that says how a video is coming along: progress, playable, ready, failed.

Its owner hears it wherever they are connected. `listeners` are others who want to know: each is
called after MongoDB has it in writing, from inside the job.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from models.video import Video
from services.adapters.events import Events
from services.processing.ladder import Rendition

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Told `playable`, `ready` or `failed`, perhaps more than once."""

    def __call__(self, event: str, video: Video) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcer:
    events: Events
    listeners: tuple[Listener, ...] = ()

    def progress(self, video: Video, stage: str, percent: float) -> None:
        self._tell(video, "processing", stage=stage, percent=percent)

    def playable(self, video: Video, renditions: Iterable[Rendition]) -> None:
        """There is something to play, or more than before."""
        self._tell(video, "playable", renditions=[r.name for r in renditions])
        self._pass_on("playable", video)

    def ready(self, video: Video) -> None:
        log.info("ready", extra={"video_id": video.id})
        self._tell(video, "ready")
        self._pass_on("ready", video)

    def failed(self, video: Video) -> None:
        code, message = video.processing.error_code, video.processing.error_message
        self._tell(video, "failed", code=code, message=message)
        self._pass_on("failed", video)
        log.info("failed", extra={"video_id": video.id, "reason": code})

    def _tell(self, video: Video, event: str, **data: object) -> None:
        said = {"type": event, "video_id": video.id, **data}
        self.events.publish(f"user:{video.author_id}", said)

    def _pass_on(self, event: str, video: Video) -> None:
        for listener in self.listeners:
            listener(event, video)
