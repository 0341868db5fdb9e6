"""Views: one row for each time that somebody watched a video (004's `video_views`).

The row comes first, and is the acknowledgement: what counters show is folded from rows that are
`pending`, in a transaction that marks them, so that each is counted once whatever is killed when.
`viewer` is a user's id, or a keyed hash that nobody can turn back into an address.

    pending (not counted) --fold--> counted --report--> pending (counted) --fold--> counted
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pymongo
from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.database import Within
from models.documents import Document, Entity, from_doc, to_doc

PATIENCE_SECONDS = 3
KEPT_SECONDS = 90 * 24 * 3600
_PENDING = {"pending": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Entity):
    video_id: str
    viewer: str
    # The how manieth time it is for this viewer. Two requests at once mean the same one.
    number: int
    started_at: datetime
    reported_at: datetime
    watch_seconds: float = 0.0
    quality: str = ""
    # Something of it is not in the counters yet: the view itself unless it is `counted`, and
    # what was watched beyond `folded_seconds`.
    pending: bool = True
    counted: bool = False
    folded_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What some rows add to the counters of their video."""

    views: int
    watch_seconds: float


class Views:
    INDEXES = (
        IndexModel([("video_id", 1), ("viewer", 1), ("number", -1)], unique=True),
        IndexModel([("pending", 1), ("video_id", 1)], partialFilterExpression=_PENDING),
        IndexModel("viewer"),
        # Nothing is forgotten that is not in the counters.
        IndexModel(
            "started_at",
            expireAfterSeconds=KEPT_SECONDS,
            partialFilterExpression={"pending": False},
        ),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def latest(self, video_id: str, viewer: str) -> View | None:
        where = {"video_id": video_id, "viewer": viewer}
        doc = self.collection.find_one(where, sort=[("number", -1)])
        return from_doc(View, doc) if doc else None

    def add(self, view: View) -> bool:
        """False if another request of the same viewer was first."""
        try:
            self.collection.insert_one(to_doc(view))
        except DuplicateKeyError:
            return False
        return True

    def watched(
        self, view: View, seconds: float, *, quality: str, most_seconds: float, now: datetime
    ) -> View | None:
        """Add what was watched since the last report, as far as that can be.

        It is no more than the time since then, and no more than `most_seconds` altogether.
        """
        passed = {"$divide": [{"$subtract": [now, "$reported_at"]}, 1000]}
        room = {"$subtract": [most_seconds, "$watch_seconds"]}
        added = {"$max": [0, {"$min": [seconds, passed, room]}]}
        values = {
            "watch_seconds": {"$add": ["$watch_seconds", added]},
            "reported_at": {"$max": ["$reported_at", now]},
            "quality": {"$literal": quality} if quality else "$quality",
            "pending": True,
        }
        where = {"video_id": view.video_id, "viewer": view.viewer, "number": view.number}
        # A killed process may hold the row for a minute: that is not waited for.
        with pymongo.timeout(PATIENCE_SECONDS):
            doc = self.collection.find_one_and_update(
                where, [{"$set": values}], return_document=ReturnDocument.AFTER
            )
        return from_doc(View, doc) if doc else None

    def waiting(self, limit: int) -> Iterator[str]:
        """Ids of videos with rows that are not folded, each once."""
        pipeline: list[Document] = [
            {"$match": _PENDING},
            {"$group": {"_id": "$video_id"}},
            {"$limit": limit},
        ]
        return (doc["_id"] for doc in self.collection.aggregate(pipeline))

    def fold(self, video_id: str, limit: int, within: Within) -> tuple[Fold, int]:
        """Mark some rows of a video as folded; what they add, and how many they were."""
        where = {**_PENDING, "video_id": video_id}
        rows = list(self.collection.find(where, session=within).limit(limit))
        folded = {"counted": True, "folded_seconds": "$watch_seconds", "pending": False}
        chosen = {"_id": {"$in": [row["_id"] for row in rows]}}
        self.collection.update_many(chosen, [{"$set": folded}], session=within)
        seconds = sum(row["watch_seconds"] - row["folded_seconds"] for row in rows)
        views = sum(not row["counted"] for row in rows)
        return Fold(views=views, watch_seconds=seconds), len(rows)

    def uncounted(self, video_id: str, within: Within) -> int:
        """How many views of a video are not in its counter yet."""
        where = {**_PENDING, "video_id": video_id, "counted": False}
        return self.collection.count_documents(where, session=within)

    def forget_video(self, video_id: str) -> None:
        """For a video that is gone."""
        self.collection.delete_many({"video_id": video_id})

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted: that somebody watched stays, and not who."""
        unnamed: Document = {"$concat": ["gone:", {"$toString": "$_id"}]}
        self.collection.update_many({"viewer": user_id}, [{"$set": {"viewer": unnamed}}])
