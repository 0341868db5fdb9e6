"""Uploads: a received file becomes a video that waits for its worker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from models.announcements import VideoEvent
from models.database import Transactions, Within
from models.documents import identity
from models.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    Unavailable,
    UnsupportedFormat,
)
from models.external import EXTERNAL_STAGE
from models.user import Author
from models.users import Users
from models.video import Processing, ProcessingStatus, Source, Video
from models.videos import Videos
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.configuration import ConfigurationService
from services.people.activity import Activity
from services.policies import Actor, may_edit
from services.uploads.quota import QuotaService
from services.videos.catalogue import VideoPage
from services.videos.describing import Describing, Details
from services.videos.keys import source_key, video_of_source
from services.webhooks.relay import EventRelay

log = logging.getLogger(__name__)

HEAD_BYTES = 64
KEEP_INCOMING = timedelta(hours=24)
ACCEPTED = "MP4, MOV, AVI, MKV or WEBM"
NOTHING_YET = (
    "Nothing has arrived yet: send the file to upload_url first, or name the parts that were sent."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it arrived. `path` is ours to move; `filename` is what its owner called it."""

    path: Path
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file that its owner has sent to storage, where the source of such a video belongs."""

    video_id: str
    filename: str
    # As it was announced.
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadService:
    videos: Videos
    users: Users
    activity: Activity
    storage: Storage
    queue: JobQueue
    transactions: Transactions
    configuration: ConfigurationService
    quota: QuotaService
    describing: Describing
    relay: EventRelay
    # VIDEO_PROCESSOR: whether somebody else is to make uploads playable.
    is_external: bool
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def create(
        self, actor: Actor, upload: Upload, details: Details, *, counted: bool = True
    ) -> VideoPage:
        """Keep the file, note the video, queue its processing; answers at once (003 phase 6).

        `counted` is whether it is of the weekly quota. Raises `Invalid` (empty), `TooLarge`,
        `UnsupportedFormat` or `QuotaExceeded`, and then keeps nothing.
        """
        self.describing.check(details)
        size_bytes = self.checked_size(upload.path, self.max_bytes())
        video = self._new_video(self.new_id(), actor, upload.filename, details, size_bytes)

        def note(within: Within) -> None:
            if counted:
                self.quota.reserve(video.author_id, size_bytes, within)
            self.videos.add(video, within, VideoEvent.UPLOADED)

        self._keep(upload.path, video, note)
        author = self._insist_on_author(video)
        self._enqueue(video.id)
        self.activity.note(actor)
        return VideoPage(video=video, author=author, is_editable=True)

    def complete(self, actor: Actor, upload: Upload, details: Details, video_id: str) -> None:
        """Make bytes that came piece by piece the video `video_id`; doing it again is no other.

        Their quota is reserved, and their size was allowed, when they were asked for. Raises as
        `create` does.
        """
        size_bytes = self.checked_size(upload.path, None)
        video = self._new_video(video_id, actor, upload.filename, details, size_bytes)
        # Already there: a server was killed between this and noting that it is done.
        if not self.videos.knows(video_id):
            self._keep(
                upload.path,
                video,
                lambda within: self.videos.add(video, within, VideoEvent.UPLOADED),
            )
        self._insist_on_author(video)
        self._enqueue(video_id)
        self.activity.note(actor)

    def complete_stored(
        self, actor: Actor, stored: Stored, details: Details, note: Callable[[Within], None]
    ) -> None:
        """Make what a client has sent to storage itself the video that its key is of.

        `note` belongs to the same transaction, and is what must not happen twice. Raises as
        `complete` does, also for another size than was announced; removing it is the caller's.
        """
        self.check_stored(stored)
        video = self._new_video(stored.video_id, actor, stored.filename, details, stored.size_bytes)

        def both(within: Within) -> None:
            note(within)
            self.videos.add(video, within, VideoEvent.UPLOADED)

        self.transactions.run(both)
        self._insist_on_author(video)
        self._enqueue(video.id)
        self.activity.note(actor)

    def page_of(self, actor: Actor, video_id: str) -> VideoPage:
        """What the owner of a new video is answered. Raises `NotFound` if it is deleted since."""
        video = self.videos.get(video_id)
        if video is None:
            raise NotFound("Video not found")
        author = self.users.authors([video.author_id]).get(video.author_id)
        return VideoPage(video=video, author=author, is_editable=may_edit(actor, video))

    def max_bytes(self) -> int:
        return self.configuration.limits().max_file_size_bytes

    def check_announced(self, actor: Actor, least_bytes: int) -> None:
        """Raises `TooLarge` or `QuotaExceeded` for a file that has at least as many bytes.

        For a body that is still to come; what arrives is weighed again.
        """
        if least_bytes > self.max_bytes():
            raise _too_large(self.max_bytes())
        if least_bytes > 0:
            self.quota.check(actor.id or "", least_bytes)

    def discard_abandoned(self) -> int:
        """Remove what killed servers left of uploads under way; returns how many files.

        Of a source that no video is known of, nobody has gone on with it for a day.
        """
        before = self.now() - KEEP_INCOMING
        found = self.storage.entries(source_key(""))
        old = (entry.key for entry in found if entry.modified_at < before)
        lost = [key for key in old if not self.videos.knows(video_of_source(key))]
        for key in lost:
            self.storage.remove(key)
        return self.storage.discard_incoming(before) + len(lost)

    def _keep(self, path: Path, video: Video, note: Callable[[Within], None]) -> None:
        key = source_key(video.id)
        self.storage.adopt(path, key)
        try:
            self.transactions.run(note)
        except BaseException:
            self.storage.remove(key)
            raise

    def checked_size(self, path: Path, most_bytes: int | None) -> int:
        """The size of a file that may become a video; raises as `create` does."""
        size_bytes = path.stat().st_size
        if size_bytes == 0:
            raise Invalid("The uploaded file is empty.", fields={"file": ["Empty file."]})
        if most_bytes is not None and size_bytes > most_bytes:
            raise _too_large(most_bytes)
        with path.open("rb") as opened:
            _check_container(opened.read(HEAD_BYTES))
        return size_bytes

    def check_stored(self, stored: Stored) -> None:
        """Raises `Conflict`, `Invalid` or `UnsupportedFormat`."""
        found = self.storage.open(source_key(stored.video_id))
        if found is None:
            raise Conflict(NOTHING_YET)
        with found.stream as opened:
            if found.size_bytes != stored.size_bytes:
                message = f"{found.size_bytes} bytes arrived; {stored.size_bytes} were announced."
                raise Invalid(message, fields={"file_size": [message]})
            _check_container(opened.read(HEAD_BYTES))

    def _new_video(
        self, video_id: str, actor: Actor, filename: str, details: Details, size_bytes: int
    ) -> Video:
        now = self.now()
        return Video(
            **identity(video_id),
            author_id=actor.id or "",
            **self.describing.fields_of(details),
            created_at=now,
            updated_at=now,
            source=Source(key=source_key(video_id), filename=filename, size_bytes=size_bytes),
            **self._begin(now),
            stored_bytes=size_bytes,
        )

    def _begin(self, now: datetime) -> dict[str, Any]:
        """Where processing begins: with a worker here, or with word from elsewhere."""
        if not self.is_external:
            return {"processing": Processing(lease_until=now)}
        waiting = Processing(stage=EXTERNAL_STAGE)
        return {"processing": waiting, "processing_status": ProcessingStatus.PROCESSING}

    def _insist_on_author(self, video: Video) -> Author | None:
        """Who made it; with a closed account, nothing of an upload that was under way is kept.

        Asked once the video is on record: who is closed later finds it there, and removes it.
        """
        author = self.users.authors([video.author_id]).get(video.author_id)
        if author is None or author.deleted_at is None:
            return author
        self.videos.withdraw(video.id, self.now())
        self.storage.remove(source_key(video.id))
        self.videos.erase(video.id, self.now())
        raise Forbidden("This account is closed.")

    def _enqueue(self, video_id: str) -> None:
        if self.is_external:
            self.relay.pass_on(video_id)
            return
        try:
            self.queue.enqueue(Job.PROCESS_VIDEO, video_id)
        except Unavailable:
            # The video is on record: the sweeper queues it when the queue is back.
            log.warning("not queued, left to the sweeper", extra={"video_id": video_id})


def _too_large(most_bytes: int) -> TooLarge:
    return TooLarge(f"A video may have at most {most_bytes} bytes.")


def _check_container(head: bytes) -> None:
    if not is_accepted_container(head):
        raise UnsupportedFormat(
            f"This is not a video file that is accepted here. Upload {ACCEPTED}.",
            fields={"file": [f"Not {ACCEPTED}."]},
        )


def is_accepted_container(head: bytes) -> bool:
    """Whether a file begins as MP4/MOV, AVI or MKV/WEBM do. Its name says nothing.

    A first look, so that a picture or a text is refused on the spot; the worker probes for real.
    """
    is_mp4 = head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
    is_avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    is_matroska = head[:4] == b"\x1a\x45\xdf\xa3"
    return is_mp4 or is_avi or is_matroska
