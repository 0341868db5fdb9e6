"""Reactions: what somebody thinks of a video or a comment (000's `likes`), one row for each.

A row says what somebody chose (`action`) and what the counters have of it (`counted`). It is
written first, and is what was acknowledged; a fold adds to the counters what they lack and marks
the rows in the same transaction, so that each counts once whatever is killed when.

    none --react--> pending --fold--> counted --react (other, or none)--> pending --fold--> ...

A row whose `none` is folded is removed.
"""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.database import Within
from models.documents import After, Document, Entity, from_doc, to_doc


class Kind(StrEnum):
    """What one may react to (000's `target_type`)."""

    VIDEO = "video"
    COMMENT = "comment"


class Choice(StrEnum):
    LIKE = "like"
    DISLIKE = "dislike"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction(Entity):
    user_id: str
    target_type: Kind
    target_id: str
    # Whose video or comment it is: their totals count it too.
    owner_id: str
    action: Choice
    created_at: datetime
    counted: Choice = Choice.NONE
    # Whether the counters have something else than `action`.
    pending: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionFold:
    """What some rows of one target add to its counters, and to its owner's totals."""

    rows: int = 0
    likes: int = 0
    dislikes: int = 0


_PENDING: Document = {"pending": True}
_NEWEST = [("created_at", -1), ("_id", -1)]


class Reactions:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("user_id", 1), ("target_id", 1), ("target_type", 1)], unique=True),
        # 000's, with what is counted within it.
        IndexModel([("target_id", 1), ("target_type", 1), ("action", 1), ("counted", 1)]),
        IndexModel([("owner_id", 1), ("target_type", 1), ("counted", 1)]),
        IndexModel([("user_id", 1), ("target_type", 1), ("action", 1), *_NEWEST]),
        IndexModel(
            [("pending", 1), ("target_type", 1), ("target_id", 1)],
            partialFilterExpression=_PENDING,
        ),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def react(self, row: Reaction) -> bool:
        """Have `row.action` for this person and target; whether that is news."""
        first = to_doc(row)
        kept = {name: {"$ifNull": [f"${name}", first[name]]} for name in ("_id", "id", "owner_id")}
        same = {"$eq": ["$action", row.action]}
        values = {
            **kept,
            "created_at": {"$cond": [same, "$created_at", row.created_at]},
            "counted": {"$ifNull": ["$counted", Choice.NONE]},
            "action": row.action,
        }
        stages = [{"$set": values}, {"$set": {"pending": {"$ne": ["$action", "$counted"]}}}]
        where = {name: first[name] for name in ("user_id", "target_id", "target_type")}
        try:
            done = self.collection.update_one(where, stages, upsert=row.action is not Choice.NONE)
        except DuplicateKeyError:
            # Two requests of one person at once: now there is a row to change.
            done = self.collection.update_one(where, stages)
        return done.upserted_id is not None or done.modified_count == 1

    def of(self, user_id: str, kind: Kind, target_ids: Some[str]) -> dict[str, Choice]:
        """How this person reacted to each of these, where they did, in one query."""
        where = {"user_id": user_id, "target_id": {"$in": list(target_ids)}, "target_type": kind}
        found = self.collection.find(where, {"target_id": 1, "action": 1})
        return {doc["target_id"]: Choice(doc["action"]) for doc in found}

    def liked_by(self, user_id: str, *, after: After | None, limit: int) -> list[Reaction]:
        """The videos that somebody likes, the latest first."""
        where = {"user_id": user_id, "target_type": Kind.VIDEO, "action": Choice.LIKE}
        where |= after.beyond("created_at") if after else {}
        found = self.collection.find(where).sort(_NEWEST).limit(limit)
        return [from_doc(Reaction, doc) for doc in found]

    def is_pending(self, kind: Kind, target_id: str) -> bool:
        """Whether the counters of this target lack something."""
        where = {**_PENDING, "target_type": kind, "target_id": target_id}
        return self.collection.find_one(where, {"_id": 1}) is not None

    def waiting(self, limit: int) -> Iterator[tuple[Kind, str]]:
        """Targets whose counters lack something, each once."""
        stages: list[Document] = [
            {"$match": _PENDING},
            {"$group": {"_id": {"kind": "$target_type", "id": "$target_id"}}},
            {"$limit": limit},
        ]
        found = self.collection.aggregate(stages)
        return ((Kind(doc["_id"]["kind"]), doc["_id"]["id"]) for doc in found)

    def fold(self, kind: Kind, target_id: str, limit: int, within: Within) -> ReactionFold:
        """Mark some rows of a target as counted; what they add."""
        where = {**_PENDING, "target_type": kind, "target_id": target_id}
        rows = list(self.collection.find(where, session=within).limit(limit))
        kept = [row["_id"] for row in rows if row["action"] != Choice.NONE]
        ended = [row["_id"] for row in rows if row["action"] == Choice.NONE]
        if kept:
            counted = [{"$set": {"counted": "$action", "pending": False}}]
            self.collection.update_many({"_id": {"$in": kept}}, counted, session=within)
        if ended:
            self.collection.delete_many({"_id": {"$in": ended}}, session=within)
        return ReactionFold(
            rows=len(rows), likes=_added(rows, Choice.LIKE), dislikes=_added(rows, Choice.DISLIKE)
        )

    def uncounted(self, kind: Kind, target_id: str) -> ReactionFold:
        """What the counters of this target lack."""
        where = {**_PENDING, "target_type": kind, "target_id": target_id}
        rows = list(self.collection.find(where, {"action": 1, "counted": 1}))
        return ReactionFold(
            rows=len(rows), likes=_added(rows, Choice.LIKE), dislikes=_added(rows, Choice.DISLIKE)
        )

    def drop(self, kind: Kind, target_id: str, within: Within) -> None:
        """All rows of what is not there, and is in no counter any more."""
        where = {"target_id": target_id, "target_type": kind}
        self.collection.delete_many(where, session=within)

    def forget_target(self, kind: Kind, target_id: str) -> None:
        """For what is gone; totals that counted it are put right by the next fold."""
        where = {"target_id": target_id, "target_type": kind}
        ended = {"action": Choice.NONE, "pending": True}
        self.collection.update_many(where, {"$set": ended})

    def forget_video(self, video_id: str) -> None:
        self.forget_target(Kind.VIDEO, video_id)

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted; the counters of others are put right by the next fold."""
        unnamed = {"$concat": ["gone:", {"$toString": "$_id"}]}
        ended: Document = {"action": Choice.NONE, "pending": True, "user_id": unnamed}
        self.collection.update_many({"user_id": user_id}, [{"$set": ended}])


def _added(rows: list[Document], choice: Choice) -> int:
    return sum((row["action"] == choice) - (row["counted"] == choice) for row in rows)
