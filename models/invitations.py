"""Invitations (003): each lets one person register, once, until it expires.

open --redeem--> used         in one transaction with the new account: both are there, or neither
open --revoke--> revoked
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pymongo import DESCENDING, IndexModel
from pymongo.collection import Collection

from models.database import Within
from models.documents import Document, Entity, by_reference, from_doc, to_doc
from models.user import Role

MONTH_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation(Entity):
    """`email` is whom it is for; None for whoever has the link."""

    token: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    email: str | None = None
    role: Role = Role.VIEWER
    used: bool = False
    used_at: datetime | None = None
    used_by: str | None = None
    revoked_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still be redeemed, if it has not expired."""
        return not self.used and self.revoked_at is None


class Invitations:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel("token", unique=True),
        IndexModel([("created_by", 1), ("used", 1)]),
        IndexModel("used_by"),
        # Addresses of people who never came are not kept.
        IndexModel(
            "expires_at", expireAfterSeconds=MONTH_SECONDS, partialFilterExpression={"used": False}
        ),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, invitation: Invitation) -> None:
        self.collection.insert_one(to_doc(invitation))

    def get(self, reference: str) -> Invitation | None:
        """By uuid or ObjectId."""
        where = by_reference(reference)
        return self._one(where) if where else None

    def by_token(self, token: str) -> Invitation | None:
        return self._one({"token": token})

    def newest(self, *, after: str, skip: int, limit: int) -> list[Invitation]:
        """The newest first; `after` is the id that the page before ended with."""
        where = {"id": {"$lt": after} if after else {"$gt": ""}}
        found = self.collection.find(where).sort("id", DESCENDING).skip(skip).limit(limit)
        return [from_doc(Invitation, doc) for doc in found]

    def count(self) -> int:
        return self.collection.count_documents({"id": {"$gt": ""}})

    def redeem(self, token: str, *, user_id: str, now: datetime, within: Within) -> bool:
        """False if somebody else has, or if it is over."""
        where = {"token": token, "used": False, "revoked_at": None, "expires_at": {"$gt": now}}
        values = {"used": True, "used_at": now, "used_by": user_id}
        done = self.collection.update_one(where, {"$set": values}, session=within)
        return done.modified_count == 1

    def revoke(self, invitation_id: str, now: datetime) -> bool:
        """False if it was used or revoked already."""
        where = {"id": invitation_id, "used": False, "revoked_at": None}
        return self.collection.update_one(where, {"$set": {"revoked_at": now}}).modified_count == 1

    def made_by(self, user_id: str) -> list[Invitation]:
        """For the export of somebody's data."""
        return [from_doc(Invitation, doc) for doc in self.collection.find({"created_by": user_id})]

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted: what they offered, and where they were invited."""
        self.collection.delete_many({"created_by": user_id, "used": False})
        self.collection.update_many({"used_by": user_id}, {"$set": {"email": None}})

    def _one(self, where: Document) -> Invitation | None:
        doc = self.collection.find_one(where)
        return from_doc(Invitation, doc) if doc else None
