"""Uploads: a received file becomes a video that waits for its worker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from models.database import Transactions, Within
from models.documents import identity
from models.errors import Forbidden, Invalid, TooLarge, Unavailable, UnsupportedFormat
from models.user import Author
from models.users import Users
from models.video import Processing, Source, Video, Visibility
from models.videos import Videos
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.configuration import ConfigurationService
from services.people.activity import Activity
from services.policies import Actor
from services.uploads.quota import QuotaService
from services.videos.catalogue import VideoPage
from services.videos.keys import source_key

log = logging.getLogger(__name__)

HEAD_BYTES = 64
KEEP_INCOMING = timedelta(hours=24)
ACCEPTED = "MP4, MOV, AVI, MKV or WEBM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it arrived. `path` is ours to move; `filename` is what its owner called it."""

    path: Path
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What its owner says about a new video."""

    title: str
    description: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    visibility: Visibility = Visibility.PUBLIC


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
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def create(
        self, actor: Actor, upload: Upload, details: Details, *, counted: bool = True
    ) -> VideoPage:
        """Keep the file, note the video, queue its processing; answers at once (003 phase 6).

        `counted` is whether it is of the weekly quota. Raises `Invalid` (empty), `TooLarge`,
        `UnsupportedFormat` or `QuotaExceeded`, and then keeps nothing.
        """
        size_bytes = self._checked_size(upload.path, self.max_bytes())
        video = self._new_video(self.new_id(), actor, upload, details, size_bytes)

        def note(within: Within) -> None:
            if counted:
                self.quota.reserve(video.author_id, size_bytes, within)
            self.videos.add(video, within)

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
        size_bytes = self._checked_size(upload.path, None)
        video = self._new_video(video_id, actor, upload, details, size_bytes)
        # Already there: a server was killed between this and noting that it is done.
        if not self.videos.knows(video_id):
            self._keep(upload.path, video, lambda within: self.videos.add(video, within))
        self._insist_on_author(video)
        self._enqueue(video_id)
        self.activity.note(actor)

    def max_bytes(self) -> int:
        return self.configuration.limits().max_file_size_bytes

    def discard_abandoned(self) -> int:
        """Remove what killed servers left of uploads under way; returns how many."""
        return self.storage.discard_incoming(self.now() - KEEP_INCOMING)

    def _keep(self, path: Path, video: Video, note: Callable[[Within], None]) -> None:
        key = source_key(video.id)
        self.storage.adopt(path, key)
        try:
            self.transactions.run(note)
        except BaseException:
            self.storage.remove(key)
            raise

    def _checked_size(self, path: Path, most_bytes: int | None) -> int:
        size_bytes = path.stat().st_size
        if size_bytes == 0:
            raise Invalid("The uploaded file is empty.", fields={"file": ["Empty file."]})
        if most_bytes is not None and size_bytes > most_bytes:
            raise TooLarge(f"A video may have at most {most_bytes} bytes.")
        with path.open("rb") as opened:
            if not is_accepted_container(opened.read(HEAD_BYTES)):
                raise UnsupportedFormat(
                    f"This is not a video file that is accepted here. Upload {ACCEPTED}.",
                    fields={"file": [f"Not {ACCEPTED}."]},
                )
        return size_bytes

    def _new_video(
        self, video_id: str, actor: Actor, upload: Upload, details: Details, size_bytes: int
    ) -> Video:
        now = self.now()
        return Video(
            **identity(video_id),
            author_id=actor.id or "",
            title=details.title,
            description=details.description,
            category=details.category,
            tags=details.tags,
            visibility=details.visibility,
            created_at=now,
            updated_at=now,
            source=Source(
                key=source_key(video_id), filename=upload.filename, size_bytes=size_bytes
            ),
            processing=Processing(lease_until=now),
            stored_bytes=size_bytes,
        )

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
        try:
            self.queue.enqueue(Job.PROCESS_VIDEO, video_id)
        except Unavailable:
            # The video is on record: the sweeper queues it when the queue is back.
            log.warning("not queued, left to the sweeper", extra={"video_id": video_id})


def is_accepted_container(head: bytes) -> bool:
    """Whether a file begins as MP4/MOV, AVI or MKV/WEBM do. Its name says nothing.

    A first look, so that a picture or a text is refused on the spot; the worker probes for real.
    """
    is_mp4 = head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
    is_avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    is_matroska = head[:4] == b"\x1a\x45\xdf\xa3"
    return is_mp4 or is_avi or is_matroska
