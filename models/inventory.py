"""What there is of videos, all together: for an admin, and for who must not add one twice."""

from __future__ import annotations

from collections.abc import Iterator

from pymongo import IndexModel
from pymongo.collection import Collection

from models.documents import Document, from_doc
from models.video import ProcessingStatus, Video

_STORED = {"stored_bytes": {"$gt": 0}}


class Inventory:
    """A part of `Videos`."""

    INDEXES = (IndexModel("stored_bytes", partialFilterExpression=_STORED),)

    collection: Collection[Document]

    def knows(self, video_id: str) -> bool:
        """Whether there is such a video, or was."""
        return self.collection.find_one({"id": video_id}, {"_id": 1}) is not None

    def count_all(self) -> int:
        """Every video that is not deleted."""
        where = {"processing_status": {"$in": list(ProcessingStatus)}, "deleted_at": None}
        return self.collection.count_documents(where)

    def estimated_count(self) -> int:
        """About how many rows there are, without counting them."""
        return self.collection.estimated_document_count()

    def in_order(self) -> Iterator[Video]:
        """Every video that is there or was, by its id; few at a time in memory."""
        found = self.collection.find({"id": {"$gt": ""}}).sort("id", 1).batch_size(500)
        return (from_doc(Video, doc) for doc in found)

    def whatever_is_left_of(self, video_id: str) -> Video | None:
        """A video, even if it is deleted."""
        doc = self.collection.find_one({"id": video_id})
        return from_doc(Video, doc) if doc else None

    def forget_poster(self, video_id: str) -> None:
        """Note that the pipeline's picture of what failed is to be removed."""
        where = {"id": video_id, "processing_status": ProcessingStatus.ERROR, "playable": False}
        self.collection.update_one(where, {"$set": {"has_poster": False}})

    def weighed(self, video_id: str, stored_bytes: int) -> None:
        """Note what storage holds of a video."""
        self.collection.update_one({"id": video_id}, {"$set": {"stored_bytes": stored_bytes}})

    def stored_bytes(self) -> int:
        """What all of them take up: added up from the index, without reading a video."""
        total = {"$group": {"_id": None, "bytes": {"$sum": "$stored_bytes"}}}
        found = list(self.collection.aggregate([{"$match": _STORED}, total]))
        return found[0]["bytes"] if found else 0
