"""Heartbeats: a player says that it is still there, and how far it is; it hears where to go on."""

from __future__ import annotations

from dataclasses import dataclass

from models.errors import NotFound
from models.video import Video
from services.people.history import HistoryService
from services.playback.concurrency import Concurrency
from services.playback.playback import PlaybackService, Stream
from services.policies import Actor
from services.videos.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatService:
    playback: PlaybackService
    concurrency: Concurrency
    history: HistoryService
    shelf: Shelf

    def beat(
        self,
        actor: Actor,
        reference: str,
        stream_id: str,
        *,
        position_seconds: float | None = None,
        quality: str | None = None,
    ) -> Stream:
        """Keep the place of a stream, and answer the stream with a link that lasts on.

        What must hold while a video plays is asked anew each time. Raises `NotFound` for a stream
        that this device has not opened, `StreamLimitReached` once its place is another's, and as
        `PlaybackService.permit`.
        """
        video = self._video(actor, reference)
        self.playback.permit(actor, video)
        self.concurrency.renew(actor, video, stream_id)
        self.playback.audience.saw(video, stream_id)
        if position_seconds is not None:
            self.history.reach(actor, video, position_seconds)
        return self.playback.resolve(actor, video, quality)

    def stop(
        self,
        actor: Actor,
        reference: str,
        stream_id: str,
        *,
        position_seconds: float | None = None,
    ) -> None:
        """Free the place of a stream. One that is over is no error: players say so twice."""
        self.concurrency.end(actor, stream_id)
        video = self._video(actor, reference)
        if not self.concurrency.is_of(actor, video, stream_id):
            return
        self.playback.audience.left(video, stream_id)
        if position_seconds is not None:
            self.history.reach(actor, video, position_seconds)

    def _video(self, actor: Actor, reference: str) -> Video:
        video = self.shelf.get(actor, reference)
        if video is None:
            raise NotFound("Video not found")
        return video
