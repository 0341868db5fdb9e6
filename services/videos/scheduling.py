"""Publishing what was scheduled: by whichever scheduler comes first, once, and late if need be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.video import Video
from models.videos import Videos
from services.adapters.events import Events
from services.videos.ranking import first_score

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulingService:
    videos: Videos
    events: Events
    now: Callable[[], datetime]

    def publish_due(self) -> int:
        """Publish what is due; returns how many videos were.

        What is not processed yet shows with its first rendition.
        """
        due = self.videos.due(self.now())
        return sum(self._publish(video_id) for video_id in due)

    def _publish(self, video_id: str) -> bool:
        now = self.now()
        video = self.videos.publish_due(video_id, now=now, score=first_score(now))
        if video is None:
            return False
        log.info("published", extra={"video_id": video_id})
        self._tell(video)
        return True

    def _tell(self, video: Video) -> None:
        told = {"type": "published", "video_id": video.id}
        for channel in (f"user:{video.author_id}", f"video:{video.id}"):
            self.events.publish(channel, told)
