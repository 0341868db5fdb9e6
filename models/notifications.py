"""Notifications: what somebody is to be told, grouped; one row may tell of many events.

What is of one kind, about one thing, and within one day, is one row with a count. Which events a
row has counted is kept in it as short hashes, so that telling it of one again changes nothing:
adding to a row is one conditional update.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from pymongo import DESCENDING, IndexModel, ReturnDocument, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.documents import After, Document, Entity, by_reference, from_doc, to_doc

KEPT_SECONDS = 90 * 24 * 3600
# How many events a row recognises; how many of who did it, it names.
RECOGNISED = 500
NAMED = 3
HASH_LENGTH = 16
# What MongoDB calls a key that is there already.
DUPLICATE = 11000

_NEWEST = [("updated_at", DESCENDING), ("_id", DESCENDING)]
_UNREAD: Document = {"read": False}
_DIGEST: Document = {"digest": True}
_SHOWN: Document = {"seen": 0}
_BY_DIGEST = "digest"
_AS_READ: Document = {"$set": {"read": True, "digest": False}}


class NotificationKind(StrEnum):
    FOLLOWER = "follower"
    COMMENT = "comment"
    REPLY = "reply"
    LIKE = "like"
    VIDEO_READY = "video_ready"
    VIDEO_FAILED = "video_failed"
    NEW_VIDEO = "new_video"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification(Entity):
    user_id: str
    kind: NotificationKind
    # The same for all that one row tells of (services/social/notifications.py).
    group: str
    target_type: str = ""
    target_id: str = ""
    # The video it is about, or under which it happened.
    video_id: str | None = None
    # The latest few who did it, the latest first.
    actor_ids: tuple[str, ...] = ()
    # How many events it tells of.
    count: int = 1
    # Of a system's: what it says.
    text: str = ""
    created_at: datetime
    updated_at: datetime
    read: bool = False
    # It waits for the next mail that sums up; in the end, which mail it was in.
    digest: bool = False
    digest_mail_id: str | None = None


def event_hash(event: str) -> str:
    """What is kept of an event: enough to know it again, and naming nobody."""
    return sha256(event.encode()).hexdigest()[:HASH_LENGTH]


class Notifications:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("user_id", 1), ("group", 1)], unique=True),
        # Both lists, and how long each is, are read from these.
        IndexModel([("user_id", 1), *_NEWEST]),
        IndexModel([("user_id", 1), ("read", 1), *_NEWEST], partialFilterExpression=_UNREAD),
        IndexModel(
            [("digest", 1), ("user_id", 1), ("updated_at", 1)],
            name=_BY_DIGEST,
            partialFilterExpression=_DIGEST,
        ),
        IndexModel(
            [("digest_mail_id", 1), *_NEWEST],
            partialFilterExpression={"digest_mail_id": {"$gt": ""}},
        ),
        IndexModel("actor_ids"),
        IndexModel("video_id"),
        IndexModel("updated_at", expireAfterSeconds=KEPT_SECONDS),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def tell(self, row: Notification, event: str) -> Notification | None:
        """Add an event to its row, or begin one; None if the row has counted it already."""
        where, change = _telling(row, event)
        for _ in range(2):
            try:
                doc: Any = self.collection.find_one_and_update(
                    where,
                    change,
                    projection=_SHOWN,
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
                return from_doc(Notification, doc)
            except DuplicateKeyError:
                # The row knows the event; or somebody has begun it since, and now there is one.
                continue
        return None

    def tell_many(self, rows: Iterable[tuple[Notification, str]]) -> None:
        """The same for many people at once; what a row has counted stays as it is."""
        work: list[Any] = [UpdateOne(*_telling(row, event), upsert=True) for row, event in rows]
        try:
            self.collection.bulk_write(work, ordered=False)
        except BulkWriteError as failed:
            if any(error["code"] != DUPLICATE for error in failed.details["writeErrors"]):
                raise

    def newest_of(
        self, user_id: str, *, unread: bool, after: After | None = None, skip: int = 0, limit: int
    ) -> list[Notification]:
        where = _of(user_id, unread=unread) | (after.beyond("updated_at") if after else {})
        found = self.collection.find(where, _SHOWN).sort(_NEWEST).skip(skip).limit(limit)
        return [from_doc(Notification, doc) for doc in found]

    def count_of(self, user_id: str, *, unread: bool) -> int:
        """Counted within an index: no row is read."""
        return self.collection.count_documents(_of(user_id, unread=unread))

    def read(self, user_id: str, references: Sequence[str]) -> int:
        """Mark some of one's own, by either id; how many were not."""
        wheres = [where for reference in references if (where := by_reference(reference))]
        if not wheres:
            return 0
        # The ids bind the query, and must not be weighed against an index of all that is unread.
        where = {"$or": [{**where, "user_id": user_id, **_UNREAD} for where in wheres]}
        return self.collection.update_many(where, _AS_READ).modified_count

    def read_until(self, user_id: str, until: datetime) -> int:
        """Mark all of one's own that are not newer; how many were not."""
        where = {"user_id": user_id, **_UNREAD, "updated_at": {"$lte": until}}
        return self.collection.update_many(where, _AS_READ).modified_count

    def remove(self, user_id: str, reference: str) -> bool:
        where = by_reference(reference)
        if where is None:
            return False
        return self.collection.delete_one({**where, "user_id": user_id}).deleted_count == 1

    def clear(self, user_id: str) -> int:
        """Forget all that one was told."""
        return self.collection.delete_many({"user_id": user_id}).deleted_count

    def every_one_of(self, user_id: str) -> Iterator[Notification]:
        """All that somebody was told, few at a time in memory."""
        found = self.collection.find({"user_id": user_id}, _SHOWN).sort(_NEWEST).batch_size(200)
        return (from_doc(Notification, doc) for doc in found)

    # Mails that sum up

    def next_for_digest(self, before: datetime, after_user: str) -> str | None:
        """The first person beyond `after_user` for whom something waits for a mail."""
        waits = {**_DIGEST, "user_id": {"$gt": after_user}, "updated_at": {"$lt": before}}
        # Of the indexes that begin with a person, this one leads past who has nothing to hear.
        doc = self.collection.find_one(
            waits, {"user_id": 1}, sort=[("user_id", 1)], hint=_BY_DIGEST
        )
        return doc["user_id"] if doc else None

    def take_for_digest(
        self, user_id: str, mail_id: str, *, before: datetime, limit: int
    ) -> tuple[list[Notification], int]:
        """The latest of what is in this mail, and how much that is altogether.

        What one mail has taken is never in another; asked again, it has the same in it.
        """
        waits = {**_DIGEST, "user_id": user_id, "updated_at": {"$lt": before}}
        taken = {"digest": False, "digest_mail_id": mail_id}
        self.collection.update_many(waits, {"$set": taken})
        mine = {"digest_mail_id": mail_id}
        found = self.collection.find(mine, _SHOWN).sort(_NEWEST).limit(limit)
        rows = [from_doc(Notification, doc) for doc in found]
        return rows, self.collection.count_documents(mine)

    def leave_out_of_digests(self, user_id: str) -> None:
        """For who wants no such mails."""
        self.collection.update_many({**_DIGEST, "user_id": user_id}, {"$set": {"digest": False}})

    # The end of people and of videos

    def forget_video(self, video_id: str) -> None:
        """For a video that is gone for good."""
        self.collection.delete_many({"video_id": video_id})

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted: what they were told, and that it was they who did it."""
        self.clear(user_id)
        self.collection.update_many({"actor_ids": user_id}, {"$pull": {"actor_ids": user_id}})


def _of(user_id: str, *, unread: bool) -> Document:
    return {"user_id": user_id, **(_UNREAD if unread else {})}


def _telling(row: Notification, event: str) -> tuple[Document, Document]:
    """A filter that finds no row which knows the event, and what an event changes in one."""
    known = event_hash(event)
    where = {"user_id": row.user_id, "group": row.group, "seen": {"$ne": known}}
    first = to_doc(row)
    changed = {name: first.pop(name) for name in ("read", "digest")}
    for name in ("user_id", "group", "actor_ids", "count", "updated_at"):
        first.pop(name)
    pushed: Document = {"seen": {"$each": [known], "$slice": -RECOGNISED}}
    if row.actor_ids:
        named = list(row.actor_ids)
        pushed["actor_ids"] = {"$each": named, "$position": 0, "$slice": NAMED}
    else:
        first["actor_ids"] = []
    return where, {
        "$set": changed,
        "$max": {"updated_at": row.updated_at},
        "$setOnInsert": first,
        "$inc": {"count": row.count},
        "$push": pushed,
    }
