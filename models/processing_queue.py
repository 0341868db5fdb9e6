"""What is being processed, and stopping and starting that: a part of `Videos`.

    unfinished, held by nobody --cancel----------> error `cancelled`
    unfinished, held by a worker --ask_to_cancel-> as before; whoever holds it lets it fail so
    error, its upload still there --retry--------> uploaded, as if it had just come
                                  --forget_source> error, for good

Each arrow is one conditional update.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pymongo import DESCENDING, IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.announcements import VideoEvent, noted
from models.documents import After, Document, from_doc, to_doc
from models.external import EXTERNAL_STAGE
from models.video import Phase, Processing, ProcessingStatus, Video

UNFINISHED = (ProcessingStatus.UPLOADED, ProcessingStatus.PROCESSING)
_FAILED_SOURCE = {"processing_status": "error", "source.key": {"$exists": True}}
_UNHELD = {"processing.lease": None, "processing.phase": Phase.FIRST}
CANCELLED = "cancelled"


class ProcessingQueue:
    INDEXES = (
        IndexModel([("processing_status", 1), ("created_at", -1), ("_id", -1)]),
        IndexModel(
            "processing.finished_at",
            name="failed_sources",
            partialFilterExpression=_FAILED_SOURCE,
        ),
    )

    collection: Collection[Document]

    def in_status(
        self, statuses: tuple[ProcessingStatus, ...], *, after: After | None, limit: int
    ) -> list[Video]:
        """Those of everybody, the newest first. Deleted ones too: they are few, and passed over."""
        where = {"processing_status": {"$in": list(statuses)}, "deleted_at": None}
        where |= after.beyond("created_at") if after else {}
        order = [("created_at", DESCENDING), ("_id", DESCENDING)]
        found = self.collection.find(where).sort(order).limit(limit)
        return [from_doc(Video, doc) for doc in found]

    def cancel(self, video_id: str, now: datetime) -> Video | None:
        """End what no worker has begun; None where one is at it, or nothing is to be done."""
        values = {
            "processing_status": ProcessingStatus.ERROR,
            "processing.error_code": CANCELLED,
            "processing.error_message": "Processing was cancelled.",
            "processing.stage": "error",
            "processing.percent": 0.0,
            "processing.lease_until": None,
            "processing.finished_at": now,
            "updated_at": now,
        }
        where = _unfinished(video_id) | _UNHELD
        return _after(self.collection, where, {"$set": values, **noted(now, VideoEvent.FAILED)})

    def ask_to_cancel(self, video_id: str) -> Video | None:
        """Have whoever holds it end it, or whoever comes next; None if nothing is to be done."""
        return _after(
            self.collection, _unfinished(video_id), {"$set": {"processing.cancelled": True}}
        )

    def retry(self, video: Video, now: datetime, *, external: bool) -> Video | None:
        """Process what failed again; None if it did not, or its upload is gone."""
        fresh = Processing(
            edition=video.processing.edition,
            event_ids=video.processing.event_ids,
            stage=EXTERNAL_STAGE if external else "queued",
            lease_until=None if external else now,
        )
        status = ProcessingStatus.PROCESSING if external else ProcessingStatus.UPLOADED
        values = {"processing_status": status, "processing": to_doc(fresh), "updated_at": now}
        if not video.playable:
            # What was shown of it, if anything, was taken back: its publication is still to come.
            values |= {"published_at": None, "ranking_score": 0.0}
        where = {**_FAILED_SOURCE, "id": video.id, "deleted_at": None}
        uploaded = noted(now, VideoEvent.UPLOADED) if external else {}
        return _after(self.collection, where, {"$set": values, **uploaded})

    def failed_sources(self, before: datetime, limit: int) -> list[str]:
        """Ids of videos that failed before, and whose upload is still there."""
        where = {**_FAILED_SOURCE, "processing.finished_at": {"$lt": before}}
        found = self.collection.find(where, {"id": 1}).hint("failed_sources")
        return [doc["id"] for doc in found.limit(limit)]

    def forget_source(self, video_id: str, before: datetime) -> bool:
        """Note that its upload is to be removed; False if it was taken up again meanwhile."""
        where = {**_FAILED_SOURCE, "id": video_id, "processing.finished_at": {"$lt": before}}
        return _after(self.collection, where, {"$set": {"source": None}}) is not None


def _after(collection: Collection[Document], where: Document, change: Any) -> Video | None:
    """The video as this change leaves it; None if it is not as `where` says."""
    doc = collection.find_one_and_update(where, change, return_document=ReturnDocument.AFTER)
    return from_doc(Video, doc) if doc else None


def _unfinished(video_id: str) -> Document:
    status = {"$in": list(UNFINISHED)}
    return {"id": video_id, "deleted_at": None, "processing_status": status}


def silent_for(processing: Processing, lifetime: timedelta, now: datetime) -> float | None:
    """For how many seconds its worker has not been heard of; None if nobody holds it."""
    if processing.lease is None or processing.lease_until is None:
        return None
    return max(0.0, (now - (processing.lease_until - lifetime)).total_seconds())
