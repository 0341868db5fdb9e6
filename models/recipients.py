"""Whom something is told: of a user, what decides whether they want to know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from pymongo.collection import Collection

from models.documents import Document, Entity, from_doc
from models.user import Preferences, UserSettings

_SHOWN = dict.fromkeys(
    ("id", "settings", "preferences", "is_active", "email", "email_verified", "deleted_at"), 1
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient(Entity):
    email: str
    email_verified: bool = False
    is_active: bool = True
    deleted_at: datetime | None = None
    settings: UserSettings = field(default_factory=UserSettings)
    preferences: Preferences = field(default_factory=Preferences)


class Recipients:
    """A view of `users`, whose indexes are its."""

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def many(self, ids: Iterable[str]) -> dict[str, Recipient]:
        """Those who are there, by uuid, in one query."""
        found = self.collection.find({"id": {"$in": list(set(ids))}}, _SHOWN)
        return {doc["id"]: from_doc(Recipient, doc) for doc in found}

    def one(self, user_id: str) -> Recipient | None:
        doc = self.collection.find_one({"id": user_id}, _SHOWN)
        return from_doc(Recipient, doc) if doc else None

    def pauses_history(self, user_id: str) -> bool:
        where, shown = {"id": user_id}, {"settings.privacy.history_paused": 1}
        found = self.collection.find_one(where, shown) or {}
        return found.get("settings", {}).get("privacy", {}).get("history_paused", False)

    def stop_mails(self, user_id: str) -> bool:
        """Have nothing summed up by mail any more (000's `notifications.email`)."""
        change = {"$set": {"settings.notifications.email": False}}
        return self.collection.update_one({"id": user_id}, change).matched_count == 1
