"""A hold on processing: what is under way and why it failed, ending it, and beginning it again.

An administrator sees and does this for every video, its owner for their own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.audit import Action
from models.documents import After
from models.errors import Conflict, Forbidden, NotFound, Unavailable
from models.processing_queue import silent_for
from models.video import ProcessingStatus, Video
from models.videos import Videos
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.audit import Audit
from services.people.administration import require_admin
from services.policies import Actor, may_hold, may_see, owns
from services.processing.announce import Announcer
from services.videos.keys import keys_of, playback_key, poster_key, source_key
from services.webhooks.relay import EventRelay

log = logging.getLogger(__name__)

SWEPT_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A video in processing, and for how long its worker has been silent."""

    video: Video
    silent_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPage:
    items: Sequence[Held]
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingService:
    videos: Videos
    storage: Storage
    queue: JobQueue
    announcer: Announcer
    relay: EventRelay
    audit: Audit
    lease_lifetime: timedelta
    keeps_failed: timedelta
    # VIDEO_PROCESSOR: whether somebody else is to make uploads playable.
    is_external: bool
    now: Callable[[], datetime]

    def list(
        self,
        actor: Actor,
        statuses: tuple[ProcessingStatus, ...],
        *,
        after: After | None,
        limit: int,
    ) -> HeldPage:
        """Everybody's videos that wait, are under way or have failed, the newest first."""
        require_admin(actor)
        found = self.videos.in_status(statuses, after=after, limit=limit + 1)
        shown = found[:limit]
        end = After(shown[-1].created_at, shown[-1].oid) if len(found) > limit else None
        return HeldPage(items=[self._held(video) for video in shown], end=end)

    def why(self, actor: Actor, reference: str) -> Held:
        """All that is known of how one is coming along, for an administrator."""
        require_admin(actor)
        video = self.videos.get(reference)
        if video is None:
            raise NotFound("Video not found")
        return self._held(video)

    def cancel(self, actor: Actor, reference: str) -> Held:
        """End the processing of a video; whoever is at it stops within seconds.

        What plays already goes on playing. Raises `Conflict` where nothing is under way.
        """
        video = self._mine(actor, reference)
        ended = self.videos.cancel(video.id, self.now())
        if ended is not None:
            self._clear(ended)
            self.announcer.failed(ended)
        else:
            ended = self._ask_to_cancel(video)
        self._note(Action.PROCESSING_CANCELLED, actor, ended)
        return self._held(ended)

    def retry(self, actor: Actor, reference: str) -> Held:
        """Process what failed, or was cancelled, again.

        Raises `Conflict` where it has not failed, or its upload is not kept any more.
        """
        video = self._mine(actor, reference)
        begun = self.videos.retry(video, self.now(), external=self.is_external)
        if begun is None:
            failed = video.processing_status is ProcessingStatus.ERROR
            gone = "Its upload is not kept any more. Please upload the video again."
            raise Conflict(gone if failed else "Processing has not failed.")
        self._begin(begun)
        self._note(Action.PROCESSING_RETRIED, actor, begun)
        return self._held(begun)

    def discard_failed_sources(self) -> int:
        """Remove the uploads of what failed long ago; returns how many."""
        before = self.now() - self.keeps_failed
        found = self.videos.failed_sources(before, SWEPT_AT_ONCE)
        return sum(self._discard(video_id, before) for video_id in found)

    def _discard(self, video_id: str, before: datetime) -> bool:
        # Noted first, so that nobody takes up what is being removed.
        if not self.videos.forget_source(video_id, before):
            return False
        self.storage.remove(source_key(video_id))
        self._weigh(video_id)
        return True

    def _mine(self, actor: Actor, reference: str) -> Video:
        video = self.videos.get(reference)
        if video is None or not (may_hold(actor, video) or may_see(actor, video)):
            raise NotFound("Video not found")
        if not may_hold(actor, video):
            raise Forbidden("Only its owner and administrators may do this.")
        return video

    def _ask_to_cancel(self, video: Video) -> Video:
        asked = self.videos.ask_to_cancel(video.id)
        if asked is None:
            raise Conflict("Nothing is being processed.")
        self._enqueue(video.id)
        return asked

    def _begin(self, video: Video) -> None:
        if self.is_external:
            self.relay.pass_on(video.id)
        else:
            self._enqueue(video.id)

    def _enqueue(self, video_id: str) -> None:
        try:
            self.queue.enqueue(Job.PROCESS_VIDEO, video_id)
        except Unavailable:
            log.warning("not queued, left to the sweeper", extra={"video_id": video_id})

    def _clear(self, video: Video) -> None:
        """As after a failure: what nobody can play goes, and the upload stays for another try."""
        if not video.playable:
            self.videos.forget_poster(video.id)
            self.storage.remove(playback_key(video.id))
            self.storage.remove(poster_key(video.id))
        self._weigh(video.id)

    def _weigh(self, video_id: str) -> None:
        self.videos.weighed(video_id, sum(map(self.storage.size, keys_of(video_id))))

    def _held(self, video: Video) -> Held:
        silent = silent_for(video.processing, self.lease_lifetime, self.now())
        return Held(video=video, silent_seconds=silent)

    def _note(self, action: Action, actor: Actor, video: Video) -> None:
        """What somebody does with their own needs no entry."""
        if not owns(actor, video):
            details = {"video_id": video.id}
            self.audit.record(action, user_id=video.author_id, actor_id=actor.id, **details)
