"""Sessions: one per login. A session is alive until it expires or is revoked.

alive --rotate--> alive      the refresh token in the filter is the lock: one caller wins
alive --revoke--> revoked    logout, or a spent refresh token shown again
(none) --meet--> alive       one that began at another issuer (services/accounts/foreign.py)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.documents import Document, Entity, by_reference, from_doc, to_doc


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(Entity):
    user_id: str
    refresh_hash: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    device: str = ""
    user_agent: str = ""
    address: str = ""

    def is_alive(self, now: datetime) -> bool:
        return self.revoked_at is None and self.expires_at > now


class Sessions:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("user_id", 1), ("created_at", -1)]),
        # MongoDB removes a session a day after its end; until then reuse is still noticed.
        IndexModel("expires_at", expireAfterSeconds=24 * 3600),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, session: Session) -> None:
        self.collection.insert_one(to_doc(session))

    def meet(self, session: Session) -> Session:
        """Add a session that began elsewhere, or prolong it; as it is on record from now on.

        One that was revoked stays so, and is remembered for as long.
        """
        values = to_doc(session)
        seen = {name: values.pop(name) for name in ("last_seen_at", "expires_at")}
        doc: Any = self.collection.find_one_and_update(
            {"id": values.pop("id")},
            {"$set": seen, "$setOnInsert": values},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return from_doc(Session, doc)

    def get(self, reference: str) -> Session | None:
        """By uuid or ObjectId."""
        where = by_reference(reference)
        doc = self.collection.find_one(where) if where else None
        return from_doc(Session, doc) if doc else None

    def rotate(
        self, session_id: str, *, spent: str, fresh: str, now: datetime, until: datetime
    ) -> bool:
        """Exchange one refresh token for the next; False if `spent` is not the current one."""
        where = {
            "id": session_id,
            "refresh_hash": spent,
            "revoked_at": None,
            "expires_at": {"$gt": now},
        }
        values = {"refresh_hash": fresh, "last_seen_at": now, "expires_at": until}
        return self.collection.update_one(where, {"$set": values}).modified_count == 1

    def alive_of(self, user_id: str, now: datetime) -> list[Session]:
        """002: where somebody is signed in, the newest first."""
        where = {"user_id": user_id, "revoked_at": None, "expires_at": {"$gt": now}}
        found = self.collection.find(where).sort([("created_at", -1)])
        return [from_doc(Session, doc) for doc in found]

    def has_come_from(self, user_id: str, address: str) -> bool:
        """Whether somebody has signed in from this address before."""
        return self.collection.find_one({"user_id": user_id, "address": address}) is not None

    def touch(self, session_id: str, now: datetime) -> None:
        self.collection.update_one({"id": session_id}, {"$set": {"last_seen_at": now}})

    def revoke(self, session_id: str, now: datetime) -> bool:
        """False if it was over already."""
        where = {"id": session_id, "revoked_at": None}
        return self.collection.update_one(where, {"$set": {"revoked_at": now}}).modified_count == 1

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted."""
        self.collection.delete_many({"user_id": user_id})

    def every_one_of(self, user_id: str) -> Iterator[Session]:
        """For the export of somebody's data, those that are over included."""
        found = self.collection.find({"user_id": user_id}).sort("created_at", -1)
        return (from_doc(Session, doc) for doc in found)
