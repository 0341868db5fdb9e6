"""How much each user has uploaded this week: two fields of their row (003, `upload_quota`).

A week is named by the Sunday, 00:00 UTC, on which it began. What a row says of an earlier week
counts as nothing, so that a scheduler that overslept keeps nobody from uploading.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pymongo import IndexModel
from pymongo.collection import Collection

from models.database import Within
from models.documents import Document

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEEK: Document = {"$ifNull": ["$last_upload_reset", _EPOCH]}


class Quotas:
    """The part of the `users` collection that is about weekly uploads."""

    INDEXES = (
        # Only who has uploaded something is in it: what a reset has to look at.
        IndexModel(
            "last_upload_reset", partialFilterExpression={"weekly_upload_bytes": {"$gt": 0}}
        ),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def reserve(
        self,
        user_id: str,
        size_bytes: int,
        *,
        week: datetime,
        limit_bytes: int | None,
        within: Within | None = None,
    ) -> bool:
        """Add to what this user has used in `week`; False, and nothing, if that is too much."""
        total: Document = {"$add": [_used(week), size_bytes]}
        allowed = {} if limit_bytes is None else {"$expr": {"$lte": [total, limit_bytes]}}
        return self._set({"id": user_id, **allowed}, total, week, within)

    def release(
        self, user_id: str, size_bytes: int, *, week: datetime, within: Within | None = None
    ) -> None:
        """Give back what was reserved in `week`; nothing is left of it in a later one."""
        left: Document = {"$max": [0, {"$subtract": [_used(week), size_bytes]}]}
        self._set({"id": user_id, "last_upload_reset": week}, left, week, within)

    def used(self, user_id: str, week: datetime) -> int:
        doc = self.collection.find_one({"id": user_id}, {"used": _used(week)})
        return doc["used"] if doc else 0

    def reset(self, week: datetime) -> int:
        """Begin `week` for everybody (003: Sundays); returns for how many that was news."""
        where = {"weekly_upload_bytes": {"$gt": 0}, "last_upload_reset": {"$lt": week}}
        values = {"weekly_upload_bytes": 0, "last_upload_reset": week}
        return self.collection.update_many(where, {"$set": values}).modified_count

    def _set(self, where: Document, used: Document, week: datetime, within: Within | None) -> bool:
        # A host whose clock is behind must not take everybody back to last week.
        values = {"weekly_upload_bytes": used, "last_upload_reset": {"$max": [_WEEK, week]}}
        done = self.collection.update_one(where, [{"$set": values}], session=within)
        return done.matched_count == 1


def _used(week: datetime) -> Document:
    return {
        "$cond": [{"$lt": [_WEEK, week]}, 0, {"$ifNull": ["$weekly_upload_bytes", 0]}],
    }
