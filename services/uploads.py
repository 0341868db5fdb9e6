"""Uploads: a received file becomes a video that waits for its worker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from models.documents import identity
from models.errors import Invalid, TooLarge, Unavailable, UnsupportedFormat
from models.users import Users
from models.video import Processing, Source, Video, Visibility
from models.videos import Videos
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.catalogue import VideoPage
from services.keys import source_key
from services.policies import Actor

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
    storage: Storage
    queue: JobQueue
    max_bytes: int
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def create(self, actor: Actor, upload: Upload, details: Details) -> VideoPage:
        """Keep the file, note the video, queue its processing; answers at once (003 phase 6).

        Raises `Invalid` (empty), `TooLarge` or `UnsupportedFormat`, and then keeps nothing.
        """
        size_bytes = self._checked_size(upload.path)
        video = self._new_video(actor, upload, details, size_bytes)
        key = source_key(video.id)
        self.storage.adopt(upload.path, key)
        try:
            self.videos.add(video)
        except BaseException:
            self.storage.remove(key)
            raise
        self._enqueue(video.id)
        author = self.users.authors([video.author_id]).get(video.author_id)
        return VideoPage(video=video, author=author, is_editable=True)

    def discard_abandoned(self) -> int:
        """Remove what killed servers left of uploads under way; returns how many."""
        return self.storage.discard_incoming(self.now() - KEEP_INCOMING)

    def _checked_size(self, path: Path) -> int:
        size_bytes = path.stat().st_size
        if size_bytes == 0:
            raise Invalid("The uploaded file is empty.", fields={"file": ["Empty file."]})
        if size_bytes > self.max_bytes:
            raise TooLarge(f"A video may have at most {self.max_bytes} bytes.")
        with path.open("rb") as opened:
            if not is_accepted_container(opened.read(HEAD_BYTES)):
                raise UnsupportedFormat(
                    f"This is not a video file that is accepted here. Upload {ACCEPTED}.",
                    fields={"file": [f"Not {ACCEPTED}."]},
                )
        return size_bytes

    def _new_video(self, actor: Actor, upload: Upload, details: Details, size_bytes: int) -> Video:
        now, video_id = self.now(), self.new_id()
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
        )

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
