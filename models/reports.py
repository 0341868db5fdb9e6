"""Reports of comments: one for each person and comment, for staff to look at.

open --resolve--> dismissed | upheld    all reports of one comment together
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pymongo import ASCENDING, IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.documents import After, Document, Entity, by_reference, from_doc, to_doc

OLDEST_FIRST = [("created_at", ASCENDING), ("_id", ASCENDING)]


class ReportReason(StrEnum):
    SPAM = "spam"
    HARASSMENT = "harassment"
    HATE = "hate"
    VIOLENCE = "violence"
    SEXUAL = "sexual"
    MISINFORMATION = "misinformation"
    OTHER = "other"


class ReportState(StrEnum):
    OPEN = "open"
    DISMISSED = "dismissed"
    UPHELD = "upheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Entity):
    comment_id: str
    video_id: str
    # Who wrote the comment.
    user_id: str
    reporter_id: str
    reason: ReportReason
    created_at: datetime
    note: str = ""
    # What was reported: the comment may be another, or gone, when somebody looks.
    content: str = ""
    state: ReportState = ReportState.OPEN
    resolved_at: datetime | None = None
    resolved_by: str | None = None


class Reports:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("comment_id", 1), ("reporter_id", 1)], unique=True),
        IndexModel([("state", 1), *OLDEST_FIRST]),
        IndexModel("reporter_id"),
        IndexModel("user_id"),
        IndexModel("video_id"),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, report: Report) -> bool:
        """False if this person has reported this comment before."""
        try:
            self.collection.insert_one(to_doc(report))
        except DuplicateKeyError:
            return False
        return True

    def get(self, reference: str) -> Report | None:
        where = by_reference(reference)
        doc = self.collection.find_one(where) if where else None
        return from_doc(Report, doc) if doc else None

    def count_open(self, comment_id: str) -> int:
        """By how many people this comment is reported now."""
        where = {"comment_id": comment_id, "state": ReportState.OPEN}
        return self.collection.count_documents(where)

    def oldest(self, state: ReportState, *, after: After | None, limit: int) -> list[Report]:
        """What has waited longest comes first."""
        where: Document = {"state": state}
        where |= after.beyond("created_at", ascending=True) if after else {}
        found = self.collection.find(where).sort(OLDEST_FIRST).limit(limit)
        return [from_doc(Report, doc) for doc in found]

    def resolve(self, comment_id: str, state: ReportState, *, by: str | None, now: datetime) -> int:
        """Settle what is open of one comment; returns how many reports those were."""
        where = {"comment_id": comment_id, "state": ReportState.OPEN}
        values = {"state": state, "resolved_at": now, "resolved_by": by}
        return self.collection.update_many(where, {"$set": values}).modified_count

    def forget_video(self, video_id: str) -> None:
        self.collection.delete_many({"video_id": video_id})

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted: what was said of their comments goes, and who reported."""
        self.collection.delete_many({"user_id": user_id})
        unnamed: Document = {"$concat": ["gone:", {"$toString": "$_id"}]}
        values = [{"$set": {"reporter_id": unnamed, "note": ""}}]
        self.collection.update_many({"reporter_id": user_id}, values)
