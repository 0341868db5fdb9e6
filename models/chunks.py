"""The pieces in which a long video is encoded, each held by one worker at a time.

    waiting --claim--> held --finish--> done
                       held --release-> waiting, claimable from `lease_until` on

When all of a video's are done it goes on as a whole (`VideoLeases.resume`). They go when it is
ready or has failed, and at once when encoding it in pieces turns out not to work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from models.documents import Document, Entity, from_doc, to_doc
from models.waiting import Kind, Waiting

DUPLICATE_KEY = 11000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk(Entity):
    """Frames of a video, counted from its first. `media` is what its source was found to be."""

    video_id: str
    author_id: str
    number: int
    first_frame: int
    frames: int
    # Of the video: another one has other media.
    edition: int = 0
    media: dict[str, Any]
    is_done: bool = False
    percent: float = 0.0
    attempts: int = 0
    lease: str | None = None
    lease_until: datetime | None = None


class Chunks:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("video_id", 1), ("number", 1)], unique=True),
        IndexModel([("is_done", 1), ("lease_until", 1)]),
        IndexModel("author_id"),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def plan(self, chunks: Iterable[Chunk]) -> None:
        """Add a video's pieces; those that are there already stay as they are."""
        try:
            self.collection.insert_many([to_doc(chunk) for chunk in chunks], ordered=False)
        except BulkWriteError as refused:
            if any(error["code"] != DUPLICATE_KEY for error in refused.details["writeErrors"]):
                raise

    def get(self, chunk_id: str) -> Chunk | None:
        doc = self.collection.find_one({"id": chunk_id})
        return from_doc(Chunk, doc) if doc else None

    def of_video(self, video_id: str) -> list[Chunk]:
        """In their order."""
        found = self.collection.find({"video_id": video_id}).sort("number", 1)
        return [from_doc(Chunk, doc) for doc in found]

    def claim(self, chunk_id: str, lease: str, *, now: datetime, until: datetime) -> Chunk | None:
        """Take the right to encode it; None if it is done, gone, or another worker's."""
        where = {"id": chunk_id, "is_done": False, "lease_until": {"$lte": now}}
        values = {"lease": lease, "lease_until": until}
        return self._update(where, {"$set": values, "$inc": {"attempts": 1}})

    def renew(self, chunk_id: str, lease: str, *, until: datetime, percent: float) -> Chunk | None:
        return self._held(chunk_id, lease, {"lease_until": until, "percent": percent})

    def finish(self, chunk_id: str, lease: str) -> bool:
        """False if it is another's by now, or nobody's."""
        values = {"is_done": True, "percent": 100.0, "lease": None, "lease_until": None}
        return self._held(chunk_id, lease, values) is not None

    def release(self, chunk_id: str, lease: str, *, until: datetime, counted: bool) -> None:
        change: Document = {"$set": {"lease": None, "lease_until": until, "percent": 0.0}}
        uncounted = {} if counted else {"$inc": {"attempts": -1}}
        self._update({"id": chunk_id, "lease": lease}, {**change, **uncounted})

    def are_done(self, video_id: str) -> bool:
        """Whether none is left to encode, which is so where there are none."""
        where = {"video_id": video_id, "is_done": False}
        return self.collection.find_one(where, {"_id": 1}) is None

    def percent(self, video_id: str) -> float:
        """How far all of a video's are, by their frames."""
        weighed = {"$multiply": ["$percent", "$frames"]}
        group = {"_id": None, "done": {"$sum": weighed}, "all": {"$sum": "$frames"}}
        stages = [{"$match": {"video_id": video_id}}, {"$group": group}]
        found = list(self.collection.aggregate(stages))
        return found[0]["done"] / found[0]["all"] if found else 0.0

    def drop(self, video_id: str) -> None:
        self.collection.delete_many({"video_id": video_id})

    def forget_all_of(self, user_id: str) -> None:
        self.collection.delete_many({"author_id": user_id})

    def waiting(self, now: datetime) -> list[Waiting]:
        """One for each author who has a piece that any worker could take."""
        where = {"is_done": False, "lease_until": {"$lte": now}}
        group = {"_id": "$author_id", "since": {"$min": "$lease_until"}}
        found = self.collection.aggregate([{"$match": where}, {"$group": group}])
        return [Waiting(author_id=d["_id"], kind=Kind.CHUNK, since=d["since"]) for d in found]

    def running(self, now: datetime) -> list[str]:
        """The author of each piece that a worker holds."""
        where = {"is_done": False, "lease_until": {"$gt": now}, "lease": {"$ne": None}}
        return [doc["author_id"] for doc in self.collection.find(where, {"author_id": 1})]

    def next_of(self, author_id: str, now: datetime, video_id: str | None = None) -> str | None:
        """The id of one person's longest waiting piece, the earlier of a video first."""
        where: Document = {"is_done": False, "lease_until": {"$lte": now}, "author_id": author_id}
        where |= {"video_id": video_id} if video_id else {}
        order = [("lease_until", 1), ("number", 1)]
        found = self.collection.find_one(where, {"id": 1}, sort=order)
        return found["id"] if found else None

    def stalled(self, now: datetime, limit: int = 1000) -> Iterator[str]:
        """Ids of pieces that wait for a worker, longest waiting first."""
        where = {"is_done": False, "lease_until": {"$lte": now}}
        found = self.collection.find(where, {"id": 1}).sort("lease_until", 1).limit(limit)
        return (doc["id"] for doc in found)

    def _held(self, chunk_id: str, lease: str, values: Document) -> Chunk | None:
        return self._update({"id": chunk_id, "lease": lease}, {"$set": values})

    def _update(self, where: Document, change: Document) -> Chunk | None:
        doc = self.collection.find_one_and_update(
            where, change, return_document=ReturnDocument.AFTER
        )
        return from_doc(Chunk, doc) if doc else None
