"""Where users are kept: every query CLUTCH asks about them. What one is: `user.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from pymongo import IndexModel, ReturnDocument, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.database import Within
from models.documents import Document, by_reference, from_doc, to_doc
from models.membership import Membership
from models.popularity import Popularity
from models.second_factors import SecondFactors
from models.user import Author, User


class Taken(Exception):
    """A unique field of the new user belongs to somebody else."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


# 000's privacy beside a video, where all see the same: a count that its owner shows to some only,
# or to nobody, is 0 here (`services/policies.py` has the rule for profiles).
_SHOWS_FOLLOWERS = {
    "$and": [
        {"$ne": ["$settings.privacy.show_followers", False]},
        {"$not": [{"$in": ["$settings.privacy.profile_visibility", ["followers", "private"]]}]},
    ]
}
_AUTHOR: Document = {
    **dict.fromkeys(("id", "username", "display_name", "avatar_url", "verified", "deleted_at"), 1),
    "follower_count": {"$cond": [_SHOWS_FOLLOWERS, "$follower_count", 0]},
}


class Users(SecondFactors, Membership, Popularity):
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel("email", unique=True),
        IndexModel("username_key", unique=True),
        *Membership.INDEXES,
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, user: User, within: Within | None = None) -> None:
        """Raises `Taken` naming the field that is not free."""
        try:
            self.collection.insert_one(to_doc(user), session=within)
        except DuplicateKeyError as duplicate:
            raise _taken(duplicate) from duplicate

    def change(
        self, user_id: str, values: Document, *, password_hash: str | None = None
    ) -> User | None:
        """Set these fields (by dotted path) and no other, so that changes of others' hold.

        None: the account is closed, or its password is no longer that of `password_hash`.
        Raises `Taken` naming the field that is not free.
        """
        where = {"id": user_id, "is_active": True, "deleted_at": None}
        where |= {} if password_hash is None else {"password_hash": password_hash}
        try:
            doc = self.collection.find_one_and_update(
                where, {"$set": values}, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError as duplicate:
            raise _taken(duplicate) from duplicate
        return from_doc(User, doc) if doc else None

    def active(self, user_id: str, now: datetime) -> None:
        """Somebody has just written something."""
        self.collection.update_one({"id": user_id}, {"$max": {"last_active_at": now}})

    def add_views(self, user_id: str, views: int, within: Within) -> None:
        """Of all their videos together (000's `total_views`)."""
        change = {"$inc": {"total_views": views}}
        self.collection.update_one({"id": user_id}, change, session=within)

    def add_many(self, users: Iterable[User]) -> None:
        """For seeding: one round trip for a batch of new users."""
        self.collection.insert_many([to_doc(user) for user in users], ordered=False)

    def add_views_of(self, views: Mapping[str, int]) -> None:
        """For seeding: the same for many, by their ids."""
        changes = [
            UpdateOne({"id": user_id}, {"$inc": {"total_views": added}})
            for user_id, added in views.items()
        ]
        if changes:
            self.collection.bulk_write(changes, ordered=False)

    def get(self, reference: str) -> User | None:
        """By uuid or ObjectId."""
        where = by_reference(reference)
        return self._one(where) if where else None

    def is_active(self, user_id: str) -> bool:
        """Whether there is such an account, neither deactivated nor closed."""
        where = {"id": user_id, "is_active": True}
        return self.collection.find_one(where, {"_id": 1}) is not None

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

    def change_password(self, user_id: str, *, old: str, new: str, now: datetime) -> bool:
        """Replace the password hash `old`; False if it is another one by now."""
        values = {"password_hash": new, "password_changed_at": now, "updated_at": now}
        where = {"id": user_id, "password_hash": old}
        return self.collection.update_one(where, {"$set": values}).modified_count == 1

    def reset_password(
        self, user_id: str, email: str, password_hash: str, now: datetime
    ) -> User | None:
        """For who reads the mail to `email`, which that proves; None if it is not theirs by now.

        A second factor of an address that was not verified goes: somebody else may have set it up,
        who signed up with an address that is not theirs.
        """
        values = {"password_hash": password_hash, "password_changed_at": now, "updated_at": now}
        kept = {"$cond": ["$email_verified", "$second_factor", None]}
        doc = self.collection.find_one_and_update(
            {"id": user_id, "email": email, "is_active": True},
            [
                {
                    "$set": {name: {"$literal": value} for name, value in values.items()}
                    | {"second_factor": kept, "email_verified": True}
                }
            ],
            return_document=ReturnDocument.AFTER,
        )
        return from_doc(User, doc) if doc else None

    def verify_email(self, user_id: str, email: str, now: datetime) -> bool:
        """False if that is not this user's address (any more)."""
        where = {"id": user_id, "email": email}
        values = {"email_verified": True, "updated_at": now}
        return self.collection.update_one(where, {"$set": values}).matched_count == 1

    def _one(self, where: Document) -> User | None:
        doc = self.collection.find_one(where)
        return from_doc(User, doc) if doc else None


def _taken(duplicate: DuplicateKeyError) -> Taken:
    field = next(iter((duplicate.details or {}).get("keyPattern", {"id": 1})))
    return Taken("username" if field == "username_key" else field)
