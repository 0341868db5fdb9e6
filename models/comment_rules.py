"""What creators ask of comments under their videos: words to hold back, or to hold back all."""

from __future__ import annotations

from dataclasses import dataclass

from pymongo import IndexModel
from pymongo.collection import Collection

from models.documents import Document, from_doc, to_doc


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentRule:
    user_id: str
    # As their owner wrote them.
    blocked_words: tuple[str, ...] = ()
    hold_all: bool = False


class CommentRules:
    INDEXES = (IndexModel("user_id", unique=True),)

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def of(self, user_id: str) -> CommentRule:
        doc = self.collection.find_one({"user_id": user_id})
        return from_doc(CommentRule, doc) if doc else CommentRule(user_id=user_id)

    def keep(self, rule: CommentRule) -> None:
        self.collection.update_one({"user_id": rule.user_id}, {"$set": to_doc(rule)}, upsert=True)

    def forget_all_of(self, user_id: str) -> None:
        self.collection.delete_one({"user_id": user_id})
