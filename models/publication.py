"""Changing what is said of a video, and making it public: at once, or when its time has come.

A video's publication is the first moment at which it is public and plays. It is noted once: who
hides a video and shows it again does not make it new.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.announcements import VideoEvent, noted_if
from models.documents import Document, from_doc
from models.video import Video, Visibility

_UNPUBLISHED: Document = {
    "$and": [
        {"$eq": ["$visibility", Visibility.PUBLIC]},
        {"$eq": [{"$ifNull": ["$published_at", None]}, None]},
    ]
}
_IS_FIRST: Document = {"$and": [_UNPUBLISHED, {"$eq": ["$playable", True]}]}


def first_dated(now: datetime, score: float) -> Document:
    """Fields for a `$set` that makes a video play: if it is public, this is its publication."""
    return _dated(_UNPUBLISHED, now, score)


def _dated(is_first: Document, now: datetime, score: float) -> Document:
    return {
        "published_at": {"$cond": [is_first, now, {"$ifNull": ["$published_at", None]}]},
        "ranking_score": {"$cond": [is_first, score, {"$ifNull": ["$ranking_score", 0.0]}]},
    }


def later(now: datetime) -> Document:
    """`updated_at`: each change has a time of its own, so that it says which one it was."""
    return {"$max": [now, {"$add": ["$updated_at", 1]}]}


def literally(values: Document) -> Document:
    """Fields for a `$set` in a pipeline, whatever signs are in the values."""
    return {name: {"$literal": value} for name, value in values.items()}


class Publication:
    """A part of `Videos`."""

    INDEXES = (
        IndexModel(
            "publish_at", partialFilterExpression={"visibility": Visibility.SCHEDULED.value}
        ),
    )

    collection: Collection[Document]

    def change(
        self,
        video_id: str,
        values: Document,
        *,
        now: datetime,
        score: float,
        unless_changed_since: datetime | None = None,
    ) -> Video | None:
        """Set these fields and no others; None if it is gone, or was changed in between."""
        where: Document = {"id": video_id, "deleted_at": None}
        if unless_changed_since is not None:
            where["updated_at"] = unless_changed_since
        return self._staged(where, values, now, score)

    def due(self, now: datetime, limit: int = 1000) -> Iterator[str]:
        """Ids of scheduled videos whose time has come, the longest waiting first."""
        found = self.collection.find(_due(now), {"id": 1}).sort("publish_at", 1)
        return (doc["id"] for doc in found.limit(limit))

    def publish_due(self, video_id: str, *, now: datetime, score: float) -> Video | None:
        """Make a scheduled video public; None if somebody else did, or it is not due any more."""
        values = {"visibility": Visibility.PUBLIC, "publish_at": None}
        return self._staged({**_due(now), "id": video_id}, values, now, score)

    def _staged(
        self, where: Document, values: Document, now: datetime, score: float
    ) -> Video | None:
        doc = self.collection.find_one_and_update(
            where,
            [
                {"$set": {**literally(values), "updated_at": later(now)}},
                {
                    "$set": {
                        **_dated(_IS_FIRST, now, score),
                        **noted_if(_IS_FIRST, now, VideoEvent.PUBLISHED),
                    }
                },
            ],
            return_document=ReturnDocument.AFTER,
        )
        return from_doc(Video, doc) if doc else None


def _due(now: datetime) -> Document:
    scheduled = {"visibility": Visibility.SCHEDULED.value, "deleted_at": None}
    return {**scheduled, "publish_at": {"$lte": now}}
