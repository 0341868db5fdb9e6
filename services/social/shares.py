"""Sharing: an address to pass on, and how often a video was, once for each person and hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.database import Transactions, Within
from models.documents import identity
from models.shares import Share, Shares
from models.video import Video
from models.videos import Videos
from services.accounts.sessions import Device
from services.policies import Actor
from services.social.folding import BATCH, BATCHES_PER_ROUND, TARGETS_PER_ROUND, OneAtATime
from services.videos.shelf import Shelf
from services.videos.viewers import viewer_of
from services.videos.visible import visible

WINDOW_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    video: Video
    url: str
    share_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareService:
    shares: Shares
    videos: Videos
    shelf: Shelf
    transactions: Transactions
    one_at_a_time: OneAtATime
    secret: str
    base_url: str
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def share(self, actor: Actor, reference: str, channel: str, device: Device) -> Shared:
        """Note that somebody passes a video on. Again within the hour, it counts no more.

        Raises `NotFound` for a video that they may not see.
        """
        video = visible(actor, self.shelf.get(actor, reference))
        now = self.now()
        self.shares.add(
            Share(
                **identity(self.new_id()),
                video_id=video.id,
                sharer=viewer_of(actor, device, self.secret),
                window=int(now.timestamp() // WINDOW_SECONDS),
                created_at=now,
                channel=channel,
            )
        )
        url = f"{self.base_url}/videos/{video.id}"
        return Shared(video=video, url=url, share_count=self._settled(video.id))

    def fold(self) -> int:
        """Count what was cut short; returns how many videos that concerned."""
        waiting = list(self.shares.waiting(TARGETS_PER_ROUND))
        for video_id in waiting:
            self._settled(video_id)
        return len(waiting)

    def _settled(self, video_id: str) -> int:
        """The counter, with all that was written before this was called."""
        is_done = self.one_at_a_time.fold(video_id, lambda: self._fold(video_id))
        lacking = 0 if is_done else self.shares.uncounted(video_id)
        return self.videos.share_count(video_id) + lacking

    def _fold(self, video_id: str) -> None:
        for _ in range(BATCHES_PER_ROUND):
            if not self.shares.is_pending(video_id):
                break
            self.transactions.soon(lambda within: self._batch(video_id, within))

    def _batch(self, video_id: str, within: Within) -> None:
        self.videos.add_shares(video_id, self.shares.fold(video_id, BATCH, within), within)
