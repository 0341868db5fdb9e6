"""Follows: one row for each person who follows another (000's `follows`).

A row says whether somebody follows (`active`) and whether both counters have it (`counted`). It is
written first, and is what was acknowledged; a fold adds to the counters what they lack and marks
the rows in the same transaction, so that each counts once whatever is killed when.

    none --follow--> pending --fold--> counted --unfollow--> pending --fold--> none
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection as Some
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.database import Within
from models.documents import After, Document, Entity, from_doc, to_doc

_PENDING: Document = {"pending": True}
_NEWEST = [("created_at", -1), ("_id", -1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow(Entity):
    follower_id: str
    following_id: str
    created_at: datetime
    active: bool = True
    counted: bool = False
    # Whether the counters lack it, or have it and should not.
    pending: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowFold:
    """What some rows change: how many follow one person, and whom each of these follows."""

    rows: int
    followers: int
    following: dict[str, int]


class Follows:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("follower_id", 1), ("following_id", 1)], unique=True),
        # Lists are read, and rows counted, within these.
        IndexModel([("following_id", 1), *_NEWEST, ("active", 1), ("counted", 1)]),
        IndexModel(
            [("follower_id", 1), *_NEWEST, ("active", 1), ("counted", 1), ("following_id", 1)]
        ),
        IndexModel([("pending", 1), ("following_id", 1)], partialFilterExpression=_PENDING),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def follow(self, row: Follow) -> bool:
        """Whether that is news: somebody who follows already goes on doing so."""
        first = to_doc(row)
        kept = {name: {"$ifNull": [f"${name}", first[name]]} for name in ("_id", "id")}
        since = {"$cond": ["$active", "$created_at", row.created_at]}
        counted = {"$ifNull": ["$counted", False]}
        values = {**kept, "created_at": since, "active": True, "counted": counted}
        stages = [{"$set": values}, {"$set": {"pending": {"$not": ["$counted"]}}}]
        before = self._changed(_pair(row.follower_id, row.following_id), stages)
        return not (before and before["active"])

    def unfollow(self, follower_id: str, following_id: str) -> bool:
        """Whether that is news."""
        where = {**_pair(follower_id, following_id), "active": True}
        gone = [{"$set": {"active": False, "pending": True}}]
        return self.collection.update_one(where, gone).matched_count == 1

    def exists(self, follower_id: str, following_id: str) -> bool:
        where = {**_pair(follower_id, following_id), "active": True}
        return self.collection.find_one(where, {"_id": 1}) is not None

    def which(self, follower_id: str, ids: Some[str]) -> set[str]:
        """Those of `ids` whom this person follows, in one query."""
        where = {"follower_id": follower_id, "following_id": {"$in": list(ids)}, "active": True}
        return {doc["following_id"] for doc in self.collection.find(where, {"following_id": 1})}

    def followers(
        self, user_id: str, *, after: After | None = None, skip: int = 0, limit: int
    ) -> list[Follow]:
        """Who follows this person, the latest first."""
        return self._page({"following_id": user_id}, after, skip, limit)

    def following(
        self, user_id: str, *, after: After | None = None, skip: int = 0, limit: int
    ) -> list[Follow]:
        """Whom this person follows, the latest first."""
        return self._page({"follower_id": user_id}, after, skip, limit)

    def followed_by(self, user_id: str, most: int) -> list[str]:
        """Ids of those whom this person follows, from the index alone."""
        where, shown = {"follower_id": user_id, "active": True}, {"following_id": 1, "_id": 0}
        found = self.collection.find(where, shown).sort(_NEWEST).limit(most)
        return [doc["following_id"] for doc in found]

    def every_follower(self, user_id: str) -> Iterator[str]:
        """Ids of all who follow this person, few at a time in memory."""
        where, shown = {"following_id": user_id, "active": True}, {"follower_id": 1}
        found = self.collection.find(where, shown).sort(_NEWEST).batch_size(1000)
        return (doc["follower_id"] for doc in found)

    def is_pending(self, user_id: str) -> bool:
        """Whether the counters lack something about this person's followers."""
        return (
            self.collection.find_one({**_PENDING, "following_id": user_id}, {"_id": 1}) is not None
        )

    def uncounted(self, user_id: str) -> int:
        """How many followers the counter of this person lacks, or has too many."""
        where = {**_PENDING, "following_id": user_id}
        rows = self.collection.find(where, {"active": 1, "counted": 1})
        return sum(row["active"] - row["counted"] for row in rows)

    def waiting(self, limit: int) -> Iterator[str]:
        """Ids of people about whose followers the counters lack something, each once."""
        stages: list[Document] = [
            {"$match": _PENDING},
            {"$group": {"_id": "$following_id"}},
            {"$limit": limit},
        ]
        return (doc["_id"] for doc in self.collection.aggregate(stages))

    def fold(self, user_id: str, limit: int, within: Within, *, is_gone: bool) -> FollowFold:
        """Mark some rows as counted; what that changes. Nobody follows who `is_gone`."""
        where = {**_PENDING, "following_id": user_id}
        rows = list(self.collection.find(where, session=within).limit(limit))
        kept = [row["_id"] for row in rows if row["active"] and not is_gone]
        ended = [row["_id"] for row in rows if not row["active"] or is_gone]
        if kept:
            counted = {"$set": {"counted": True, "pending": False}}
            self.collection.update_many({"_id": {"$in": kept}}, counted, session=within)
        if ended:
            self.collection.delete_many({"_id": {"$in": ended}}, session=within)
        changes = Counter[str]()
        for row in rows:
            changes[row["follower_id"]] += (row["active"] and not is_gone) - row["counted"]
        return FollowFold(rows=len(rows), followers=changes.total(), following=dict(changes))

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted; the counters of others are put right by the next fold."""
        unnamed = {"$concat": ["gone:", {"$toString": "$_id"}]}
        ended: Document = {"active": False, "pending": True}
        theirs, others = {"follower_id": user_id}, {"following_id": user_id}
        self.collection.update_many(theirs, [{"$set": {**ended, "follower_id": unnamed}}])
        self.collection.update_many(others, [{"$set": ended}])

    def _page(self, where: Document, after: After | None, skip: int, limit: int) -> list[Follow]:
        wanted = {**where, "active": True} | (after.beyond("created_at") if after else {})
        found = self.collection.find(wanted).sort(_NEWEST).skip(skip).limit(limit)
        return [from_doc(Follow, doc) for doc in found]

    def _changed(self, where: Document, stages: list[Document]) -> Document | None:
        """The row as it was before."""
        try:
            return self.collection.find_one_and_update(where, stages, upsert=True)
        except DuplicateKeyError:
            # Two requests of one person at once: now there is a row to change.
            return self.collection.find_one_and_update(where, stages)


def _pair(follower_id: str, following_id: str) -> Document:
    return {"follower_id": follower_id, "following_id": following_id}
