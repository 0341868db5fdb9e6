"""Where users are kept: every query CLUTCH asks about them. What one is: `user.py`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.documents import Document, by_reference, from_doc, to_doc
from models.user import Author, User


class Taken(Exception):
    """A unique field of the new user belongs to somebody else."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


_AUTHOR = {"id": 1, "username": 1, "display_name": 1, "avatar_url": 1, "follower_count": 1} | {
    "verified": 1
}


class Users:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel("email", unique=True),
        IndexModel("username_key", unique=True),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, user: User) -> None:
        """Raises `Taken` naming the field that is not free."""
        try:
            self.collection.insert_one(to_doc(user))
        except DuplicateKeyError as duplicate:
            field = next(iter((duplicate.details or {}).get("keyPattern", {"id": 1})))
            raise Taken("username" if field == "username_key" else field) from duplicate

    def add_many(self, users: Iterable[User]) -> None:
        """For seeding: one round trip for a batch of new users."""
        self.collection.insert_many([to_doc(user) for user in users], ordered=False)

    def get(self, reference: str) -> User | None:
        """By uuid or ObjectId."""
        where = by_reference(reference)
        return self._one(where) if where else None

    def by_login(self, login: str) -> User | None:
        """By e-mail address or username, whichever it looks like."""
        key = login.lower()
        return self._one({"email": key} if "@" in key else {"username_key": key})

    def authors(self, ids: Iterable[str]) -> dict[str, Author]:
        """The authors of a page of videos, by uuid, in one query."""
        found = self.collection.find({"id": {"$in": list(set(ids))}}, _AUTHOR)
        return {doc["id"]: from_doc(Author, doc) for doc in found}

    def logged_in(self, user_id: str, now: datetime) -> None:
        self.collection.update_one({"id": user_id}, {"$set": {"last_login": now}})

    def rehash(self, user_id: str, *, old: str, new: str) -> None:
        """Replace a password hash made with older parameters, unless it changed meanwhile."""
        self.collection.update_one(
            {"id": user_id, "password_hash": old}, {"$set": {"password_hash": new}}
        )

    def _one(self, where: Document) -> User | None:
        doc = self.collection.find_one(where)
        return from_doc(User, doc) if doc else None
