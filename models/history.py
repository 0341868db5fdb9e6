"""Watch history: what somebody watched, when, and how far they came. One entry per video."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pymongo import DESCENDING, IndexModel
from pymongo.collection import Collection

from models.documents import After, Document, Entity, from_doc, to_doc

NEWEST_FIRST = [("watched_at", DESCENDING), ("_id", DESCENDING)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched(Entity):
    user_id: str
    video_id: str
    watched_at: datetime
    position_seconds: float = 0.0


class History:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("user_id", 1), ("video_id", 1)], unique=True),
        IndexModel([("user_id", 1), *NEWEST_FIRST]),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def note(self, watched: Watched) -> bool:
        """Move a video to the top of somebody's history; whether it was not there before.

        Where one has come to in the video stays, if it was there.
        """
        first = to_doc(watched)
        changed = {"watched_at": first.pop("watched_at")}
        where = {name: first.pop(name) for name in ("user_id", "video_id")}
        done = self.collection.update_one(
            where, {"$set": changed, "$setOnInsert": first}, upsert=True
        )
        return done.upserted_id is not None

    def reach(self, watched: Watched) -> None:
        """Note how far somebody is in a video just now."""
        first = to_doc(watched)
        changed = {name: first.pop(name) for name in ("watched_at", "position_seconds")}
        where = {name: first.pop(name) for name in ("user_id", "video_id")}
        self.collection.update_one(where, {"$set": changed, "$setOnInsert": first}, upsert=True)

    def newest_of(self, user_id: str, *, after: After | None, limit: int) -> list[Watched]:
        where = {"user_id": user_id} | (after.beyond("watched_at") if after else {})
        found = self.collection.find(where).sort(NEWEST_FIRST).limit(limit)
        return [from_doc(Watched, doc) for doc in found]

    def remove(self, user_id: str, video_id: str) -> bool:
        """Whether it was there."""
        where = {"user_id": user_id, "video_id": video_id}
        return self.collection.delete_one(where).deleted_count == 1

    def count_of(self, user_id: str) -> int:
        """Counted within an index: no entry is read."""
        return self.collection.count_documents({"user_id": user_id})

    def trim(self, user_id: str, keep: int) -> None:
        """Forget all but the newest `keep`. What is watched again meanwhile stays."""
        mine = self.collection.find({"user_id": user_id}).sort(NEWEST_FIRST)
        for doc in mine.skip(keep).limit(1):
            older = After(doc["watched_at"], str(doc["_id"])).beyond("watched_at")
            first = {"watched_at": doc["watched_at"], "_id": doc["_id"]}
            self.collection.delete_many({"user_id": user_id, "$or": [first, *older["$or"]]})

    def forget_all_of(self, user_id: str) -> int:
        """For who clears their history, or is deleted; how many entries there were."""
        return self.collection.delete_many({"user_id": user_id}).deleted_count
