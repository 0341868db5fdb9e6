"""Which videos are in a category, all of them: a part of `Videos`."""

from __future__ import annotations

from pymongo import IndexModel
from pymongo.collection import Collection

from models.documents import Document
from models.video import PUBLIC

_SOME: Document = {"category": {"$gt": ""}}


class Categorized:
    INDEXES = (IndexModel("category", name="any_category", partialFilterExpression=_SOME),)

    collection: Collection[Document]

    def has_category(self, category: str) -> bool:
        """Whether there is a video in it, public or not."""
        where = {"category": category, "deleted_at": None}
        return self.collection.find_one(where, {"_id": 1}) is not None

    def recategorize(self, category: str, other: str) -> int:
        """Move what is in one to the other; returns how many videos."""
        where = {"category": category}
        return self.collection.update_many(where, {"$set": {"category": other}}).modified_count

    def count_by_category(self) -> dict[str, int]:
        """How many public videos each has that has any: one pass over an index."""
        number = {"$group": {"_id": "$category", "videos": {"$sum": 1}}}
        found = self.collection.aggregate([{"$match": {**PUBLIC, **_SOME}}, number])
        return {doc["_id"]: doc["videos"] for doc in found}
