"""What there is of videos, all together: for an admin, and for who must not add one twice."""

from __future__ import annotations

from pymongo import IndexModel
from pymongo.collection import Collection

from models.documents import Document
from models.video import ProcessingStatus

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

    def weighed(self, video_id: str, stored_bytes: int) -> None:
        """Note what storage holds of a video."""
        self.collection.update_one({"id": video_id}, {"$set": {"stored_bytes": stored_bytes}})

    def stored_bytes(self) -> int:
        """What all of them take up: added up from the index, without reading a video."""
        total = {"$group": {"_id": None, "bytes": {"$sum": "$stored_bytes"}}}
        found = list(self.collection.aggregate([{"$match": _STORED}, total]))
        return found[0]["bytes"] if found else 0
