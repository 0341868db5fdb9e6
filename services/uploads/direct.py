"""Direct uploads (000): the client is given an address, and sends the file to storage by itself.

On S3 that is a presigned URL of the bucket, on local disk one of ours (`receiving.py`). Either way
the file appears where the video's source belongs; completing the upload looks at what arrived, and
makes it the video whose id the first answer named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from pathlib import PurePath

from models.direct_uploads import DirectUpload
from models.documents import identity
from models.errors import Conflict, Forbidden, Invalid, UnsupportedFormat
from models.uploads import Described, Reservation, UploadState
from models.videos import Videos
from services.adapters.storage import Part, Presigned, Storage
from services.policies import Actor
from services.uploads.custody import Custody
from services.uploads.quota import week_of
from services.uploads.uploads import ACCEPTED, Stored, UploadService
from services.videos.catalogue import VideoPage
from services.videos.describing import Details
from services.videos.keys import keys_of, source_key
from services.videos.replacing import ReplacingService

ADDRESSES_LAST = timedelta(hours=12)
# To complete what was sent at the last moment; in all less than what is taken for abandoned.
COMPLETED_WITHIN = timedelta(hours=18)
# What S3 takes in one request.
SINGLE_BYTES = 5 * 1024**3
MOST_PARTS = 10_000
TYPE = re.compile(r"(?:video/[\w.+-]{1,100}|application/(?:octet-stream|x-matroska|mp4))", re.ASCII)
TITLE_LENGTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDirect:
    """What is announced: 000's request."""

    filename: str
    size_bytes: int
    content_type: str
    duration_seconds: float | None = None
    in_parts: bool = False
    # The video whose content it is to replace; empty for a new one.
    replaces: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An upload, and the requests that send its bytes: whole, or in parts of `part_bytes`."""

    upload: DirectUpload
    whole: Presigned
    parts: tuple[Presigned, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`received_bytes` is None until the whole file is there."""

    upload: DirectUpload
    received_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectService:
    custody: Custody
    storage: Storage
    videos: UploadService
    replacing: ReplacingService
    part_bytes: int
    max_seconds: int
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def request(self, actor: Actor, new: NewDirect) -> Offer:
        """Reserve the bytes of a video, and say where to send them (000).

        Raises `Invalid`, `UnsupportedFormat`, `TooLarge` or `QuotaExceeded`, and as
        `ReplacingService.replaceable`.
        """
        self._check(actor, new)
        if new.replaces:
            new = replace(new, replaces=self.replacing.replaceable(actor, new.replaces).id)
        upload_id = self.new_id()
        multipart_id = None
        if new.in_parts:
            multipart_id = self.storage.begin(source_key(upload_id), new.content_type)
        upload = self._new(actor, new, upload_id, multipart_id)
        try:
            self.custody.begin(upload, new.size_bytes)
        except BaseException:
            clear(self.storage, upload)
            raise
        return self._offer(upload)

    def status(self, actor: Actor, upload_id: str) -> Progress:
        """How it stands. Raises `NotFound` or `Expired`."""
        upload = self.custody.own(actor, upload_id)
        if upload.state is UploadState.FINISHED:
            return Progress(upload=upload, received_bytes=upload.size_bytes)
        return Progress(upload=upload, received_bytes=self.storage.head(source_key(upload.id)))

    def complete(
        self, actor: Actor, upload_id: str, details: Details, parts: Sequence[Part] = ()
    ) -> VideoPage:
        """Make what has arrived a video, once; asked again, the answer is the same.

        A title that is not said is the name of the file. One that replaces the content of a video
        keeps all that is said of that. Raises `NotFound`, `Expired` (also for
        what was refused before), `Locked`, `Conflict` (nothing has arrived yet), `Invalid`
        (a part is missing; then, it can be tried again), or `UnsupportedFormat`.
        """
        upload = self.custody.usable(actor, upload_id)
        if upload.state is UploadState.OPEN:
            self.videos.describing.check(details)
            with self.custody.held(upload) as lease:
                # As it is now that nobody else can change it.
                upload = self.custody.usable(actor, upload_id)
                if upload.state is UploadState.OPEN:
                    self._finish(actor, upload, lease, details, parts)
        return self.videos.page_of(actor, upload.video_id)

    def _finish(
        self,
        actor: Actor,
        upload: DirectUpload,
        lease: str,
        details: Details,
        parts: Sequence[Part],
    ) -> None:
        if upload.described.replaces:
            self._replace(actor, upload, lease, parts)
            return
        self._put_together(upload, parts)
        said = upload.described
        stored = Stored(video_id=upload.id, filename=said.filename, size_bytes=upload.size_bytes)
        try:
            self.videos.complete_stored(
                actor,
                stored,
                details if details.title else _titled(details, said.title),
                lambda within: self.custody.finish(upload, lease, within),
            )
        except (Invalid, Forbidden) as refused:
            self.custody.fail(upload, refused.message)
            raise
        tidy(self.storage, upload)

    def _replace(
        self, actor: Actor, upload: DirectUpload, lease: str, parts: Sequence[Part]
    ) -> None:
        filename, size_bytes = upload.described.filename, upload.size_bytes
        stored = Stored(video_id=upload.id, filename=filename, size_bytes=size_bytes)

        def arrive() -> None:
            self._put_together(upload, parts)
            try:
                self.videos.check_stored(stored)
            except Invalid as refused:
                self.custody.fail(upload, refused.message)
                raise

        self.replacing.complete_stored(actor, stored, upload.video_id, arrive)
        custody = self.custody
        custody.transactions.run(lambda within: custody.finish(upload, lease, within))
        tidy(self.storage, upload)

    def abort(self, actor: Actor, upload_id: str) -> None:
        """Forget it and its bytes. Raises `NotFound`, `Expired`, `Conflict` or `Locked`."""
        self.custody.abort(actor, upload_id)

    def expire(self) -> int:
        return self.custody.expire()

    def _check(self, actor: Actor, new: NewDirect) -> None:
        if new.size_bytes == 0:
            raise Invalid("A video has at least one byte.", fields={"file_size": ["Empty."]})
        if not TYPE.fullmatch(new.content_type):
            message = f"This is not a kind of video that is accepted here: {ACCEPTED}."
            raise UnsupportedFormat(message, fields={"content_type": [f"Not {ACCEPTED}."]})
        if (new.duration_seconds or 0) > self.max_seconds:
            message = f"A video may last at most {self.max_seconds // 60} minutes."
            raise Invalid(message, fields={"duration": [message]})
        self.videos.check_announced(actor, new.size_bytes)
        if new.size_bytes > SINGLE_BYTES and not new.in_parts:
            message = "A file of more than 5 GiB has to be sent in parts: ask with multipart."
            raise Invalid(message, fields={"multipart": [message]})

    def _new(
        self, actor: Actor, new: NewDirect, upload_id: str, multipart_id: str | None
    ) -> DirectUpload:
        now = self.now()
        title = PurePath(new.filename.replace("\\", "/")).stem[:TITLE_LENGTH].strip()
        return DirectUpload(
            **identity(upload_id),
            user_id=actor.id or "",
            video_id=new.replaces or upload_id,
            size_bytes=new.size_bytes,
            described=Described(
                filename=new.filename,
                filetype=new.content_type,
                title=title or "Untitled",
                replaces=new.replaces,
            ),
            reservation=Reservation(
                covered_bytes=new.size_bytes, held_bytes=new.size_bytes, week=week_of(now)
            ),
            multipart_id=multipart_id,
            part_bytes=self._part_bytes(new.size_bytes) if new.in_parts else None,
            created_at=now,
            addresses_until=now + ADDRESSES_LAST,
            expires_at=now + COMPLETED_WITHIN,
        )

    def _part_bytes(self, size_bytes: int) -> int:
        return max(self.part_bytes, ceil(size_bytes / MOST_PARTS))

    def _offer(self, upload: DirectUpload) -> Offer:
        key, kind = source_key(upload.id), upload.described.filetype
        seconds = int(ADDRESSES_LAST.total_seconds())
        whole = self.storage.presigned_put(key, upload.size_bytes, kind, seconds)
        parts = tuple(
            self.storage.presigned_part(key, upload.multipart_id or "", number, size, seconds)
            for number, size in enumerate(part_sizes(upload), start=1)
        )
        return Offer(upload=upload, whole=whole, parts=parts)

    def _put_together(self, upload: DirectUpload, parts: Sequence[Part]) -> None:
        if not parts:
            return
        expected = len(part_sizes(upload))
        if sorted(part.number for part in parts) != list(range(1, expected + 1)):
            message = f"This upload has {expected or 'no'} parts: name each of them once."
            raise Invalid(message, fields={"parts": [message]})
        try:
            self.storage.finish(source_key(upload.id), upload.multipart_id or "", parts)
        except FileNotFoundError as lost:
            raise Conflict("The parts of this upload are gone. Please begin again.") from lost


def part_sizes(upload: DirectUpload) -> list[int]:
    """How many bytes each part has; none where it is sent whole."""
    if not upload.part_bytes:
        return []
    whole, rest = divmod(upload.size_bytes, upload.part_bytes)
    return [upload.part_bytes] * whole + ([rest] if rest else [])


def clear(storage: Storage, upload: DirectUpload) -> None:
    """Remove whatever has arrived of an upload, whole or in parts."""
    tidy(storage, upload)
    storage.remove(source_key(upload.id))


def tidy(storage: Storage, upload: DirectUpload) -> None:
    """Of one that was begun in parts and then sent whole, forget the parts."""
    if upload.multipart_id:
        storage.abort(source_key(upload.id), upload.multipart_id)


def sweep_up(storage: Storage, videos: Videos, upload: DirectUpload) -> None:
    """Of one that is a video, remove what was sent since to addresses that S3 went on honouring."""
    tidy(storage, upload)
    if upload.video_id != upload.id:
        storage.remove(source_key(upload.id))
        return
    video = videos.whatever_is_left_of(upload.video_id)
    if video is None or (video.source is not None and video.erased_at is None):
        return
    sent = storage.entries(source_key(video.id))
    # What is newer replaces its content.
    late = [entry.key for entry in sent if entry.modified_at <= upload.expires_at]
    for key in late:
        storage.remove(key)
    if late:
        videos.weighed(video.id, sum(map(storage.size, keys_of(video.id))))


def _titled(details: Details, title: str) -> Details:
    return replace(details, title=title)
