"""Videos that all followers of their author are to be told of, and how far that has come.

A telling is held by one worker at a time:

    waiting --claim--> held --advance--> held (further on) --finish--> gone
                       held, not renewed --claim--> held by another, who goes on from there
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.documents import After, Document, Entity, from_doc, to_doc


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling(Entity):
    """`id` follows from the publication, so that beginning it twice is beginning it once."""

    video_id: str
    author_id: str
    published_at: datetime
    # The last follower who was told, by when they began to follow and the row that says so.
    after_at: datetime | None = None
    after_oid: str = ""
    told: int = 0
    lease: str | None = None
    lease_until: datetime

    @property
    def after(self) -> After | None:
        return After(self.after_at, self.after_oid) if self.after_at else None


class Tellings:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel("lease_until"),
        IndexModel("author_id"),
        IndexModel("video_id"),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, telling: Telling) -> bool:
        """False if it has begun already."""
        try:
            self.collection.insert_one(to_doc(telling))
        except DuplicateKeyError:
            return False
        return True

    def claim(
        self, telling_id: str, lease: str, *, now: datetime, until: datetime
    ) -> Telling | None:
        """None if it is done, or somebody is at it."""
        doc = self.collection.find_one_and_update(
            {"id": telling_id, "lease_until": {"$lte": now}},
            {"$set": {"lease": lease, "lease_until": until}},
            return_document=ReturnDocument.AFTER,
        )
        return from_doc(Telling, doc) if doc else None

    def advance(self, telling: Telling, after: After, told: int, *, until: datetime) -> bool:
        """Note how far it has come; False if another has taken it over."""
        values = {"after_at": after.value, "after_oid": after.oid, "lease_until": until}
        where = {"id": telling.id, "lease": telling.lease}
        change = {"$set": values, "$inc": {"told": told}}
        return self.collection.update_one(where, change).matched_count == 1

    def release(self, telling: Telling, until: datetime) -> None:
        """Let another go on from where it is, from then on."""
        where = {"id": telling.id, "lease": telling.lease}
        self.collection.update_one(where, {"$set": {"lease": None, "lease_until": until}})

    def finish(self, telling: Telling) -> None:
        self.collection.delete_one({"id": telling.id, "lease": telling.lease})

    def unattended(self, now: datetime, limit: int) -> list[str]:
        """Ids of those that nobody is at."""
        found = self.collection.find({"lease_until": {"$lte": now}}, {"id": 1})
        return [doc["id"] for doc in found.sort("lease_until", 1).limit(limit)]

    def forget_video(self, video_id: str) -> None:
        self.collection.delete_many({"video_id": video_id})

    def forget_all_of(self, user_id: str) -> None:
        self.collection.delete_many({"author_id": user_id})
