"""Counting views: one for each person, video and hour, and how long they watched.

Who watches is told by their account, or else by their address and program, as a keyed hash. A
report is written down before it is answered (models/views.py). The scheduler folds what is written
down into the counters: a video that everybody watches changes once a few seconds, not at each view.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.database import Transactions, Within
from models.documents import identity
from models.errors import Busy
from models.users import Users
from models.video import Video
from models.videos import Videos
from models.views import View, Views
from services.accounts.sessions import Device
from services.adapters.events import Events
from services.people.activity import Activity
from services.policies import Actor
from services.remembered import Remembered
from services.videos.shelf import Shelf
from services.videos.viewers import viewer_of
from services.videos.visible import visible

# Rows of one transaction, and videos of one round of the scheduler's.
BATCH = 500
VIDEOS_PER_ROUND = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a player tells. `watch_seconds` is what was watched since it last did (000)."""

    watch_seconds: float = 0.0
    quality: str = ""


@dataclass(slots=True)
class Tally:
    """How many views a video has, with those of this process since that was asked."""

    views: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewService:
    views: Views
    videos: Videos
    users: Users
    shelf: Shelf
    activity: Activity
    events: Events
    transactions: Transactions
    # For a second: the counter, and what is not folded yet.
    tallies: Remembered[str, Tally]
    secret: str
    window: timedelta
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def record(self, actor: Actor, reference: str, report: Report, device: Device) -> int:
        """Note that somebody watches; answers how many views there are now.

        Raises `NotFound` for a video that they may not see.
        """
        video = visible(actor, self.shelf.get(actor, reference))
        is_new = self._note(video, self._viewer(actor, device), report)
        self.activity.note(actor)
        return self._total(video, is_new=is_new)

    def fold(self) -> int:
        """Add to the counters what is written down; returns how many rows that were."""
        return sum(self._fold(video_id) for video_id in self.views.waiting(VIDEOS_PER_ROUND))

    def _note(self, video: Video, viewer: str, report: Report) -> bool:
        """Whether it is a view of its own, or goes on with one."""
        latest = self.views.latest(video.id, viewer)
        if latest is None or self.now() - latest.started_at >= self.window:
            number = latest.number + 1 if latest else 0
            if self.views.add(self._new(video, viewer, number, report)):
                return True
            latest = self.views.latest(video.id, viewer)
        if latest and report.watch_seconds > 0:
            self.views.watched(
                latest,
                report.watch_seconds,
                quality=report.quality,
                most_seconds=self._most(video),
                now=self.now(),
            )
        return False

    def _new(self, video: Video, viewer: str, number: int, report: Report) -> View:
        now = self.now()
        return View(
            **identity(self.new_id()),
            video_id=video.id,
            viewer=viewer,
            number=number,
            started_at=now,
            reported_at=now,
            watch_seconds=min(report.watch_seconds, self._most(video)),
            quality=report.quality,
        )

    def _most(self, video: Video) -> float:
        """How long one view can be; of what plays elsewhere the length is not known."""
        return video.duration_seconds or self.window.total_seconds()

    def _viewer(self, actor: Actor, device: Device) -> str:
        return viewer_of(actor, device, self.secret)

    def _total(self, video: Video, *, is_new: bool) -> int:
        known = self.tallies.known(video.id)
        if known is None:
            known = Tally(self.transactions.run(lambda within: self._counted(video.id, within)))
            self.tallies.keep(video.id, known)
        elif is_new:
            known.views += 1
        return known.views

    def _counted(self, video_id: str, within: Within) -> int:
        """The counter and what is still to be added, as of one moment."""
        return self.videos.view_count(video_id, within) + self.views.uncounted(video_id, within)

    def _fold(self, video_id: str) -> int:
        done = 0
        # What a killed process was at is held until MongoDB ends it: others need not wait for that.
        with suppress(Busy):
            rows = BATCH
            while rows == BATCH:
                rows = self.transactions.soon(lambda within: self._fold_batch(video_id, within))
                done += rows
        if done:
            self._tell(video_id)
        return done

    def _fold_batch(self, video_id: str, within: Within) -> int:
        added, rows = self.views.fold(video_id, BATCH, within)
        if rows:
            author_id = self.videos.add_views(video_id, added, within)
            if author_id and added.views:
                self.users.add_views(author_id, added.views, within)
        return rows

    def _tell(self, video_id: str) -> None:
        """000's live counters, for who watches the page."""
        video = self.videos.get(video_id)
        if video is not None:
            data = {"view_count": video.view_count}
            told = {"type": "video_update", "video_id": video_id, "data": data}
            self.events.publish(f"video:{video_id}", told)
