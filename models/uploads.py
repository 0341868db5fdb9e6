"""Uploads under way, from their creation until they are a video or forgotten.

    open --finish--> finished    its bytes are all there, and they are the video `video_id`
         --fail----> failed      its bytes are no video; why is said until it expires
         --forget--> (gone)      terminated, or expired

All are in one collection. Resumable ones are here, those that go to storage directly in
`direct_uploads.py`. Of the former, `offset` says how many bytes are on the disk for good: whatever
lies behind it in the file was not acknowledged, and is written anew. Who writes holds a lock on it
(services/adapters/incoming.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from pymongo import IndexModel
from pymongo.collection import Collection

from models.database import Within
from models.documents import Document, Entity, by_reference, from_doc, to_doc
from models.video import Monetization, Visibility


class UploadState(StrEnum):
    OPEN = "open"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What its owner said of the file and the video when the upload was created."""

    filename: str
    filetype: str
    title: str
    description: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    visibility: Visibility = Visibility.PUBLIC
    publish_at: datetime | None = None
    monetization: Monetization = field(default_factory=Monetization)
    drm_enabled: bool = False
    geo_restrictions: tuple[str, ...] = ()
    # The video whose content these bytes are to replace, by either id; empty for a new one.
    replaces: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What an upload holds of its owner's weekly quota.

    It covers the file up to `covered_bytes`. Of that, `held_bytes` were taken in the week that
    began with `week`, and can be given back while it lasts.
    """

    covered_bytes: int
    held_bytes: int
    week: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadUnderWay(Entity):
    """What every upload has, whichever way its bytes come."""

    user_id: str
    # Decided at the start: however often the end is tried, it makes this one video.
    video_id: str
    described: Described
    reservation: Reservation
    state: UploadState = UploadState.OPEN
    error_message: str = ""
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumableUpload(UploadUnderWay):
    # In the folder of uploads under way.
    file: str
    # None while its length is deferred.
    size_bytes: int | None
    offset: int = 0
    # As it was sent: whoever asks is given it back.
    metadata: str = ""

    @property
    def is_whole(self) -> bool:
        return self.offset == self.size_bytes


U = TypeVar("U", bound=UploadUnderWay)


class UploadsUnderWay(Generic[U]):
    """What is asked of uploads of every kind. Each kind sees only its own."""

    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("kind", 1), ("expires_at", 1)]),
        IndexModel("user_id"),
        IndexModel("video_id"),
    )
    kind: ClassVar[str]
    entity: type[U]

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, upload: U, within: Within) -> None:
        self.collection.insert_one({**to_doc(upload), "kind": self.kind}, session=within)

    def get(self, reference: str, user_id: str) -> U | None:
        """By uuid or ObjectId; None if it is not this user's."""
        where = by_reference(reference)
        mine = {"user_id": user_id, "kind": self.kind}
        doc = self.collection.find_one({**where, **mine}) if where else None
        return from_doc(self.entity, doc) if doc else None

    def are_for(self, video_id: str) -> bool:
        """Whether any, of whatever kind, may bring something to this video yet."""
        # What a direct upload brings to a video that is there waits under its own id.
        where = {"$or": [{"video_id": video_id}, {"id": video_id}]}
        return self.collection.find_one(where, {"_id": 1}) is not None

    def fail(self, upload_id: str, message: str, within: Within) -> bool:
        """False if it was no longer open."""
        values = {"state": UploadState.FAILED, "error_message": message}
        return self._while_open(upload_id, values, within)

    def forget(self, upload_id: str, within: Within | None = None) -> U | None:
        """What it was; None if somebody forgot it before."""
        doc = self.collection.find_one_and_delete({"id": upload_id}, session=within)
        return from_doc(self.entity, doc) if doc else None

    def expired(self, now: datetime, limit: int = 1000) -> Iterator[U]:
        """Those whose time is over, in whatever state, the longest first."""
        where = {"expires_at": {"$lte": now}, "kind": self.kind}
        found = self.collection.find(where).sort("expires_at", 1)
        return (from_doc(self.entity, doc) for doc in found.limit(limit))

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted. Their files are taken for abandoned after a day."""
        self.collection.delete_many({"user_id": user_id, "kind": self.kind})

    def _while_open(self, upload_id: str, values: Document, within: Within | None = None) -> bool:
        where = {"id": upload_id, "state": UploadState.OPEN}
        done = self.collection.update_one(where, {"$set": values}, session=within)
        return done.matched_count == 1


class Uploads(UploadsUnderWay[ResumableUpload]):
    """Resumable ones."""

    kind = "resumable"
    entity = ResumableUpload

    def advance(self, upload: ResumableUpload) -> bool:
        """Acknowledge its offset; False if it is no longer open."""
        values = {"offset": upload.offset, "expires_at": upload.expires_at}
        return self._while_open(upload.id, values)

    def extend(self, upload: ResumableUpload, within: Within) -> bool:
        """Note its length, and what it reserves by now; False if it is no longer open."""
        values = {"size_bytes": upload.size_bytes, "reservation": to_doc(upload.reservation)}
        return self._while_open(upload.id, values, within)

    def finish(self, upload_id: str) -> bool:
        """False if it was no longer open."""
        return self._while_open(upload_id, {"state": UploadState.FINISHED})
