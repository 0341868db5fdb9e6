"""Uploads that clients send to storage by themselves: at an address that was signed for them.

    open --claim--> open, held --finish--> finished    what arrived is the video, or its picture
                               --fail----> failed      it is neither; why is said until it expires
                               --release-> open        nothing has arrived yet
         --forget--> (gone)                            aborted, or expired

Completing one takes a while, and must be done by one at a time, on whichever host: who does it
holds a lease. Finishing is part of the transaction that adds the video.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from models.database import Within
from models.documents import Document, to_doc
from models.uploads import Described, UploadState, UploadsUnderWay, UploadUnderWay

NOBODY = Described(filename="", filetype="", title="")
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectUpload(UploadUnderWay):
    size_bytes: int
    # Until when its addresses work; it can be completed a while longer.
    addresses_until: datetime
    # For one that is sent in parts: how storage knows it, and how long each part but the last is.
    multipart_id: str | None = None
    part_bytes: int | None = None
    lease: str | None = None
    lease_until: datetime = LONG_AGO


class DirectUploads(UploadsUnderWay[DirectUpload]):
    """Those of videos. The id of each is the id of the video that it becomes."""

    kind = "direct"
    entity = DirectUpload

    def claim(self, upload: DirectUpload, lease: str, now: datetime, until: datetime) -> bool:
        """Take the right to complete it; False if it is not open, or another's."""
        where = {**_open(upload.id), "lease_until": {"$lte": now}}
        values = {"lease": lease, "lease_until": until}
        return self.collection.update_one(where, {"$set": values}).matched_count == 1

    def release(self, upload_id: str, lease: str) -> None:
        """Give the lease back: it cannot be completed yet."""
        values = {"lease": None, "lease_until": LONG_AGO}
        self.collection.update_one({**_open(upload_id), "lease": lease}, {"$set": values})

    def state_of(self, upload_id: str) -> UploadState | None:
        """None if there is no such upload, whoever's it would be."""
        where = {"id": upload_id, "kind": self.kind}
        doc = self.collection.find_one(where, {"state": 1})
        return UploadState(doc["state"]) if doc else None

    def finish(self, upload_id: str, lease: str, within: Within) -> bool:
        """False if the lease has passed to another."""
        where = {**_open(upload_id), "lease": lease}
        values = {"state": UploadState.FINISHED}
        done = self.collection.update_one(where, {"$set": values}, session=within)
        return done.matched_count == 1

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted: what storage has is nobody's, and expires at once."""
        values = {"user_id": "", "described": to_doc(NOBODY), "expires_at": LONG_AGO}
        where = {"user_id": user_id, "kind": self.kind}
        self.collection.update_many(where, {"$set": values})


class PictureUploads(DirectUploads):
    """Those of pictures; `video_id` is the video that such a one is for."""

    kind = "picture"


def _open(upload_id: str) -> Document:
    return {"id": upload_id, "state": UploadState.OPEN}
