"""Replacing what a video shows: it goes on playing, and keeps its views, likes and comments.

The new file goes through processing as an upload does (models/editions.py); the video flips to it
with its first rendition. If it fails, what played before plays on. The old media is removed when
nobody can have a grant for it any more.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.database import Transactions, Within
from models.errors import Conflict, NotFound, Unavailable
from models.uploads import Reservation
from models.video import LiveStatus, ProcessingStatus, Source, Video
from models.videos import Videos
from services.adapters.events import Events
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.playback.grants import BUCKET_SECONDS, SPARE_SECONDS
from services.policies import Actor
from services.uploads.quota import QuotaService, week_of
from services.uploads.uploads import Stored, Upload, UploadService
from services.videos.catalogue import VideoPage
from services.videos.editing import Change, EditingService
from services.videos.keys import keys_of, playback_key, source_key

log = logging.getLogger(__name__)

STAYS_ENCRYPTED = (
    "Who is watching needs the key until the new content plays: an encrypted video stays encrypted."
)
SOUNDS_IN_THE_CLEAR = (
    "The audio tracks that were added to this video are stored in the clear. Take them away before"
    " it is encrypted, and add them again afterwards."
)
# How long a kill between noting a file and storing it keeps others from trying.
HELD_FOR = timedelta(hours=1)
# For whoever was answered with the old content in the last moment.
SPARE = timedelta(minutes=1)
FINAL = {ProcessingStatus.READY, ProcessingStatus.ERROR}
# The folders of a published version (services/processing/work.py).
VERSION = re.compile(r"(?:e(?P<edition>[0-9]+))?v[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacingService:
    videos: Videos
    editing: EditingService
    uploads: UploadService
    quota: QuotaService
    transactions: Transactions
    storage: Storage
    queue: JobQueue
    events: Events
    now: Callable[[], datetime]

    def update(
        self,
        actor: Actor,
        reference: str,
        change: Change,
        upload: Upload | None,
        *,
        seen: datetime | None = None,
    ) -> VideoPage:
        """Change a video (002's PUT), and what it shows if a file came along.

        With a file its encryption may change as well. Raises as `EditingService.update`, and as an
        upload does.
        """
        if upload is None:
            return self.editing.update(actor, reference, change, seen=seen)
        video = self.replaceable(actor, reference)
        self.editing.check(video, change, seen)
        if video.drm_enabled and change.drm_enabled is False:
            raise Conflict(STAYS_ENCRYPTED)
        if change.drm_enabled and not video.drm_enabled and _has_uploaded_sounds(video):
            raise Conflict(SOUNDS_IN_THE_CLEAR)
        size_bytes = self.uploads.checked_size(upload.path, self.uploads.max_bytes())
        encrypted = video.drm_enabled or change.drm_enabled is True
        self._begin(actor, video, upload.filename, size_bytes, encrypted=encrypted)
        try:
            self._store(video.id, upload)
        except BaseException:
            self._give_back(actor, size_bytes)
            raise
        return self.editing.apply(actor, self.editing.editable(actor, video.id), change)

    def complete(self, actor: Actor, upload: Upload, video_id: str, upload_id: str) -> None:
        """Make bytes that came piece by piece what this video shows; doing it again is no other.

        Their quota is reserved. Raises as `replaceable`.
        """
        video = self.editing.editable(actor, video_id)
        if video.processing.upload_id != upload_id:
            size_bytes = self.uploads.checked_size(upload.path, None)
            video = self.replaceable(actor, video_id)
            self._begin(
                *(actor, video, upload.filename, size_bytes),
                encrypted=video.drm_enabled,
                upload_id=upload_id,
            )
        elif video.processing.attempts or video.processing_status in FINAL:
            return
        self._store(video.id, upload)

    def complete_stored(
        self, actor: Actor, stored: Stored, video_id: str, arrive: Callable[[], object]
    ) -> None:
        """Make what a client has sent to storage itself what this video shows.

        `stored` is named after its upload; `arrive` sees to it that it is there and right. Doing
        it again is no other. Raises as `replaceable`, and as `arrive`.
        """
        video = self.editing.editable(actor, video_id)
        if video.processing.upload_id != stored.video_id:
            arrive()
            video = self.replaceable(actor, video_id)
            self._begin(
                *(actor, video, stored.filename, stored.size_bytes),
                encrypted=video.drm_enabled,
                upload_id=stored.video_id,
            )
        elif video.processing.attempts or video.processing_status in FINAL:
            return
        self.storage.rename(source_key(stored.video_id), source_key(video.id))
        self._offer(video.id)

    def replaceable(self, actor: Actor, reference: str) -> Video:
        """Raises `NotFound`, `Forbidden`, or `Conflict` for what is still being processed."""
        video = self.editing.editable(actor, reference)
        if video.youtube_id or video.external or self.uploads.is_external:
            raise Conflict("This video is not processed here: there is nothing to replace.")
        if video.live_status not in {None, LiveStatus.ENDED}:
            raise Conflict("This live stream is not over. Replace it when it is.")
        if video.processing_status not in FINAL:
            raise Conflict("This video is still being processed. Replace it when that is done.")
        if video.processing_status is ProcessingStatus.ERROR and video.previous:
            return self._fall_back(video) or self.editing.editable(actor, reference)
        return video

    def sweep(self) -> int:
        """Bring to an end what processing is through with; returns how many that were."""
        return sum(self._settle(video) for video in self.videos.replaced())

    def retire(self, video_id: str) -> None:
        """Remove what played before; a job calls this. Raising: try again later."""
        video = self.videos.get(video_id)
        if video is None or video.previous is None or not self._is_due(video):
            log.info("nothing to do", extra={"video_id": video_id})
            return
        for folder in self._retired(video):
            self.storage.remove(f"{playback_key(video.id)}/{folder}")
        self.videos.weighed(video.id, sum(map(self.storage.size, keys_of(video.id))))
        self.videos.forget_previous(video)
        log.info("old content is gone", extra={"video_id": video_id})

    def _begin(
        self,
        actor: Actor,
        video: Video,
        filename: str,
        size_bytes: int,
        *,
        encrypted: bool,
        upload_id: str = "",
    ) -> None:
        """Note what is coming; what no upload under way has reserved is taken from the quota."""
        source = Source(key=source_key(video.id), filename=filename, size_bytes=size_bytes)

        def work(within: Within) -> None:
            if not upload_id:
                self.quota.reserve(actor.id or "", size_bytes, within)
            if not self.videos.begin_edition(
                video,
                source,
                drm_enabled=encrypted,
                upload_id=upload_id,
                until=self.now() + HELD_FOR,
                within=within,
            ):
                raise Conflict("This video was changed meanwhile. Try again.")

        self.transactions.run(work)

    def _store(self, video_id: str, upload: Upload) -> None:
        try:
            self.storage.adopt(upload.path, source_key(video_id))
        except BaseException:
            message = "The new content could not be stored. Please send it again."
            self.videos.drop_edition(video_id, code="not_stored", message=message)
            raise
        self._offer(video_id)

    def _offer(self, video_id: str) -> None:
        """Let a worker have it, now that it is stored."""
        if self.videos.is_withdrawn(video_id):
            self.storage.remove(source_key(video_id))
            raise NotFound("Video not found")
        self.videos.offer_edition(video_id, self.now())
        try:
            self.queue.enqueue(Job.PROCESS_VIDEO, video_id)
        except Unavailable:
            log.warning("not queued, left to the sweeper", extra={"video_id": video_id})

    def _give_back(self, actor: Actor, size_bytes: int) -> None:
        held = Reservation(
            covered_bytes=size_bytes, held_bytes=size_bytes, week=week_of(self.now())
        )
        self.quota.release(actor.id or "", held)

    def _settle(self, video: Video) -> bool:
        if video.processing_status is ProcessingStatus.ERROR:
            return self._fall_back(video) is not None
        if video.retire_at is None:
            return self.videos.settle_edition(video, self.now() + _watchable(video))
        return self._is_due(video) and self.queue.enqueue(Job.RETIRE_CONTENT, video.id)

    def _fall_back(self, video: Video) -> Video | None:
        self.storage.remove(source_key(video.id))
        back = self.videos.fall_back(video.id, self.now())
        if back is not None:
            told = {"type": "replacement_failed", "video_id": video.id}
            why = {"message": video.processing.error_message}
            self.events.publish(f"user:{video.author_id}", told | why)
        return back

    def _is_due(self, video: Video) -> bool:
        settled = video.processing_status is ProcessingStatus.READY
        return settled and video.retire_at is not None and video.retire_at <= self.now()

    def _retired(self, video: Video) -> set[str]:
        """The folders that nobody is sent to any more."""
        live = _edition_of(video.playback_version or "")
        prefix = f"{playback_key(video.id)}/"
        found = {
            entry.key.removeprefix(prefix).partition("/")[0]
            for entry in self.storage.entries(prefix)
        }
        versions = {name for name in found if VERSION.fullmatch(name)}
        old = {name for name in versions if _edition_of(name) != live}
        before = video.previous.presentation if video.previous else None
        if before and (video.presentation is None or before.folder != video.presentation.folder):
            old.add(before.folder)
        return old


def _has_uploaded_sounds(video: Video) -> bool:
    return any(not sound.is_of_source for sound in video.audio_tracks)


def _edition_of(folder: str) -> int:
    named = VERSION.fullmatch(folder)
    return int(named["edition"] or 0) if named else -1


def _watchable(video: Video) -> timedelta:
    """For how long somebody may have a grant of what played before."""
    length = video.previous.duration_seconds if video.previous else 0.0
    return timedelta(seconds=2 * length + SPARE_SECONDS + BUCKET_SECONDS) + SPARE
