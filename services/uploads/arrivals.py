"""Bytes on their way into a resumable upload, and its end. Each method's caller holds the file.

What is acknowledged is on the disk, and then in `Uploads.offset`; bytes behind that (a killed
server had written them, but not said so) are written anew. The last byte makes the upload a video,
whose id was decided at the start: whatever is killed in between and tried again, it is that one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from models.database import Transactions, Within
from models.errors import ChecksumMismatch, Conflict, Forbidden, Invalid, NotFound, TooLarge
from models.uploads import Described, ResumableUpload, Uploads, UploadState
from services.adapters.events import Events
from services.adapters.incoming import Held, Incoming
from services.policies import Actor
from services.uploads.quota import QuotaService
from services.uploads.uploads import KEEP_INCOMING, Details, Upload, UploadService
from services.videos.replacing import ReplacingService

# After this long without a byte an upload is given up: before its file is taken for abandoned.
LIFETIME = KEEP_INCOMING - timedelta(hours=1)
# However diligently somebody sends a byte a day.
LONGEST = timedelta(days=7)
# How much a killed server may lose of what it was sent, and how often progress can be seen.
CHECKPOINT_BYTES = 16 * 1024**2
CHECKPOINT_EVERY = timedelta(seconds=2)
ALGORITHMS = ("sha1", "sha256", "md5")

Noting = Callable[[ResumableUpload, Within], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Bytes on their way. `pieces` is read only once all that is known of them is found right."""

    offset: int
    pieces: Iterator[bytes]
    # None if it is not announced how many there will be.
    size_bytes: int | None
    # Of the whole upload, for one whose length was deferred.
    total_bytes: int | None = None
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    uploads: Uploads
    incoming: Incoming
    quota: QuotaService
    transactions: Transactions
    videos: UploadService
    replacing: ReplacingService
    events: Events
    now: Callable[[], datetime]

    def target(self, actor: Actor, said: Described) -> str | None:
        """The video whose content is to be replaced; None for a new one.

        Raises `Invalid` for what cannot be said of a video, and as `ReplacingService.replaceable`.
        """
        if said.replaces:
            return self.replacing.replaceable(actor, said.replaces).id
        self.videos.describing.check(_details(said))
        return None

    def check_total(self, total_bytes: int | None) -> None:
        """Raises `Invalid` or `TooLarge` for what cannot be the length of an upload."""
        if total_bytes == 0:
            raise Invalid("A video has at least one byte.", fields={"Upload-Length": ["Empty."]})
        if total_bytes is not None and total_bytes > self.videos.max_bytes():
            raise TooLarge(f"A video may have at most {self.videos.max_bytes()} bytes.")

    def check_room(self, upload: ResumableUpload, part: Part | None) -> None:
        room = self._most(upload) - upload.offset
        if part is not None and (part.size_bytes or 0) > room:
            raise TooLarge(f"There is room for {room} bytes more.")

    def reserved(self, upload: ResumableUpload, upto: int, note: Noting) -> ResumableUpload:
        """Have the quota cover it up to there, and `note` it: both or neither."""

        def work(within: Within) -> ResumableUpload:
            covering = self.quota.cover(upload.user_id, upload.reservation, upto, within)
            covered = replace(upload, reservation=covering)
            note(covered, within)
            return covered

        return self.transactions.run(work)

    def take(self, upload: ResumableUpload, held: Held, part: Part) -> ResumableUpload:
        """Write a part, once it is found right; the last one makes a video of it."""
        if part.offset != upload.offset:
            raise Conflict(f"This upload goes on at byte {upload.offset}, not at {part.offset}.")
        written = self._write(self._covered(upload, part), held, part)
        return self.finish(written, held) if written.is_whole else written

    def finish(self, upload: ResumableUpload, held: Held) -> ResumableUpload:
        """Make a video of it, once; what is refused is remembered for as long as it would live."""
        if upload.state is not UploadState.OPEN:
            return upload
        try:
            with held.second_name() as path:
                self._complete(upload, Upload(path=path, filename=upload.described.filename))
        except (Invalid, Forbidden) as refused:
            self._fail(upload, refused.message)
            raise
        self.uploads.finish(upload.id)
        self.incoming.remove(upload.file)
        return replace(upload, state=UploadState.FINISHED)

    def end(self, upload: ResumableUpload) -> None:
        """Forget it and its bytes; whoever does so first gives its quota back."""

        def work(within: Within) -> None:
            known = self.uploads.forget(upload.id, within)
            if known and known.state is UploadState.OPEN:
                self.quota.release(known.user_id, known.reservation, within)

        self.transactions.run(work)
        self.incoming.remove(upload.file)

    def _covered(self, upload: ResumableUpload, part: Part) -> ResumableUpload:
        """With its quota reserved, before its bytes are read."""
        known = self._declared(upload, part.total_bytes)
        self.check_room(known, part)
        upto = _to_cover(known, part)
        if known is upload and upto == upload.reservation.covered_bytes:
            return upload
        return self.reserved(known, upto, self.uploads.extend)

    def _declared(self, upload: ResumableUpload, total_bytes: int | None) -> ResumableUpload:
        """With the length that was deferred, once it is said."""
        if total_bytes is None or total_bytes == upload.size_bytes:
            return upload
        if upload.size_bytes is not None or total_bytes < upload.offset:
            raise Conflict("This is not the length of this upload.")
        self.check_total(total_bytes)
        return replace(upload, size_bytes=total_bytes)

    def _write(self, upload: ResumableUpload, held: Held, part: Part) -> ResumableUpload:
        if part.checksum is None:
            return self._write_as_it_comes(upload, held, part)
        arrived, found = upload.offset, hashlib.new(part.checksum.algorithm)
        held.begin_at(arrived)
        # Not acknowledged before the end: the next part begins where this one did, if it fails.
        for piece in self._bounded(upload, part):
            held.write(piece)
            found.update(piece)
            arrived += len(piece)
        if found.digest() != part.checksum.digest:
            raise ChecksumMismatch("These bytes do not have the checksum that came with them.")
        return self._acknowledged(upload, held, arrived)

    def _write_as_it_comes(
        self, upload: ResumableUpload, held: Held, part: Part
    ) -> ResumableUpload:
        """What has arrived is kept, whatever happens to the rest."""
        start, arrived, due = upload, upload.offset, self.now() + CHECKPOINT_EVERY
        held.begin_at(arrived)
        try:
            for piece in self._bounded(upload, part):
                held.write(piece)
                arrived += len(piece)
                if arrived - upload.offset >= CHECKPOINT_BYTES or self.now() >= due:
                    upload = self._acknowledged(upload, held, arrived)
                    due = self.now() + CHECKPOINT_EVERY
        except TooLarge:
            held.begin_at(start.offset)
            self._acknowledged(start, held, start.offset)
            raise
        except BaseException:
            self._acknowledged(upload, held, arrived)
            raise
        return self._acknowledged(upload, held, arrived)

    def _bounded(self, upload: ResumableUpload, part: Part) -> Iterator[bytes]:
        room = self._most(upload) - upload.offset
        for piece in part.pieces:
            room -= len(piece)
            if room < 0:
                raise TooLarge("More bytes came than were announced.")
            yield piece

    def _acknowledged(self, upload: ResumableUpload, held: Held, offset: int) -> ResumableUpload:
        """With what has arrived, once that is on the disk."""
        held.flush()
        until = min(self.now() + LIFETIME, upload.created_at + LONGEST)
        upload = replace(upload, offset=offset, expires_at=until)
        if not self.uploads.advance(upload):
            raise NotFound("Upload not found")
        told = {"type": "upload", "upload_id": upload.id, "size": upload.size_bytes}
        self.events.publish(f"user:{upload.user_id}", {**told, "offset": offset})
        return upload

    def _most(self, upload: ResumableUpload) -> int:
        return self.videos.max_bytes() if upload.size_bytes is None else upload.size_bytes

    def _complete(self, upload: ResumableUpload, received: Upload) -> None:
        actor = Actor(id=upload.user_id)
        if upload.described.replaces:
            self.replacing.complete(actor, received, upload.video_id, upload.id)
        else:
            self.videos.complete(actor, received, _details(upload.described), upload.video_id)

    def _fail(self, upload: ResumableUpload, message: str) -> None:
        def work(within: Within) -> None:
            if self.uploads.fail(upload.id, message, within):
                self.quota.release(upload.user_id, upload.reservation, within)

        self.transactions.run(work)
        self.incoming.remove(upload.file)


def _to_cover(upload: ResumableUpload, part: Part) -> int:
    if upload.size_bytes is not None:
        return upload.size_bytes
    if part.size_bytes is None:
        raise Invalid("While the length of an upload is not known, each part must say its own.")
    return max(upload.reservation.covered_bytes, upload.offset + part.size_bytes)


def _details(said: Described) -> Details:
    return Details(
        title=said.title,
        description=said.description,
        category=said.category,
        tags=said.tags,
        visibility=said.visibility,
        publish_at=said.publish_at,
        monetization=said.monetization,
        drm_enabled=said.drm_enabled,
        geo_restrictions=said.geo_restrictions,
    )
