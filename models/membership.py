"""Roles, activity and the end of an account: what administration asks of the `users` collection.

    active <--set_active--> inactive
    either --close--> closed --forget--> a row that says only that somebody was here

There is always an active admin. Taking one away is a transaction that writes to the row of every
active admin, so that two of them collide whoever they are about, and the second sees the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.database import Transactions, Within
from models.documents import Document, from_doc, to_doc
from models.user import Deletion, Role, User

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ADMINS: Document = {"role": Role.ADMIN, "is_active": True, "deleted_at": None}
# Behind every character that a name or an address may hold.
_LAST = "\U0010ffff"


class LastAdmin(Exception):
    """Without this account nobody could administer CLUTCH."""


class UserFilter(NamedTuple):
    """Which users. `prefix` is how their username begins, or their e-mail address."""

    role: Role | None = None
    is_active: bool | None = None
    prefix: str = ""


class _Run(NamedTuple):
    """A stretch of a list, in the order of one index."""

    key: str
    direction: int
    where: Document


class Membership:
    INDEXES = (
        IndexModel([("role", ASCENDING), ("id", DESCENDING)]),
        IndexModel([("is_active", ASCENDING), ("id", DESCENDING)]),
        # Only deletions under way are in it.
        IndexModel(
            "deletion.lease_until",
            partialFilterExpression={"deletion.lease_until": {"$gt": _EPOCH}},
        ),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def has_admin(self) -> bool:
        return self.collection.find_one(_ADMINS, {"_id": 1}) is not None

    def is_last_admin(self, user_id: str) -> bool:
        """Whether this is an active admin, and there is no other."""
        first_two = self.collection.find(_ADMINS, {"id": 1}).limit(2)
        return [doc["id"] for doc in first_two] == [user_id]

    def change_role(self, user_id: str, role: Role, now: datetime) -> User | None:
        """The user as they were before; None if there is none. Raises `LastAdmin`."""
        return self._keep_an_admin(user_id, {"role": role, "updated_at": now})

    def set_active(self, user_id: str, now: datetime, *, is_active: bool) -> User | None:
        """The user as they were before; None if there is none. Raises `LastAdmin`."""
        return self._keep_an_admin(user_id, {"is_active": is_active, "updated_at": now})

    def close(self, user_id: str, now: datetime, *, keeps_content: bool) -> User | None:
        """Close an account for good; what it leaves is a job's to take away.

        None if that was done before. Raises `LastAdmin`.
        """
        deletion = Deletion(keeps_content=keeps_content, lease_until=now)
        values = {"is_active": False, "deleted_at": now, "deletion": to_doc(deletion)}
        return self._keep_an_admin(user_id, values)

    def claim_deletion(self, user_id: str, *, now: datetime, until: datetime) -> User | None:
        """Take the right to clean up after somebody; None if it is done, or another's."""
        where = {"id": user_id, "deletion.lease_until": {"$lte": now, "$gt": _EPOCH}}
        doc = self.collection.find_one_and_update(
            where,
            {"$set": {"deletion.lease_until": until}},
            return_document=ReturnDocument.AFTER,
        )
        return from_doc(User, doc) if doc else None

    def renew_deletion(self, user_id: str, until: datetime) -> None:
        where = {"id": user_id, "deletion.lease_until": {"$gt": _EPOCH}}
        self.collection.update_one(where, {"$set": {"deletion.lease_until": until}})

    def unfinished_deletions(self, before: datetime, limit: int = 1000) -> Iterator[str]:
        """Ids of closed accounts that nobody has cleaned up after since `before`."""
        where = {"deletion.lease_until": {"$lt": before, "$gt": _EPOCH}}
        found = self.collection.find(where, {"id": 1}).sort("deletion.lease_until", 1)
        return (doc["id"] for doc in found.limit(limit))

    def forget(self, user: User, now: datetime) -> None:
        """Put in a closed account's place a row that says only that somebody was here.

        The whole row: what is not named here is not kept. Username and address become free.
        """
        nobody = User(
            id=user.id,
            oid=user.oid,
            # Without an @ it can be nobody's login.
            email=f"deleted:{user.id}",
            username=(name := f"deleted_{user.oid[-20:]}"),
            username_key=name,
            display_name="Deleted user",
            password_hash="",
            is_active=False,
            created_at=user.created_at,
            updated_at=now,
            deleted_at=user.deleted_at,
        )
        where = {"id": user.id, "deleted_at": {"$ne": None}}
        self.collection.replace_one(where, to_doc(nobody))

    def page(self, wanted: UserFilter, *, after: str, skip: int, limit: int) -> list[User]:
        """The newest first; those who match a prefix by username, then by address.

        `after` is the `position` that the page before ended with.
        """
        key, _, value = after.partition("=")
        found: list[Document] = []
        for run in _from(key, _runs(wanted)):
            where = run.where
            if run.key == key:
                where = {"$and": [where, {key: {"$lt" if run.direction < 0 else "$gt": value}}]}
            rest = limit - len(found)
            here = self.collection.find(where).sort(run.key, run.direction)
            docs = list(here.skip(skip).limit(rest)) if rest else []
            skip = 0 if docs or not skip else max(0, skip - self.collection.count_documents(where))
            found += docs
        return [from_doc(User, doc) for doc in found]

    def count(self, wanted: UserFilter) -> int:
        return sum(self.collection.count_documents(run.where) for run in _runs(wanted))

    def _keep_an_admin(self, user_id: str, values: Document) -> User | None:
        def work(within: Within) -> Document | None:
            where = {"id": user_id, "deleted_at": None}
            before = self.collection.find_one_and_update(where, {"$set": values}, session=within)
            if before and _is_admin(before) and not _is_admin(before | values):
                self._insist_on_another(within)
            return before

        before = Transactions(self.collection.database).run(work)
        return from_doc(User, before) if before else None

    def _insist_on_another(self, within: Within) -> None:
        # Writing to each is what makes two of these transactions collide.
        touch = {"$inc": {"admin_changes": 1}}
        if not self.collection.update_many(_ADMINS, touch, session=within).matched_count:
            raise LastAdmin


def position(wanted: UserFilter, user: User) -> str:
    """Where in `Membership.page` this user stands."""
    if not wanted.prefix:
        return f"id={user.id}"
    if user.username_key.startswith(wanted.prefix):
        return f"username_key={user.username_key}"
    return f"email={user.email}"


def _runs(wanted: UserFilter) -> list[_Run]:
    kept: Document = {"deleted_at": None}
    kept |= {"role": wanted.role} if wanted.role else {}
    kept |= {} if wanted.is_active is None else {"is_active": wanted.is_active}
    if not wanted.prefix:
        return [_Run("id", DESCENDING, {"id": {"$gt": ""}, **kept})]
    begins = {"$gte": wanted.prefix, "$lt": wanted.prefix + _LAST}
    return [
        _Run("username_key", ASCENDING, {"username_key": begins, **kept}),
        _Run("email", ASCENDING, {"email": begins, "username_key": {"$not": begins}, **kept}),
    ]


def _from(key: str, runs: list[_Run]) -> list[_Run]:
    """These runs from the one of `key` on; all of them where there is no such key."""
    return runs[next((n for n, run in enumerate(runs) if run.key == key), 0) :]


def _is_admin(doc: Document) -> bool:
    return bool(doc["role"] == Role.ADMIN and doc["is_active"])
