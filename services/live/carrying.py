"""Carrying a live stream: from FFmpeg's folder to viewers, second by second, under a lease.

Killed anywhere, nothing is lost but the seconds that were in FFmpeg: what was sent is in storage,
and the lease runs out, so that whoever carries it next goes on after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Protocol

from models.broadcasts import Broadcast, Broadcasts
from models.database import UNREACHABLE
from models.errors import BadMedia
from models.users import Users
from models.video import LiveStatus, Rendition
from models.videos import Videos
from services.adapters.storage import Storage
from services.live.audience import Audience
from services.live.broadcasts import LEASE
from services.live.ending import EndingService
from services.live.segments import live_key, seconds_of
from services.live.version import UNPLAYABLE, LiveVersion
from services.videos.ranking import first_score

log = logging.getLogger(__name__)

# How often it is looked for a new segment: part of what a viewer lags behind.
LOOK_SECONDS = 0.1
TICK_SECONDS = 1.0
# Of who was deactivated, or closed their account.
WITHDRAWN = "withdrawn"
TOO_LONG = "It reached the longest that a stream may be."


class Receiver(Protocol):
    """A program that makes segments of what is sent (services/adapters/media/receiving.py)."""

    folder: Path

    @property
    def is_unplayable(self) -> bool:
        """Whether it gave up, because of what is sent."""
        ...

    def is_running(self) -> bool: ...

    def end(self) -> None:
        """Have it write what it has, and wait for that."""
        ...


@dataclass(slots=True)
class _Run:
    """One stream that is being carried."""

    held: Broadcast
    version: LiveVersion
    is_live: bool = False
    viewers: int = -1
    next_tick: float = field(default_factory=monotonic)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryService:
    broadcasts: Broadcasts
    videos: Videos
    users: Users
    storage: Storage
    audience: Audience
    ending: EndingService
    longest: timedelta
    most_bytes: int
    now: Callable[[], datetime]

    def carry(self, held: Broadcast, receiver: Receiver, stop: Event) -> None:
        """Until nobody sends it any more, or it has ended, or `stop` is set."""
        folder, part = receiver.folder, held.sessions
        version = LiveVersion.begin(self.storage, held.video_id, part, folder)
        run, problem = _Run(held, version), ""
        log.info("live", extra={"video_id": held.video_id, "part": part})
        try:
            while receiver.is_running() and not stop.is_set() and self._look(run):
                stop.wait(LOOK_SECONDS)
            receiver.end()
            run.version.take()
            problem = UNPLAYABLE if receiver.is_unplayable else ""
        except BadMedia as unplayable:
            problem = unplayable.message
        finally:
            self._let_go(run, problem)

    def _look(self, run: _Run) -> bool:
        """Take what is there; False once it is over."""
        run.version.take()
        try:
            return self._has_begun(run) and self._tick(run)
        except UNREACHABLE:
            # What is sent is stored meanwhile; whether it is still ours, its lease tells later.
            log.warning("MongoDB does not answer; carrying on")
            return True

    def _has_begun(self, run: _Run) -> bool:
        """Show it, as soon as there is enough; False if there is nobody to show it to."""
        made, version = run.version.rendition, run.version
        if run.is_live or made is None or not version.can_be_played:
            return True
        now, held = self.now(), run.held
        if self.broadcasts.went_live(held.video_id, held.lease or "", now) is None:
            return False
        shown = (Rendition(name=made.name, width=made.width, height=made.height),)
        video = self.videos.go_live(held.video_id, shown, now=now, score=first_score(now))
        run.is_live, run.viewers = video is not None, -1
        return run.is_live

    def _tick(self, run: _Run) -> bool:
        if monotonic() < run.next_tick:
            return True
        run.next_tick = monotonic() + TICK_SECONDS
        held, viewers = run.held, self.audience.count(run.held.video_id)
        kept = self.broadcasts.renew(
            held.video_id, held.lease or "", until=self.now() + LEASE, viewers=viewers
        )
        if kept is None or kept.status is LiveStatus.ENDED:
            return False
        if run.is_live and viewers != run.viewers:
            run.viewers = viewers
            self.audience.tell(held.video_id, LiveStatus.LIVE, viewers)
        reason = self._why_over(run)
        if reason:
            self.ending.end(held.video_id, reason)
        return not reason

    def _why_over(self, run: _Run) -> str:
        """Empty while it may go on."""
        if self.videos.get(run.held.video_id) is None:
            return "deleted"
        if not self.users.is_active(run.held.author_id):
            return WITHDRAWN
        is_too_long = seconds_of(run.version.segments) >= self.longest.total_seconds()
        is_too_large = run.version.received_bytes >= self.most_bytes
        return TOO_LONG if is_too_long or is_too_large else ""

    def _let_go(self, run: _Run, problem: str) -> None:
        held = run.held
        try:
            left = self.broadcasts.drop(held.video_id, held.lease or "", self.now(), problem)
            if left is not None:
                self.ending.interrupted(left)
            # What was stored after the purge, which nobody would find any more.
            if self.videos.is_withdrawn(held.video_id):
                self.storage.remove(live_key(held.video_id))
        except UNREACHABLE:
            log.warning("left to the sweeper", extra={"video_id": held.video_id})
