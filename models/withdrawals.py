"""Taking videos away: hidden at once, then their media and their words, one after the other.

    there --take_down--> deleted --condemn--> condemned --erase--> a row that says only that there
          <--restore----                                           was a video

Until `purge_at` a deleted video can come back. Who removes its media condemns it first, so that
nothing is restored that is half gone; `withdraw` does both at once, for what nobody may have back.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.announcements import VideoEvent, noted
from models.documents import After, Document, by_reference, from_doc, to_doc
from models.video import Monetization, Video

_DELETED: Document = {"deleted_at": {"$type": "date"}}
_GONE = (
    *("youtube_id", "external", "source", "playback_version", "progressive"),
    *("previous", "retire_at", "publish_at", "purge_at", "thumbnail"),
    *("presentation", "storyboard", "tracks.due_at", "tracks.tidy_at"),
)


class Withdrawals:
    """A part of `Videos`."""

    INDEXES = (
        IndexModel(
            [("author_id", 1), ("deleted_at", -1), ("_id", -1)], partialFilterExpression=_DELETED
        ),
        IndexModel("purge_at", partialFilterExpression={"purge_at": {"$type": "date"}}),
    )

    collection: Collection[Document]

    def take_down(
        self, video_id: str, *, by: str | None, now: datetime, purge_at: datetime
    ) -> Video | None:
        """Delete a video, so that it can be restored until `purge_at`; None if it is deleted.

        A worker that holds it loses its lease, so that what it makes is not published.
        """
        values = {"deleted_at": now, "deleted_by": by, "purge_at": purge_at}
        where = {"id": video_id, "deleted_at": None}
        told = noted(now, VideoEvent.DELETED)
        return self._after(where, {**values, "processing.lease": None}, told)

    def restore(self, video_id: str, now: datetime) -> Video | None:
        """Bring a deleted video back; None if it is not deleted, or it is too late."""
        where = {**_DELETED, "id": video_id, "condemned_at": None, "purge_at": {"$gt": now}}
        values = {"deleted_at": None, "deleted_by": None, "purge_at": None, "updated_at": now}
        return self._after(where, values)

    def purge_now(self, video_id: str, now: datetime) -> bool:
        """Shorten the time in which a deleted video can be restored to none."""
        where = {**_DELETED, "id": video_id, "erased_at": None}
        done = self.collection.update_one(where, {"$min": {"purge_at": now}})
        return done.matched_count == 1

    def get_deleted(self, reference: str) -> Video | None:
        """By uuid or ObjectId, for as long as anything is left of it."""
        where = by_reference(reference)
        rest = {**_DELETED, "erased_at": None}
        doc = self.collection.find_one({**where, **rest}) if where else None
        return from_doc(Video, doc) if doc else None

    def deleted_of(
        self, author_id: str, *, after: After | None, skip: int, limit: int
    ) -> list[Video]:
        """What one may still restore, the latest first."""
        where = _restorable(author_id) | (after.beyond("deleted_at") if after else {})
        found = self.collection.find(where).sort([("deleted_at", -1), ("_id", -1)])
        return [from_doc(Video, doc) for doc in found.skip(skip).limit(limit)]

    def count_deleted_of(self, author_id: str) -> int:
        return self.collection.count_documents(_restorable(author_id))

    def to_purge(self, now: datetime, limit: int = 1000) -> Iterator[str]:
        """Ids of deleted videos that nobody can restore any more, the oldest first."""
        where = {"purge_at": {"$lte": now, "$type": "date"}}
        found = self.collection.find(where, {"id": 1}).sort("purge_at", 1).limit(limit)
        return (doc["id"] for doc in found)

    def condemn(self, video_id: str, now: datetime) -> Video | None:
        """Make the end of a deleted video final; again, if who did so did not come to its end."""
        where = {**_DELETED, "id": video_id, "erased_at": None, "purge_at": {"$lte": now}}
        return self._after(where, {"condemned_at": now})

    def withdraw_all_of(self, author_id: str, now: datetime) -> int:
        """Delete everything of one author's for good; returns how much there was.

        A worker that holds one loses its lease, so that what it makes is not published.
        """
        final = {"condemned_at": now, "processing.lease": None}
        there = {"author_id": author_id, "deleted_at": None}
        told = noted(now, VideoEvent.DELETED)
        found = self.collection.update_many(there, {"$set": {**final, "deleted_at": now}, **told})
        before = {**_DELETED, "author_id": author_id, "erased_at": None}
        self.collection.update_many(before, {"$set": final})
        return found.modified_count

    def withdraw(self, video_id: str, now: datetime) -> None:
        where = {"id": video_id, "deleted_at": None}
        values = {"deleted_at": now, "condemned_at": now, "processing.lease": None}
        self.collection.update_one(where, {"$set": values})

    def unerased_of(self, author_id: str) -> Iterator[str]:
        """Ids of deleted videos whose media may still be there, in one pass."""
        where = {"author_id": author_id, "deleted_at": {"$ne": None}, "erased_at": None}
        return (doc["id"] for doc in self.collection.find(where, {"id": 1}))

    def erase(self, video_id: str, now: datetime) -> None:
        """Forget a deleted video's words and where it came from, once its media is gone."""
        words = dict.fromkeys(("title", "description", "category"), "")
        names = ("tags", "renditions", "geo_restrictions", "captions", "audio_tracks")
        lists: Document = {name: [] for name in names}
        values = {**words, **dict.fromkeys(_GONE), **lists, "has_poster": False}
        values |= {"stored_bytes": 0, "monetization": to_doc(Monetization())}
        # Its comments are gone. What reactions add up to is taken back as they are folded.
        values |= {"comment_count": 0, "thread_count": 0}
        where = {"id": video_id, "deleted_at": {"$ne": None}}
        self.collection.update_one(where, {"$set": {**values, "erased_at": now}})

    def is_withdrawn(self, video_id: str) -> bool:
        """Whether it is gone for good, and whatever is stored for it should be."""
        where = {"id": video_id, "condemned_at": {"$ne": None}}
        return self.collection.find_one(where, {"_id": 1}) is not None

    def every_one_of(self, author_id: str) -> Iterator[Video]:
        """For the export of somebody's data: as many as there are, few at a time in memory."""
        where = {"author_id": author_id, "deleted_at": None}
        return (from_doc(Video, doc) for doc in self.collection.find(where).batch_size(200))

    def _after(
        self, where: Document, values: Document, told: Document | None = None
    ) -> Video | None:
        doc = self.collection.find_one_and_update(
            where, {"$set": values, **(told or {})}, return_document=ReturnDocument.AFTER
        )
        return from_doc(Video, doc) if doc else None


def _restorable(author_id: str) -> Document:
    return {**_DELETED, "author_id": author_id, "condemned_at": None, "erased_at": None}
