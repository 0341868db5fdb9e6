"""Who has hold of a direct upload, and how it ends when it does not become anything.

Completing, aborting and expiring are done by whoever holds its lease, so by one at a time. What is
stored goes first and what is known of it last: whoever is killed in between is followed by another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.database import Transactions, Within
from models.direct_uploads import DirectUpload, DirectUploads
from models.errors import Conflict, Expired, Locked, NotFound
from models.uploads import UploadState
from services.policies import Actor
from services.uploads.quota import QuotaService

log = logging.getLogger(__name__)

# How long after a kill nobody else can go on: as long as putting two gigabytes together may take.
HELD_FOR = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    uploads: DirectUploads
    quota: QuotaService
    transactions: Transactions
    # Removes whatever storage may have of an upload that became nothing,
    clear: Callable[[DirectUpload], object]
    # and what it needs no longer of one that is finished.
    tidy: Callable[[DirectUpload], object]
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def begin(self, upload: DirectUpload, upto: int) -> DirectUpload:
        """Note an upload and reserve its bytes: both or neither. Raises `QuotaExceeded`."""

        def work(within: Within) -> None:
            if upto:
                self.quota.reserve(upload.user_id, upto, within)
            self.uploads.add(upload, within)

        self.transactions.run(work)
        return upload

    def own(self, actor: Actor, upload_id: str) -> DirectUpload:
        """Raises `NotFound`, or `Expired`. One of somebody else's looks like none."""
        upload = self.uploads.get(upload_id, actor.id or "")
        if upload is None:
            raise NotFound("Upload not found")
        if upload.state is UploadState.OPEN and upload.expires_at <= self.now():
            raise Expired("This upload has expired. Please begin again.")
        return upload

    def usable(self, actor: Actor, upload_id: str) -> DirectUpload:
        """As `own`; what was refused is `Expired`, with the reason."""
        upload = self.own(actor, upload_id)
        if upload.state is UploadState.FAILED:
            raise Expired(upload.error_message)
        return upload

    @contextmanager
    def held(self, upload: DirectUpload) -> Iterator[str]:
        """The lease, until the block ends. Raises `Locked` while another has it."""
        lease, now = self.new_id(), self.now()
        if not self.uploads.claim(upload, lease, now, now + HELD_FOR):
            raise Locked("This upload is being completed just now. Ask again in a moment.")
        try:
            yield lease
        finally:
            # Of one that is finished, failed or forgotten meanwhile, there is nothing to release.
            self.uploads.release(upload.id, lease)

    def finish(self, upload: DirectUpload, lease: str, within: Within) -> None:
        """As a part of the transaction that it comes to. Raises `Locked` for a lease long lost."""
        if not self.uploads.finish(upload.id, lease, within):
            raise Locked("This upload is being completed by another request.")

    def fail(self, upload: DirectUpload, message: str) -> None:
        """Nothing is kept but why, until it expires."""
        self.clear(upload)

        def work(within: Within) -> None:
            if self.uploads.fail(upload.id, message, within):
                self.quota.release(upload.user_id, upload.reservation, within)

        self.transactions.run(work)

    def abort(self, actor: Actor, upload_id: str) -> None:
        """Raises as `own`, `Conflict` for what is finished, or `Locked`."""
        upload = self.own(actor, upload_id)
        if upload.state is UploadState.FINISHED:
            raise Conflict("This upload is complete.")
        if upload.state is UploadState.FAILED:
            self._end(upload)
            return
        with self.held(upload):
            self._end(upload)

    def expire(self) -> int:
        """End what nobody completed, and forget what is done; returns how many ended."""
        return sum(self._expire(upload) for upload in self.uploads.expired(self.now()))

    def _expire(self, upload: DirectUpload) -> bool:
        if upload.state is UploadState.FINISHED:
            self.tidy(upload)
            self.uploads.forget(upload.id)
            return False
        if upload.state is UploadState.FAILED:
            self._end(upload)  # its address may have been used again since
            return False
        try:
            with self.held(upload):
                self._end(upload)
        except Locked:
            log.info("not expired: it is being completed", extra={"upload_id": upload.id})
            return False
        return True

    def _end(self, upload: DirectUpload) -> None:
        """Forget it; whoever does so first gives its quota back."""
        self.clear(upload)

        def work(within: Within) -> None:
            known = self.uploads.forget(upload.id, within)
            if known and known.state is UploadState.OPEN:
                self.quota.release(known.user_id, known.reservation, within)

        self.transactions.run(work)
