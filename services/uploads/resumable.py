"""Resumable uploads: they are begun, survive any interruption, and end as a video or as nothing.

What happens to their bytes is in `arrivals.py`. An upload of somebody else's looks like none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.documents import identity
from models.errors import Conflict, Expired, Forbidden, Invalid, Locked, NotFound
from models.uploads import Described, ResumableUpload, Uploads, UploadState
from services.adapters.incoming import Held, Incoming, Lost
from services.policies import Actor
from services.uploads.arrivals import LIFETIME, Arrivals, Part
from services.uploads.quota import QuotaService

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """What is announced; `size_bytes` is None while its length is deferred."""

    size_bytes: int | None
    described: Described
    metadata: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumableService:
    uploads: Uploads
    incoming: Incoming
    arrivals: Arrivals
    quota: QuotaService
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def create(self, actor: Actor, new: NewUpload, part: Part | None) -> ResumableUpload:
        """Begin an upload, and reserve its bytes; `part` is what was sent along.

        Raises `Invalid` (empty), `TooLarge` or `QuotaExceeded`, before a byte is read. Then, and
        when `part` cannot be taken, nothing is kept: nobody has been told where to go on.
        """
        self.arrivals.check_total(new.size_bytes)
        upload = self._new(actor, new, self.arrivals.target(actor, new.described))
        self.arrivals.check_room(upload, part)
        self.incoming.create(upload.file)
        try:
            upload = self.arrivals.reserved(upload, new.size_bytes or 0, self.uploads.add)
        except BaseException:
            self.incoming.remove(upload.file)
            raise
        return upload if part is None else self._with_first(upload, part)

    def status(self, actor: Actor, upload_id: str) -> ResumableUpload:
        """How far it is. One whose bytes are all there, but which is no video yet, becomes one.

        Raises `NotFound`, `Expired` (also for what was refused, with the reason), or `Locked` in
        the moment of becoming a video.
        """
        upload = self._own(actor, upload_id)
        if upload.state is not UploadState.OPEN or not upload.is_whole:
            return upload
        try:
            with self.incoming.hold(upload.file) as held:
                return self.arrivals.finish(self._own(actor, upload_id), held)
        except Lost:
            return self._finished(actor, upload_id)

    def append(self, actor: Actor, upload_id: str, part: Part) -> ResumableUpload:
        """Write these bytes where the upload has come to.

        Of a connection that breaks, what arrived is kept, unless a checksum was to vouch for it.
        The last part may be sent again, and is answered as it was. Raises as `status`, and
        `Conflict` (wrong offset), `Locked` (somebody else is writing), `TooLarge`,
        `QuotaExceeded`, `ChecksumMismatch`, or `UnsupportedFormat` once all is there.
        """
        upload = self.status(actor, upload_id)
        try:
            if upload.state is UploadState.OPEN:
                with self.incoming.hold(upload.file) as held:
                    upload = self._own(actor, upload_id)
                    if upload.state is UploadState.OPEN:
                        return self.arrivals.take(upload, held, part)
        except Lost:
            upload = self._finished(actor, upload_id)
        if part.offset + (part.size_bytes or 0) != upload.size_bytes:
            raise Conflict(f"This upload is finished; it has {upload.size_bytes} bytes.")
        return upload

    def terminate(self, actor: Actor, upload_id: str) -> None:
        """Forget an upload and its bytes. Raises as `status`, and `Conflict` once it is a video."""
        upload = self._own(actor, upload_id)
        try:
            with self.incoming.hold(upload.file):
                self._end(self._own(actor, upload_id))
        except Lost:
            self._end(self._own(actor, upload_id))

    def max_bytes(self) -> int:
        return self.arrivals.videos.max_bytes()

    def expire(self) -> int:
        """End what nobody went on with, and forget what is done; returns how many ended."""
        return sum(self._expire(upload) for upload in self.uploads.expired(self.now()))

    def _own(self, actor: Actor, upload_id: str) -> ResumableUpload:
        upload = self.uploads.get(upload_id, actor.id or "")
        if upload is None:
            raise NotFound("Upload not found")
        if upload.state is UploadState.FAILED:
            raise Expired(upload.error_message)
        if upload.state is UploadState.OPEN and upload.expires_at <= self.now():
            raise Expired("This upload has expired. Please begin again.")
        return upload

    def _end(self, upload: ResumableUpload) -> None:
        if upload.state is UploadState.FINISHED:
            raise Conflict("This upload has become a video: delete that.")
        self.arrivals.end(upload)

    def _finished(self, actor: Actor, upload_id: str) -> ResumableUpload:
        """The file is gone: because it became a video while we looked, or it is lost."""
        upload = self._own(actor, upload_id)
        if upload.state is UploadState.OPEN:
            raise Expired("The bytes of this upload are gone. Please begin again.")
        return upload

    def _new(self, actor: Actor, new: NewUpload, video_id: str | None) -> ResumableUpload:
        upload_id, now = self.new_id(), self.now()
        return ResumableUpload(
            **identity(upload_id),
            user_id=actor.id or "",
            video_id=video_id or self.new_id(),
            file=f"resumable-{upload_id}",
            size_bytes=new.size_bytes,
            described=new.described,
            metadata=new.metadata,
            reservation=self.quota.none_yet(),
            created_at=now,
            expires_at=now + LIFETIME,
        )

    def _with_first(self, upload: ResumableUpload, part: Part) -> ResumableUpload:
        try:
            with self.incoming.hold(upload.file) as held:
                return self.arrivals.take(upload, held, part)
        except BaseException:
            self.arrivals.end(upload)
            raise

    def _expire(self, found: ResumableUpload) -> bool:
        try:
            with self.incoming.hold(found.file) as held:
                return self._expire_held(found, held)
        except Locked:
            log.info("not expired: it is being written to", extra={"upload_id": found.id})
            return False
        except (Invalid, Forbidden):
            log.info("refused at last", extra={"upload_id": found.id})
            return True
        except Lost:
            self.arrivals.end(found)
            return found.state is UploadState.OPEN

    def _expire_held(self, found: ResumableUpload, held: Held) -> bool:
        # As it is now: somebody may have gone on with it since it was found.
        upload = self.uploads.get(found.id, found.user_id)
        if upload is None or upload.expires_at > self.now():
            return False
        if upload.state is UploadState.OPEN and upload.is_whole:
            # Its last byte had come when the server was killed, and nobody asked again.
            self.arrivals.finish(upload, held)
            return False
        self.arrivals.end(upload)
        return upload.state is UploadState.OPEN
