"""Who is watching a live stream, and what all who look at it are told (000's `live_stream`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.video import LiveStatus, Video
from services.adapters.events import Events
from services.adapters.live_viewers import LiveViewers

ON_AIR = {LiveStatus.LIVE, LiveStatus.OFFLINE}


def is_on_air(video: Video) -> bool:
    """Whether it is live, or interrupted."""
    return video.live_status in ON_AIR


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    viewers: LiveViewers
    events: Events
    # For how long who opened a stream counts, from their last heartbeat.
    lease: timedelta
    now: Callable[[], datetime]

    def saw(self, video: Video, stream_id: str) -> None:
        """Somebody opened it, or watches it still. Nothing for what is not live."""
        if is_on_air(video):
            now = self.now()
            self.viewers.saw(video.id, stream_id, now=now, until=now + self.lease)

    def left(self, video: Video, stream_id: str) -> None:
        if is_on_air(video):
            self.viewers.left(video.id, stream_id)

    def count(self, video_id: str) -> int:
        return self.viewers.count(video_id, self.now()) or 0

    def tell(self, video_id: str, status: LiveStatus, viewers: int) -> None:
        """To who subscribed to the video."""
        said = "live" if status is LiveStatus.LIVE else "offline"
        event = {"type": "live_stream", "video_id": video_id, "status": said}
        self.events.publish(f"video:{video_id}", {**event, "viewer_count": viewers})
