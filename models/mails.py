"""The outbox: mails that are asked for, and what became of them.

    waiting --claim--> sending --sent-----> sent
                       sending --put_back-> waiting, claimable from `next_at` on
                       sending --fail-----> failed, with the reason

Each arrow is one conditional update, and asking is one upsert: a mail of the same kind that waits
for the same address is the same mail. A sender that dies leaves `sending` behind, which may be
claimed anew once `next_at` has passed. What is done is forgotten after a week.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.documents import Document, Entity, from_doc, to_doc

KEPT_SECONDS = 7 * 24 * 3600


class MailKind(StrEnum):
    VERIFICATION = "verification"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - not a password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - not a password
    ACCOUNT_EXISTS = "account_exists"
    INVITATION = "invitation"
    WEBHOOK_OFF = "webhook_off"
    DIGEST = "digest"


class MailState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail(Entity):
    """`user_id` is known only where the mail was asked for by or for somebody who is known."""

    kind: MailKind
    to: str
    created_at: datetime
    # When it may be tried next; while it is being sent, when its sender is taken for dead.
    next_at: datetime | None
    # What temporary failures are tried again until.
    give_up_at: datetime
    user_id: str | None = None
    state: MailState = MailState.WAITING
    lease: str | None = None
    attempts: int = 0
    settled_at: datetime | None = None
    error: str = ""
    # Never a token: those are made while sending.
    context: dict[str, str] = field(default_factory=dict)


class Mails:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel(
            [("kind", 1), ("to", 1), ("state", 1)],
            unique=True,
            partialFilterExpression={"state": MailState.WAITING.value},
            name="waiting",
        ),
        IndexModel([("to", 1), ("kind", 1), ("settled_at", -1)]),
        IndexModel("next_at"),
        IndexModel("settled_at", expireAfterSeconds=KEPT_SECONDS),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def ask(self, mail: Mail) -> str:
        """Have `mail` sent; answers its id, or that of the one which waits already."""
        # The whole unique key: of two who ask at once, MongoDB has the later one find the other's.
        asked = {"kind": mail.kind, "to": mail.to, "state": MailState.WAITING}
        values = {"context": mail.context, "give_up_at": mail.give_up_at}
        new = {k: v for k, v in to_doc(mail).items() if k not in {*asked, *values}}
        doc: Any = self.collection.find_one_and_update(
            asked,
            {"$set": values, "$setOnInsert": new},
            projection={"id": 1},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return str(doc["id"])

    def get(self, mail_id: str) -> Mail | None:
        doc = self.collection.find_one({"id": mail_id})
        return from_doc(Mail, doc) if doc else None

    def claim(self, mail_id: str, lease: str, *, now: datetime, until: datetime) -> Mail | None:
        """Take the right to send; None if it is done, not due, or another's to send."""
        doc = self.collection.find_one_and_update(
            {"id": mail_id, "next_at": {"$lte": now}},
            {
                "$set": {"state": MailState.SENDING, "lease": lease, "next_at": until},
                "$inc": {"attempts": 1},
            },
            return_document=ReturnDocument.AFTER,
        )
        return from_doc(Mail, doc) if doc else None

    def sent(self, mail: Mail, now: datetime) -> None:
        self._settle(mail, MailState.SENT, now)

    def fail(self, mail: Mail, now: datetime, error: str) -> None:
        self._settle(mail, MailState.FAILED, now, error)

    def put_back(self, mail: Mail, now: datetime, *, next_at: datetime, error: str) -> None:
        """Try again from `next_at` on, unless the same was asked for anew meanwhile."""
        values = {"state": MailState.WAITING, "lease": None, "next_at": next_at, "error": error}
        try:
            self.collection.update_one(_held(mail), {"$set": values})
        except DuplicateKeyError:
            self.fail(mail, now, "A newer one takes its place.")

    def drop(self, mail: Mail) -> None:
        """Forget one that is not to be sent, and that somebody typed the address of."""
        self.collection.delete_one(_held(mail))

    def due(self, before: datetime, limit: int) -> list[str]:
        """Ids of mails that should have been sent by then, longest waiting first."""
        found = self.collection.find({"next_at": {"$lt": before}}, {"id": 1})
        return [doc["id"] for doc in found.sort("next_at", 1).limit(limit)]

    def forget_address(self, to: str) -> None:
        """For a person who is deleted: what was sent to them, and what still waits."""
        self.collection.delete_many({"to": to})

    def settled_since(self, to: str, kind: MailKind, since: datetime, limit: int) -> int:
        """How many of a kind were for an address, counted up to `limit`."""
        where = {"to": to, "kind": kind, "settled_at": {"$gte": since}}
        return sum(1 for _ in self.collection.find(where, {"id": 1}).limit(limit))

    def _settle(self, mail: Mail, state: MailState, now: datetime, error: str = "") -> None:
        # The context of an invitation holds its link, which nobody needs to read here any more.
        values = {"state": state, "error": error, "settled_at": now}
        done = {"lease": None, "next_at": None, "context": {}}
        self.collection.update_one(_held(mail), {"$set": {**values, **done}})


def _held(mail: Mail) -> Document:
    return {"id": mail.id, "lease": mail.lease, "state": MailState.SENDING}
