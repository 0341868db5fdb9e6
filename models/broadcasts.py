"""Live streams: who may send one, who brings it to viewers now, and how it ends.

    waiting --claim--> waiting, held --went_live--> live, held --drop--> offline
                                                    offline --claim, went_live--> live, held
    waiting, live, offline --end--> ended, unfinished --finish--> ended

Each arrow is one conditional update. What is held is held by one process, until `lease_until`. What
viewers see of it is on the video (live.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo import DESCENDING, IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.documents import Document, Entity, from_doc, to_doc
from models.video import LiveStatus

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPEN: Document = {"open": True}
_UNFINISHED: Document = {"unfinished": True}
_ARRIVED: Document = {"arrived": True}
# The lease of whoever does what is to be done after the end.
_AT_ITS_END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast(Entity):
    video_id: str
    author_id: str
    key_hash: str
    created_at: datetime
    status: LiveStatus = LiveStatus.WAITING
    # Whether it is a video like any other afterwards.
    keep_replay: bool = True
    started_at: datetime | None = None
    offline_at: datetime | None = None
    ended_at: datetime | None = None
    lease: str | None = None
    lease_until: datetime | None = None
    # Somebody sends it to a server that is to be asked for it (LIVE_RTMP_URL), as it said last.
    arrived: bool = False
    # A server that was killed does not say that nobody sends it any more.
    arrived_until: datetime | None = None
    # How often it was sent so far: each time begins a part of its own.
    sessions: int = 0
    peak_viewers: int = 0
    # Why what was sent last could not be shown.
    problem: str = ""
    end_reason: str = ""
    open: bool = True
    unfinished: bool = False
    # How often it was tried to make a video like any other of it.
    replays: int = 0


class Broadcasts:
    INDEXES = (
        IndexModel("video_id", unique=True),
        IndexModel([("status", 1), ("started_at", -1), ("_id", -1)]),
        IndexModel([("author_id", 1), ("open", 1)]),
        IndexModel("lease_until", name="held", partialFilterExpression=_OPEN),
        IndexModel("unfinished", partialFilterExpression=_UNFINISHED),
        IndexModel("arrived_until", name="here", partialFilterExpression=_ARRIVED),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, broadcast: Broadcast) -> None:
        self.collection.insert_one(to_doc(broadcast))

    def of(self, video_id: str) -> Broadcast | None:
        doc = self.collection.find_one({"video_id": video_id})
        return from_doc(Broadcast, doc) if doc else None

    def open_of(self, author_id: str) -> int:
        """How many of one person's have not ended."""
        return self.collection.count_documents({**_OPEN, "author_id": author_id})

    def live_now(self, limit: int) -> list[Broadcast]:
        """The latest first."""
        order = [("started_at", DESCENDING), ("_id", DESCENDING)]
        found = self.collection.find({"status": LiveStatus.LIVE}).sort(order).limit(limit)
        return [from_doc(Broadcast, doc) for doc in found]

    def change_key(self, video_id: str, key_hash: str) -> Broadcast | None:
        """None if it has ended. Who sends with the old one goes on until they are lost."""
        # Nobody with the old one can say any more that they cease to send: what is lost is lost.
        values = {"key_hash": key_hash, "arrived": False}
        return self._change({**_OPEN, "video_id": video_id}, {"$set": values})

    def claim(
        self, video_id: str, lease: str, *, now: datetime, until: datetime, only: Document | None
    ) -> Broadcast | None:
        """Begin another part of it; None if it has ended, or somebody else holds it."""
        where = {**_OPEN, "video_id": video_id, **_free(now), **(only or {})}
        values = {"lease": lease, "lease_until": until, "problem": ""}
        return self._change(where, {"$set": values, "$inc": {"sessions": 1}})

    def renew(
        self, video_id: str, lease: str, *, until: datetime, viewers: int
    ) -> Broadcast | None:
        """None if it is not held by this lease any more."""
        change = {"$set": {"lease_until": until}, "$max": {"peak_viewers": viewers}}
        return self._change({"video_id": video_id, "lease": lease}, change)

    def went_live(self, video_id: str, lease: str, now: datetime) -> Broadcast | None:
        """None if it ended, or is not held any more."""
        return self._change(
            {**_OPEN, "video_id": video_id, "lease": lease},
            [
                {
                    "$set": {
                        "status": LiveStatus.LIVE.value,
                        "offline_at": None,
                        "started_at": {"$ifNull": ["$started_at", now]},
                    }
                }
            ],
        )

    def drop(self, video_id: str, lease: str, now: datetime, problem: str = "") -> Broadcast | None:
        """Give it back: nobody sends it now. None if it is not held by this lease any more.

        What has a problem is not fetched again, until it is sent anew.
        """
        is_live = {"$eq": ["$status", LiveStatus.LIVE.value]}
        values = {
            "status": {"$cond": [is_live, LiveStatus.OFFLINE.value, "$status"]},
            "offline_at": {"$cond": [is_live, now, "$offline_at"]},
            "lease": None,
            "lease_until": None,
            "problem": {"$literal": problem},
            **({"arrived": False} if problem else {}),
        }
        return self._change({"video_id": video_id, "lease": lease}, [{"$set": values}])

    def end(self, video_id: str, now: datetime, reason: str) -> Broadcast | None:
        """None if it had ended. Whoever holds it finds out, and lets go."""
        values = {
            "status": LiveStatus.ENDED,
            "ended_at": now,
            "end_reason": reason,
            "open": False,
            "arrived": False,
            "unfinished": True,
        }
        return self._change({**_OPEN, "video_id": video_id}, {"$set": values})

    def claim_end(self, video_id: str, *, now: datetime, until: datetime) -> Broadcast | None:
        """Do what is to be done after its end; None if that is done, or somebody is at it."""
        where = {**_UNFINISHED, "video_id": video_id, **_free(now)}
        return self._change(where, {"$set": {"lease": _AT_ITS_END, "lease_until": until}})

    def stay_at_end(self, video_id: str, until: datetime, *, replays: int = 0) -> None:
        where = {"video_id": video_id, "lease": _AT_ITS_END}
        change = {"$set": {"lease_until": until}, "$inc": {"replays": replays}}
        self.collection.update_one(where, change)

    def finish(self, video_id: str) -> None:
        """All is done that was to be done after its end."""
        values = {"unfinished": False, "lease": None, "lease_until": None}
        self.collection.update_one({"video_id": video_id}, {"$set": values})

    def arrive(self, video_id: str, until: datetime) -> None:
        """Somebody begins to send it to a server that is to be asked for it."""
        values = {"arrived": True, "arrived_until": until, "problem": ""}
        self.collection.update_one({**_OPEN, "video_id": video_id}, {"$set": values})

    def stay(self, video_id: str, until: datetime) -> bool:
        """They send it still; False if it ended, or nothing can be made of it."""
        values = {"arrived": True, "arrived_until": until}
        fine = {**_OPEN, "video_id": video_id, "problem": ""}
        return self.collection.update_one(fine, {"$set": values}).matched_count == 1

    def leave(self, video_id: str) -> None:
        self.collection.update_one({**_OPEN, "video_id": video_id}, {"$set": {"arrived": False}})

    def to_fetch(self, now: datetime, limit: int) -> list[str]:
        """Ids of videos that are being sent, and which nobody brings to viewers."""
        here = {**_ARRIVED, "arrived_until": {"$gt": now}}
        found = self.collection.find({**here, **_free(now)}, {"video_id": 1}).limit(limit)
        return [doc["video_id"] for doc in found]

    def lost(self, now: datetime) -> Iterator[Broadcast]:
        """Those whose process was killed while it held them."""
        found = self.collection.find({**_OPEN, "lease_until": {"$lt": now, "$gt": _EPOCH}})
        return (from_doc(Broadcast, doc) for doc in found)

    def given_up(self, before: datetime) -> Iterator[Broadcast]:
        """Those that were interrupted before then, and did not come back."""
        where = {**_OPEN, "lease_until": None, "status": LiveStatus.OFFLINE}
        found = self.collection.find({**where, "offline_at": {"$lt": before}})
        return (from_doc(Broadcast, doc) for doc in found)

    def unfinished(self, now: datetime, limit: int = 100) -> list[str]:
        """Ids of videos that ended, whose end is not done, and which nobody holds."""
        found = self.collection.find({**_UNFINISHED, **_free(now)}, {"video_id": 1}).limit(limit)
        return [doc["video_id"] for doc in found]

    def every_one_of(self, author_id: str) -> Iterator[Broadcast]:
        """All that somebody sent, or may still send, few at a time in memory."""
        found = self.collection.find({"author_id": author_id}).batch_size(200)
        return (from_doc(Broadcast, doc) for doc in found)

    def forget_video(self, video_id: str) -> None:
        """For a video that is gone."""
        self.collection.delete_many({"video_id": video_id})

    def _change(self, where: Document, change: Document | list[Document]) -> Broadcast | None:
        doc = self.collection.find_one_and_update(
            where, change, return_document=ReturnDocument.AFTER
        )
        return from_doc(Broadcast, doc) if doc else None


def _free(now: datetime) -> Document:
    """What nobody holds, or whoever held it was killed."""
    return {"$or": [{"lease_until": None}, {"lease_until": {"$lt": now}}]}
