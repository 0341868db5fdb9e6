"""Who waits for a worker, and with how much: what decides whose turn it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pymongo import IndexModel
from pymongo.collection import Collection

from models.documents import Document
from models.video import Phase, ProcessingStatus

_UNFINISHED = {"$in": [ProcessingStatus.UPLOADED, ProcessingStatus.PROCESSING]}
# A turn is forgotten after a day: who comes then is as new.
REMEMBERED_SECONDS = 24 * 3600


class Kind(StrEnum):
    """What there is to do, in the order of its urgency."""

    FIRST = "first"
    REST = "rest"
    CHUNK = "chunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The work of one person that any worker could take now, and since when."""

    author_id: str
    kind: Kind
    since: datetime


class WaitingVideos:
    """A part of `Videos`."""

    INDEXES = (IndexModel([("processing_status", 1), ("processing.lease_until", 1)]),)

    collection: Collection[Document]

    def waiting(self, now: datetime) -> list[Waiting]:
        """One for each author and kind of work: first renditions, and the rest."""
        where = {**_claimable(now), "deleted_at": None}
        is_first = {"$eq": [{"$ifNull": ["$processing.phase", Phase.FIRST]}, Phase.FIRST]}
        kind = {"$cond": [is_first, Kind.FIRST, Kind.REST]}
        group = {
            "_id": {"author_id": "$author_id", "kind": kind},
            "since": {"$min": "$processing.lease_until"},
        }
        found = self.collection.aggregate([{"$match": where}, {"$group": group}])
        return [
            Waiting(
                author_id=doc["_id"]["author_id"], kind=Kind(doc["_id"]["kind"]), since=doc["since"]
            )
            for doc in found
        ]

    def running(self, now: datetime) -> list[str]:
        """The author of each video that a worker holds."""
        where = {
            "processing_status": ProcessingStatus.PROCESSING,
            "processing.lease_until": {"$gt": now},
            "processing.lease": {"$ne": None},
        }
        return [doc["author_id"] for doc in self.collection.find(where, {"author_id": 1})]

    def next_of(self, author_id: str, kind: Kind, now: datetime) -> str | None:
        """The id of one person's longest waiting video."""
        phase: Document = {"$in": [None, Phase.FIRST]} if kind is Kind.FIRST else {"$eq": kind}
        where = {
            **_claimable(now),
            "author_id": author_id,
            "processing.phase": phase,
            "deleted_at": None,
        }
        order = [("processing.lease_until", 1)]
        found = self.collection.find_one(where, {"id": 1}, sort=order)
        return found["id"] if found else None

    def is_another_first_waiting(self, video_id: str, now: datetime) -> bool:
        """Whether somebody waits for the first rendition of another video."""
        where = {
            **_claimable(now),
            "processing.phase": {"$in": [None, Phase.FIRST]},
            "deleted_at": None,
            "id": {"$ne": video_id},
        }
        return self.collection.find_one(where, {"_id": 1}) is not None


class Turns:
    """When each person's work was last taken up."""

    INDEXES = (
        IndexModel("user_id", unique=True),
        IndexModel("at", expireAfterSeconds=REMEMBERED_SECONDS),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def took(self, user_id: str, now: datetime) -> None:
        self.collection.update_one({"user_id": user_id}, {"$set": {"at": now}}, upsert=True)

    def of(self, user_ids: Iterable[str]) -> dict[str, datetime]:
        found = self.collection.find({"user_id": {"$in": list(user_ids)}})
        return {doc["user_id"]: doc["at"] for doc in found}

    def forget_all_of(self, user_id: str) -> None:
        self.collection.delete_many({"user_id": user_id})


def _claimable(now: datetime) -> Document:
    return {"processing_status": _UNFINISHED, "processing.lease_until": {"$lte": now}}
