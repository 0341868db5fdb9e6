"""Deleting videos: hidden at once, restored if their owner wants, and removed by a job if not.

Whoever has a grant of a deleted video can go on watching it while its media is stored (nginx serves
that without asking); nobody is given a new one. What must be gone at once is deleted for good.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.audit import Action
from models.documents import After
from models.errors import Conflict, Expired, Forbidden, NotFound, Unavailable
from models.users import Users
from models.video import Video
from models.videos import Videos
from services.adapters.events import Events
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.audit import Audit
from services.people.activity import Activity
from services.policies import Actor, may_edit, owns
from services.videos.catalogue import CatalogueService, VideoPage
from services.videos.editing import EditingService
from services.videos.keys import keys_of
from services.videos.listeners import tell_deleted
from services.videos.shelf import Shelf

log = logging.getLogger(__name__)

TOO_LATE = "This video cannot be restored any more."


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedList:
    items: Sequence[VideoPage]
    total: int
    has_more: bool
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalService:
    videos: Videos
    users: Users
    shelf: Shelf
    storage: Storage
    queue: JobQueue
    events: Events
    audit: Audit
    activity: Activity
    catalogue: CatalogueService
    editing: EditingService
    # `forget_video` of each collection that keeps something about videos.
    forgetting: Sequence[Callable[[str], object]]
    restorable: timedelta
    now: Callable[[], datetime]

    def delete(self, actor: Actor, reference: str, *, for_good: bool = False) -> Video:
        """Hide a video from everybody; `for_good`, it cannot be restored, deleted before or not.

        Raises `NotFound`, also for what is deleted already, or `Forbidden`.
        """
        video = self._to_delete(actor, reference, for_good=for_good)
        if video.deleted_at is None:
            video = self._take_down(actor, video)
        if for_good:
            self._purge_now(video)
        self.activity.note(actor)
        return video

    def restore(self, actor: Actor, reference: str) -> VideoPage:
        """Bring a deleted video back, as it was.

        Raises `NotFound`, `Forbidden` for an owner whose video staff has deleted, `Expired`, or
        `Conflict` for what is not deleted.
        """
        deleted = self.videos.get_deleted(reference)
        if deleted is None or not may_edit(actor, deleted):
            self._refuse_restoring(actor, reference)
            raise NotFound("Video not found")
        if not (actor.is_staff or deleted.deleted_by == actor.id):
            raise Forbidden("Staff has removed this video.")
        author = self.users.get(deleted.author_id)
        if author is None or author.deleted_at is not None:
            raise Expired(TOO_LATE)
        video = self.videos.restore(deleted.id, self.now())
        if video is None:
            self._refuse_restoring(actor, reference)
            raise Expired(TOO_LATE)
        self._note(actor, video, Action.VIDEO_RESTORED)
        return self.catalogue.page(actor, video)

    def deleted(self, actor: Actor, *, after: After | None, skip: int, limit: int) -> DeletedList:
        """One's own deleted videos that are still there, the latest first."""
        mine = actor.id or ""
        found = self.videos.deleted_of(mine, after=after, skip=skip, limit=limit + 1)
        shown = found[:limit]
        return DeletedList(
            items=self.catalogue.pages(actor, shown),
            total=self.videos.count_deleted_of(mine),
            has_more=len(found) > limit,
            end=After(shown[-1].deleted_at, shown[-1].oid) if shown else None,
        )

    def sweep(self) -> int:
        """Queue the end of what nobody can restore any more; returns how many were not queued."""
        due = self.videos.to_purge(self.now())
        return sum(self.queue.enqueue(Job.PURGE_VIDEO, video_id) for video_id in due)

    def purge(self, video_id: str) -> None:
        """Remove what is left of a deleted video; a job calls this. Raising: try again later."""
        # First of all: from here on nobody can restore it, and a worker that is still at it removes
        # what it stores after this (services/processing/transcoding.py).
        video = self.videos.condemn(video_id, self.now())
        if video is None:
            log.info("nothing to do", extra={"video_id": video_id})
            return
        for key in keys_of(video_id):
            self.storage.remove(key)
        for forget_video in self.forgetting:
            forget_video(video_id)
        # Last: until then the sweeper finds it.
        self.videos.erase(video_id, self.now())
        log.info("a video is gone", extra={"video_id": video_id})

    def _to_delete(self, actor: Actor, reference: str, *, for_good: bool) -> Video:
        deleted = self.videos.get_deleted(reference) if for_good else None
        if deleted is not None and may_edit(actor, deleted):
            return deleted
        return self.editing.editable(actor, reference)

    def _take_down(self, actor: Actor, video: Video) -> Video:
        now = self.now()
        deleted = self.videos.take_down(
            video.id, by=actor.id, now=now, purge_at=now + self.restorable
        )
        if deleted is None:
            raise NotFound("Video not found")
        self.shelf.forget(deleted)
        self._note(actor, deleted, Action.VIDEO_DELETED)
        tell_deleted(self.events, deleted.id, f"user:{deleted.author_id}")
        return deleted

    def _purge_now(self, video: Video) -> None:
        self.videos.purge_now(video.id, self.now())
        try:
            self.queue.enqueue(Job.PURGE_VIDEO, video.id)
        except Unavailable:
            # It is on record: the sweeper queues it when the queue is back.
            log.warning("not queued, left to the sweeper", extra={"video_id": video.id})

    def _note(self, actor: Actor, video: Video, action: Action) -> None:
        """What staff does to others' videos is written down."""
        if not owns(actor, video):
            details = {"video_id": video.id}
            self.audit.record(action, user_id=video.author_id, actor_id=actor.id, **details)

    def _refuse_restoring(self, actor: Actor, reference: str) -> None:
        video = self.videos.get(reference)
        if video is not None and may_edit(actor, video):
            raise Conflict("This video is not deleted.")
