"""Webhook deliveries: one for each event and endpoint, and what became of it.

    waiting --claim--> sending --settle---> delivered | given_up
                       sending --put_back-> waiting, claimable from `next_at` on
    delivered | given_up --again--> waiting, with the same id

Each arrow is one conditional update. A sender that dies leaves `sending` behind, which may be
claimed anew once `next_at` has passed: what was sent before that arrives twice, under one id. What
is settled is forgotten after a month.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pymongo import DESCENDING, IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.documents import After, Document, Entity, by_reference, from_doc, to_doc

KEPT_SECONDS = 30 * 24 * 3600
# Of those, the newest are shown.
KEPT_ATTEMPTS = 20


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


_SETTLED = {"$in": [DeliveryState.DELIVERED, DeliveryState.GIVEN_UP]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of sending it once. `status` is None where no answer came; `error` says why."""

    at: datetime
    duration_ms: int
    status: int | None = None
    answer: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(Entity):
    endpoint_id: str
    owner_id: str
    # What the receiver knows it by: the same however often it is sent.
    event_id: str
    event: str
    sequence: int
    # As it is sent, to the byte.
    body: str
    created_at: datetime
    # When it may be tried next; while it is being sent, when its sender is taken for dead.
    next_at: datetime | None
    give_up_at: datetime
    video_id: str | None = None
    state: DeliveryState = DeliveryState.WAITING
    lease: str | None = None
    # Since it was asked for last.
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()
    settled_at: datetime | None = None


class WebhookDeliveries:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("endpoint_id", 1), ("event_id", 1)], unique=True),
        IndexModel([("endpoint_id", 1), ("created_at", -1), ("_id", -1)]),
        IndexModel([("endpoint_id", 1), ("next_at", 1), ("sequence", 1)]),
        IndexModel([("next_at", 1), ("endpoint_id", 1)]),
        IndexModel("owner_id"),
        IndexModel("settled_at", expireAfterSeconds=KEPT_SECONDS),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, delivery: Delivery) -> None:
        """Have it delivered; one of the same event to the same endpoint is the same delivery."""
        key = {"endpoint_id": delivery.endpoint_id, "event_id": delivery.event_id}
        new = {name: value for name, value in to_doc(delivery).items() if name not in key}
        self.collection.update_one(key, {"$setOnInsert": new}, upsert=True)

    def get(self, reference: str, endpoint_id: str) -> Delivery | None:
        where = by_reference(reference)
        doc = self.collection.find_one({**where, "endpoint_id": endpoint_id}) if where else None
        return from_doc(Delivery, doc) if doc else None

    def newest(self, endpoint_id: str, *, after: After | None, limit: int) -> list[Delivery]:
        where = {"endpoint_id": endpoint_id, **(after.beyond("created_at") if after else {})}
        order = [("created_at", DESCENDING), ("_id", DESCENDING)]
        found = self.collection.find(where).sort(order).limit(limit)
        return [from_doc(Delivery, doc) for doc in found]

    def endpoints_with_due(self, now: datetime) -> list[str]:
        """Ids of endpoints for which something should have been sent by now."""
        return self.collection.distinct("endpoint_id", {"next_at": {"$lte": now}})

    def has_due(self, endpoint_id: str, now: datetime) -> bool:
        return self.collection.find_one(_due(endpoint_id, now), {"_id": 1}) is not None

    def claim(
        self, endpoint_id: str, lease: str, *, now: datetime, until: datetime
    ) -> Delivery | None:
        """Take the right to send what has waited longest; None if nothing is due."""
        doc = self.collection.find_one_and_update(
            _due(endpoint_id, now),
            {
                "$set": {"state": DeliveryState.SENDING, "lease": lease, "next_at": until},
                "$inc": {"tries": 1},
            },
            sort=[("next_at", 1), ("sequence", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return from_doc(Delivery, doc) if doc else None

    def settle(self, delivery: Delivery, state: DeliveryState, attempt: Attempt) -> None:
        values = {"state": state, "lease": None, "next_at": None, "settled_at": attempt.at}
        self._tried(delivery, attempt, values)

    def put_back(self, delivery: Delivery, attempt: Attempt, next_at: datetime) -> None:
        values = {"state": DeliveryState.WAITING, "lease": None, "next_at": next_at}
        self._tried(delivery, attempt, values)

    def again(self, delivery_id: str, now: datetime, give_up_at: datetime) -> bool:
        """Have a settled one delivered anew; False if it is under way still."""
        values = {"state": DeliveryState.WAITING, "settled_at": None, "tries": 0}
        times = {"next_at": now, "give_up_at": give_up_at}
        where = {"id": delivery_id, "state": _SETTLED}
        return self.collection.update_one(where, {"$set": values | times}).modified_count == 1

    def give_up_all(self, endpoint_id: str, now: datetime) -> None:
        """For an endpoint that is off: what waits for it is not sent of itself any more."""
        values = {"state": DeliveryState.GIVEN_UP, "next_at": None, "settled_at": now}
        where = {"endpoint_id": endpoint_id, "next_at": {"$ne": None}}
        self.collection.update_many(where, {"$set": values | {"lease": None}})

    def forget_endpoint(self, endpoint_id: str) -> None:
        self.collection.delete_many({"endpoint_id": endpoint_id})

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted: what they subscribed to, with the answers."""
        self.collection.delete_many({"owner_id": user_id})

    def _tried(self, delivery: Delivery, attempt: Attempt, values: Document) -> None:
        kept = {"$each": [to_doc(attempt)], "$slice": -KEPT_ATTEMPTS}
        where = {"id": delivery.id, "lease": delivery.lease, "state": DeliveryState.SENDING}
        self.collection.update_one(where, {"$set": values, "$push": {"attempts": kept}})


def _due(endpoint_id: str, now: datetime) -> Document:
    return {"endpoint_id": endpoint_id, "next_at": {"$lte": now}}
