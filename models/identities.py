"""Identities elsewhere: who somebody is to an issuer of tokens that CLUTCH trusts.

`issuer` and `subject` are the claims `iss` and `sub` of its tokens, and together name one person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.documents import Document, Entity, from_doc, to_doc


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignIdentity(Entity):
    issuer: str
    subject: str
    user_id: str
    created_at: datetime


class Identities:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("issuer", 1), ("subject", 1)], unique=True),
        IndexModel("user_id"),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def find(self, issuer: str, subject: str) -> ForeignIdentity | None:
        doc = self.collection.find_one({"issuer": issuer, "subject": subject})
        return from_doc(ForeignIdentity, doc) if doc else None

    def link(self, identity: ForeignIdentity) -> bool:
        """False if this issuer's subject is linked already: `find` says to whom."""
        try:
            self.collection.insert_one(to_doc(identity))
        except DuplicateKeyError:
            return False
        return True

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted."""
        self.collection.delete_many({"user_id": user_id})
