"""Telling of videos: their authors how processing ended, their followers that there is a new one.

A creator may have a million followers: a job tells them, few at a time, and notes how far it has
come. Killed anywhere, it goes on from there, and tells nobody twice (models/notifications.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from models.announcements import Announcement, VideoEvent
from models.blocks import Blocks
from models.documents import After, identity
from models.errors import Unavailable
from models.follows import Follow, Follows
from models.notifications import Notification, NotificationKind
from models.recipients import Recipients
from models.tellings import Telling, Tellings
from models.users import Users
from models.video import ProcessingStatus, Video
from models.videos import Videos
from services.adapters.queue import Job, JobQueue
from services.policies import is_public
from services.social.notifications import (
    NotificationService,
    Told,
    event_of,
    video_target,
    wants,
)
from services.social.sentences import sentence
from services.tracks.presenting import is_early

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
# How long a film is left alone that may yet turn out to be bad (ADR 12).
PAUSE = timedelta(seconds=15)
BATCH = 500
# Then videos that wait for the same workers have their turn; the sweeper goes on.
BATCHES_PER_JOB = 100
# A WebSocket tells this many. A million events at once would push all others out of the stream
# (services/adapters/events.py); the notifications themselves are there for everybody.
PUSHED_AT_MOST = 1_000
SWEPT_AT_ONCE = 100

_ENDS = {
    VideoEvent.READY: NotificationKind.VIDEO_READY,
    VideoEvent.FAILED: NotificationKind.VIDEO_FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingService:
    tellings: Tellings
    follows: Follows
    blocks: Blocks
    recipients: Recipients
    users: Users
    videos: Videos
    notifications: NotificationService
    queue: JobQueue
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def heard(self, video: Video, announcement: Announcement) -> None:
        """Something happened to a video. May be said more than once."""
        event_id = announcement.id_for(video.id)
        if kind := _ENDS.get(announcement.event):
            about = video_target(video.id)
            self.notifications.notify(
                video.author_id, kind, target=about, event_id=event_id, at=announcement.at
            )
        elif announcement.event is VideoEvent.PUBLISHED:
            self._begin(video, event_id, announcement.at)

    def run(self, telling_id: str) -> None:
        """Tell followers, from where it stopped; a job calls this."""
        now = self.now()
        telling = self.tellings.claim(telling_id, self.new_id(), now=now, until=now + LEASE)
        if telling is None:
            return
        if self._may_be_taken_back(telling):
            self.tellings.release(telling, self.now() + PAUSE)
            return
        for _ in range(BATCHES_PER_JOB):
            step = self._tell_batch(telling)
            if step is None:
                self.tellings.finish(telling)
                return
            if not self.tellings.advance(telling, step.end, step.told, until=self.now() + LEASE):
                return  # another has taken it over
            telling = step.applied_to(telling)
        self.tellings.release(telling, self.now())

    def sweep(self) -> int:
        """Queue what nobody is at; returns how many were not queued already."""
        waiting = self.tellings.unattended(self.now(), SWEPT_AT_ONCE)
        return sum(self.queue.enqueue(Job.TELL_FOLLOWERS, each) for each in waiting)

    def _begin(self, video: Video, event_id: str, at: datetime) -> None:
        is_new = self.tellings.add(
            Telling(
                **identity(event_id),
                video_id=video.id,
                author_id=video.author_id,
                published_at=at,
                lease_until=self.now(),
            )
        )
        if not is_new:
            return
        try:
            self.queue.enqueue(Job.TELL_FOLLOWERS, event_id)
        except Unavailable:
            log.warning("followers wait for the sweeper", extra={"video_id": video.id})

    def _may_be_taken_back(self, telling: Telling) -> bool:
        """Whether what plays is still being encoded, or was taken back to be begun again."""
        video = self.videos.get(telling.video_id)
        if video is None or video.live_status is not None:
            return False
        is_whole = video.playable and not is_early(video)
        return not is_whole and video.processing_status is ProcessingStatus.PROCESSING

    def _tell_batch(self, telling: Telling) -> Step | None:
        """None once nobody is left to tell, or there is nothing to tell of any more."""
        video = self.videos.get(telling.video_id)
        if video is None or not is_public(video):
            return None
        rows = self.follows.followers(telling.author_id, after=telling.after, limit=BATCH)
        if not rows:
            return None
        news = self._news(telling, rows)
        self.notifications.notifications.tell_many((row, telling.id) for row, _ in news)
        if telling.told + len(rows) <= PUSHED_AT_MOST:
            self._push(video, [row for row, pushed in news if pushed])
        return Step(end=After(rows[-1].created_at, rows[-1].oid), told=len(rows))

    def _news(self, telling: Telling, rows: list[Follow]) -> list[tuple[Notification, bool]]:
        """One for each who wants to know, and whether they want to hear of it at once."""
        found = self.recipients.many(row.follower_id for row in rows)
        kept_away = self.blocks.who_blocks(telling.author_id, found)
        kind, author_id = NotificationKind.NEW_VIDEO, telling.author_id
        about, at = video_target(telling.video_id), telling.published_at
        return [
            (
                self.notifications.row(one, kind, author_id, about, at=at),
                one.settings.notifications.push,
            )
            for one in found.values()
            if wants(one, kind) and one.id not in kept_away
        ]

    def _push(self, video: Video, rows: list[Notification]) -> None:
        authors = list(self.users.authors([video.author_id]).values())
        names = [author.display_name or author.username for author in authors]
        said = sentence(NotificationKind.NEW_VIDEO, names, 1, video.title)
        for row in rows:
            told = Told(notification=row, actors=authors, video=video, message=said)
            self.notifications.events.publish(f"user:{row.user_id}", event_of(told))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a batch has come."""

    end: After
    told: int

    def applied_to(self, telling: Telling) -> Telling:
        return replace(
            telling,
            after_at=self.end.value,
            after_oid=self.end.oid,
            told=telling.told + self.told,
        )
