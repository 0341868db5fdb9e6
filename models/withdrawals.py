"""Taking videos away: hidden at once, then their media and their words, one after the other.

there --withdraw--> deleted --erase--> a row that says only that there was a video
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pymongo.collection import Collection

from models.documents import Document, from_doc
from models.video import Video


class Withdrawals:
    """A part of `Videos`."""

    collection: Collection[Document]

    def withdraw_all_of(self, author_id: str, now: datetime) -> int:
        """Delete everything of one author's; returns how much there was.

        A worker that holds one loses its lease, so that what it makes is not published.
        """
        where = {"author_id": author_id, "deleted_at": None}
        values = {"deleted_at": now, "processing.lease": None}
        return self.collection.update_many(where, {"$set": values}).modified_count

    def withdraw(self, video_id: str, now: datetime) -> None:
        where = {"id": video_id, "deleted_at": None}
        values = {"deleted_at": now, "processing.lease": None}
        self.collection.update_one(where, {"$set": values})

    def unerased_of(self, author_id: str) -> Iterator[str]:
        """Ids of deleted videos whose media may still be there, in one pass."""
        where = {"author_id": author_id, "deleted_at": {"$ne": None}, "erased_at": None}
        return (doc["id"] for doc in self.collection.find(where, {"id": 1}))

    def erase(self, video_id: str, now: datetime) -> None:
        """Forget a deleted video's words and where it came from, once its media is gone."""
        words = dict.fromkeys(("title", "description", "category"), "")
        gone = dict.fromkeys(("youtube_id", "source", "playback_version", "progressive"))
        values = {**words, **gone, "tags": [], "renditions": [], "has_poster": False}
        values |= {"stored_bytes": 0}
        where = {"id": video_id, "deleted_at": {"$ne": None}}
        self.collection.update_one(where, {"$set": {**values, "erased_at": now}})

    def is_withdrawn(self, video_id: str) -> bool:
        where = {"id": video_id, "deleted_at": {"$ne": None}}
        return self.collection.find_one(where, {"_id": 1}) is not None

    def every_one_of(self, author_id: str) -> Iterator[Video]:
        """For the export of somebody's data: as many as there are, few at a time in memory."""
        where = {"author_id": author_id, "deleted_at": None}
        return (from_doc(Video, doc) for doc in self.collection.find(where).batch_size(200))
