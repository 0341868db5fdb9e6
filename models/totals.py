"""How many videos the long lists hold, as the scheduler last counted them.

Counting a million videos takes seconds, so no request does. There is one row for each long list
that somebody looks at. The longer the list, the more rarely it is counted anew; when nobody asks
for it, it is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.documents import Document, Entity, from_doc, to_doc
from models.listings import Listing

FORGOTTEN_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Total(Entity):
    # What tells this list from others: `listing` as one text.
    key: str
    listing: Listing
    asked_at: datetime
    # When to count again.
    due_at: datetime
    # None until it is counted for the first time.
    total: int | None = None


class Totals:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel("key", unique=True),
        IndexModel("due_at"),
        IndexModel("asked_at", expireAfterSeconds=FORGOTTEN_SECONDS),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def ask(self, total: Total) -> int | None:
        """What is known of this list, which is counted from now on if it was not before."""
        first = to_doc(total)
        asked = {"asked_at": first.pop("asked_at")}
        doc = self.collection.find_one_and_update(
            {"key": first.pop("key")},
            {"$set": asked, "$setOnInsert": first},
            {"total": 1},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return doc["total"] if doc else None

    def known(self, key: str, now: datetime) -> int:
        """What this list held when it was last counted, or 0; notes that somebody asked."""
        where, asked = {"key": key}, {"$set": {"asked_at": now}}
        doc = self.collection.find_one_and_update(where, asked, {"total": 1})
        return (doc["total"] or 0) if doc else 0

    def due(self, now: datetime, *, limit: int) -> Iterator[Total]:
        """Those to count, the longest due first."""
        found = self.collection.find({"due_at": {"$lte": now}}).sort("due_at", 1).limit(limit)
        return (from_doc(Total, doc) for doc in found)

    def counted(self, key: str, total: int, *, now: datetime, again: timedelta) -> None:
        values = {"total": total, "due_at": now + again}
        self.collection.update_one({"key": key}, {"$set": values})
