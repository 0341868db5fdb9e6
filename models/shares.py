"""Shares: one row for each time that somebody passed a video on, once an hour.

A row is what was acknowledged. A fold counts it on its video and marks it in one transaction, so
that each counts once whatever is killed when. `sharer` is a user's id, or a keyed hash.

    pending --fold--> counted
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.database import Within
from models.documents import Document, Entity, from_doc, to_doc

_PENDING: Document = {"pending": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(Entity):
    video_id: str
    sharer: str
    # The window in which it happened, counted from 1970: in each, one share counts.
    window: int
    created_at: datetime
    # How it was passed on, as the client calls it.
    channel: str = ""
    counted: bool = False
    pending: bool = True


class Shares:
    INDEXES = (
        IndexModel([("video_id", 1), ("sharer", 1), ("window", 1)], unique=True),
        # Rows are counted within this.
        IndexModel([("video_id", 1), ("counted", 1)]),
        IndexModel([("pending", 1), ("video_id", 1)], partialFilterExpression=_PENDING),
        IndexModel([("sharer", 1), ("_id", 1)]),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, share: Share) -> bool:
        """False if it is there already."""
        try:
            self.collection.insert_one(to_doc(share))
        except DuplicateKeyError:
            return False
        return True

    def is_pending(self, video_id: str) -> bool:
        """Whether the counter lacks something."""
        return self.collection.find_one({**_PENDING, "video_id": video_id}, {"_id": 1}) is not None

    def uncounted(self, video_id: str) -> int:
        """How many the counter lacks."""
        return self.collection.count_documents({**_PENDING, "video_id": video_id})

    def waiting(self, limit: int) -> Iterator[str]:
        """Ids of videos whose counters lack something, each once."""
        stages: list[Document] = [
            {"$match": _PENDING},
            {"$group": {"_id": "$video_id"}},
            {"$limit": limit},
        ]
        return (doc["_id"] for doc in self.collection.aggregate(stages))

    def fold(self, video_id: str, limit: int, within: Within) -> int:
        """Mark some rows as counted; how many."""
        where = {**_PENDING, "video_id": video_id}
        rows = self.collection.find(where, {"_id": 1}, session=within).limit(limit)
        chosen = [row["_id"] for row in rows]
        counted = {"$set": {"counted": True, "pending": False}}
        if chosen:
            self.collection.update_many({"_id": {"$in": chosen}}, counted, session=within)
        return len(chosen)

    def every_one_of(self, user_id: str) -> Iterator[Share]:
        """All that somebody passed on, few at a time in memory."""
        found = self.collection.find({"sharer": user_id}).sort("_id", 1).batch_size(200)
        return (from_doc(Share, doc) for doc in found)

    def forget_video(self, video_id: str) -> None:
        """For a video that is gone."""
        self.collection.delete_many({"video_id": video_id})

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted: that somebody passed it on stays, and not who."""
        unnamed: Document = {"$concat": ["gone:", {"$toString": "$_id"}]}
        self.collection.update_many({"sharer": user_id}, [{"$set": {"sharer": unnamed}}])
