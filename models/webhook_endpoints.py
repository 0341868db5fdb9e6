"""Webhook endpoints: addresses elsewhere that are told what happens to videos.

    active --switch_off--> off, with the reason        off --change--> active
           --take_turn---> under way, by one at a time: whoever holds its turn delivers to it

Each arrow is one conditional update.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.announcements import VideoEvent
from models.documents import Document, Entity, by_reference, from_doc, to_doc


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningSecret:
    """`closed` is encrypted; the secret that was replaced signs too until it ends."""

    closed: str
    created_at: datetime
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint(Entity):
    owner_id: str
    url: str
    events: tuple[VideoEvent, ...]
    # Newest first.
    secrets: tuple[SigningSecret, ...]
    created_at: datetime
    updated_at: datetime
    # Of everybody's videos, for an administrator; else of the owner's.
    everything: bool = False
    description: str = ""
    is_active: bool = True
    off_because: str = ""
    # Since when nothing arrives; None while it does.
    failing_since: datetime | None = None
    failures: int = 0
    turn: str | None = None
    # Whose turn it is has it until then; with nobody's, none begins before.
    turn_until: datetime | None = None


class WebhookEndpoints:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("owner_id", 1), ("created_at", -1)]),
        IndexModel("everything", partialFilterExpression={"everything": True}),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, endpoint: WebhookEndpoint) -> None:
        self.collection.insert_one(to_doc(endpoint))

    def get(self, reference: str) -> WebhookEndpoint | None:
        """By uuid or ObjectId."""
        where = by_reference(reference)
        doc = self.collection.find_one(where) if where else None
        return from_doc(WebhookEndpoint, doc) if doc else None

    def of(self, owner_id: str) -> list[WebhookEndpoint]:
        found = self.collection.find({"owner_id": owner_id}).sort("created_at", -1)
        return [from_doc(WebhookEndpoint, doc) for doc in found]

    def subscribers(self, author_id: str) -> list[WebhookEndpoint]:
        """Those that hear of this author's videos, whichever events they want."""
        where = {"$or": [{"owner_id": author_id}, {"everything": True}], "is_active": True}
        return [from_doc(WebhookEndpoint, doc) for doc in self.collection.find(where)]

    def change(self, endpoint_id: str, values: Document) -> WebhookEndpoint | None:
        return self._update({"id": endpoint_id}, {"$set": values})

    def remove(self, endpoint_id: str) -> None:
        self.collection.delete_one({"id": endpoint_id})

    def idle(self, ids: Iterable[str], now: datetime) -> list[str]:
        """Those of these whose next turn may begin."""
        where = {"id": {"$in": list(ids)}, "is_active": True, **_free(now)}
        return [doc["id"] for doc in self.collection.find(where, {"id": 1})]

    def active(self, ids: Iterable[str]) -> set[str]:
        """Those of these that are there, and not off."""
        found = self.collection.find({"id": {"$in": list(ids)}, "is_active": True}, {"id": 1})
        return {doc["id"] for doc in found}

    def take_turn(
        self, endpoint_id: str, turn: str, *, now: datetime, until: datetime
    ) -> WebhookEndpoint | None:
        """The right to deliver to it; None if it is off, pauses, or somebody else is at it."""
        where = {"id": endpoint_id, "is_active": True, **_free(now)}
        return self._update(where, {"$set": {"turn": turn, "turn_until": until}})

    def end_turn(self, endpoint_id: str, turn: str, *, pause_until: datetime) -> None:
        values = {"turn": None, "turn_until": pause_until}
        self.collection.update_one({"id": endpoint_id, "turn": turn}, {"$set": values})

    def may_try(self, endpoint_id: str, now: datetime) -> None:
        """End a pause: somebody who looks at it wants to see the next attempt."""
        where = {"id": endpoint_id, "turn": None}
        self.collection.update_one(where, {"$set": {"turn_until": now}})

    def arrived(self, endpoint_id: str) -> None:
        values = {"failing_since": None, "failures": 0}
        self.collection.update_one({"id": endpoint_id}, {"$set": values})

    def missed(self, endpoint_id: str, now: datetime) -> WebhookEndpoint | None:
        """Count a failure; answers how long it has been failing."""
        since = {"failing_since": {"$ifNull": ["$failing_since", now]}}
        counted = {"failures": {"$add": ["$failures", 1]}}
        return self._update({"id": endpoint_id}, [{"$set": {**since, **counted}}])

    def switch_off(self, endpoint_id: str, now: datetime, because: str) -> bool:
        """False if it was off already: whoever gets True says so to its owner."""
        values = {"is_active": False, "off_because": because, "updated_at": now}
        where = {"id": endpoint_id, "is_active": True}
        return self.collection.update_one(where, {"$set": values}).modified_count == 1

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted."""
        self.collection.delete_many({"owner_id": user_id})

    def _update(self, where: Document, change: Any) -> WebhookEndpoint | None:
        doc = self.collection.find_one_and_update(
            where, change, return_document=ReturnDocument.AFTER
        )
        return from_doc(WebhookEndpoint, doc) if doc else None


def _free(now: datetime) -> Document:
    return {"$or": [{"turn_until": None}, {"turn_until": {"$lte": now}}]}
