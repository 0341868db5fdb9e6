"""Single-use tokens that go out by e-mail: only their hashes are kept, one per user and purpose.

Asking anew overwrites the hash, so that an older link is worth nothing; using one deletes it, so
that of several who use it at once one succeeds. MongoDB removes what has expired.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pymongo import IndexModel
from pymongo.collection import Collection

from models.documents import Document, Entity, from_doc, to_doc


class Purpose(StrEnum):
    VERIFY = "verify"
    RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailToken(Entity):
    user_id: str
    purpose: Purpose
    token_hash: str
    # The address it was sent to, and the only one that it says anything about.
    email: str
    expires_at: datetime


class EmailTokens:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel("token_hash", unique=True),
        IndexModel([("user_id", 1), ("purpose", 1)], unique=True),
        IndexModel("expires_at", expireAfterSeconds=0),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def put(self, token: EmailToken) -> None:
        """Keep this one, in place of any older one of its user and purpose."""
        doc = to_doc(token)
        where = {"user_id": doc.pop("user_id"), "purpose": doc.pop("purpose")}
        born = {name: doc.pop(name) for name in ("_id", "id")}
        # The filter names the whole unique key: of two at once, MongoDB tries the later one again.
        self.collection.update_one(where, {"$set": doc, "$setOnInsert": born}, upsert=True)

    def take(self, token_hash: str, purpose: Purpose, now: datetime) -> EmailToken | None:
        """Use a token up; None if it is unknown, expired, for something else, or used."""
        where = {"token_hash": token_hash, "purpose": purpose, "expires_at": {"$gt": now}}
        doc = self.collection.find_one_and_delete(where)
        return from_doc(EmailToken, doc) if doc else None

    def revoke(self, user_id: str, purpose: Purpose) -> None:
        """Make the link that is out there, if any, worth nothing."""
        self.collection.delete_one({"user_id": user_id, "purpose": purpose})

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted."""
        self.collection.delete_many({"user_id": user_id})
