"""Who keeps whom away: a blocked person comments and reacts nowhere on the other's videos.

One row for each pair, whose direction counts: `user_id` has blocked `blocked_id`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pymongo import DESCENDING, IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.documents import After, Document, Entity, from_doc, to_doc

NEWEST_FIRST = [("created_at", DESCENDING), ("_id", DESCENDING)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Entity):
    user_id: str
    blocked_id: str
    created_at: datetime


class Blocks:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("user_id", 1), ("blocked_id", 1)], unique=True),
        IndexModel([("user_id", 1), *NEWEST_FIRST]),
        IndexModel("blocked_id"),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, block: Block) -> bool:
        """False if that is so already."""
        try:
            self.collection.insert_one(to_doc(block))
        except DuplicateKeyError:
            return False
        return True

    def remove(self, user_id: str, blocked_id: str) -> bool:
        where = {"user_id": user_id, "blocked_id": blocked_id}
        return self.collection.delete_one(where).deleted_count == 1

    def holds(self, user_id: str, blocked_id: str) -> bool:
        """Whether `user_id` has blocked `blocked_id`."""
        where = {"user_id": user_id, "blocked_id": blocked_id}
        return self.collection.find_one(where, {"_id": 1}) is not None

    def who_blocks(self, blocked_id: str, ids: Iterable[str]) -> set[str]:
        """Those of `ids` who have blocked this person, in one query."""
        where = {"user_id": {"$in": list(ids)}, "blocked_id": blocked_id}
        return {doc["user_id"] for doc in self.collection.find(where, {"user_id": 1})}

    def newest_of(self, user_id: str, *, after: After | None, limit: int) -> list[Block]:
        where = {"user_id": user_id} | (after.beyond("created_at") if after else {})
        found = self.collection.find(where).sort(NEWEST_FIRST).limit(limit)
        return [from_doc(Block, doc) for doc in found]

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted: neither keeps away nor is kept away any more."""
        self.collection.delete_many({"user_id": user_id})
        self.collection.delete_many({"blocked_id": user_id})
