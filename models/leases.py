"""How a video goes through processing: every arrow of its state machine, and who may take it.

A video moves one way (000's words; 003 and 004 say pending, processing, completed, failed):

    uploaded --claim--> processing --finish--> ready
                        processing --fail----> error
                        processing --release-> processing, claimable from `lease_until` on

Each arrow is one conditional update: the filter is the lock, and a worker whose lease has passed
to another changes nothing. `playable` turns true with the first published rendition, long before
`ready`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pymongo import ReturnDocument
from pymongo.collection import Collection

from models.documents import Document, from_doc, to_doc
from models.video import ProcessingStatus, Rendition, Video

_UNFINISHED = {"$in": [ProcessingStatus.UPLOADED, ProcessingStatus.PROCESSING]}


class VideoLeases:
    """The part of the `videos` collection that workers and the sweeper speak to."""

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def claim(self, video_id: str, lease: str, *, now: datetime, until: datetime) -> Video | None:
        """Take the right to process; None if it is done, deleted, or another worker's."""
        return self._update(
            {
                "id": video_id,
                "deleted_at": None,
                "processing_status": _UNFINISHED,
                "processing.lease_until": {"$lte": now},
            },
            {
                "$set": {
                    "processing_status": ProcessingStatus.PROCESSING,
                    "processing.lease": lease,
                    "processing.lease_until": until,
                },
                "$inc": {"processing.attempts": 1},
            },
        )

    def renew(
        self, video_id: str, lease: str, *, until: datetime, stage: str, percent: float
    ) -> bool:
        """Report progress, which keeps the lease; False means that it is another's by now."""
        values = {
            "processing.lease_until": until,
            "processing.stage": stage,
            "processing.percent": percent,
        }
        return self._leased(video_id, lease, values) is not None

    def describe(self, video_id: str, lease: str, values: Document) -> bool:
        """Keep what the pipeline found out (duration, poster ...) while the lease holds."""
        return self._leased(video_id, lease, values) is not None

    def publish(
        self,
        video_id: str,
        lease: str,
        *,
        version: str,
        renditions: tuple[Rendition, ...],
        now: datetime,
        score: float,
    ) -> Video | None:
        """Point players at `version`. The first publication is the video's publication."""
        values = {
            "playable": True,
            "playback_version": version,
            "renditions": [to_doc(rendition) for rendition in renditions],
            "updated_at": now,
        }
        first = {
            "published_at": {"$ifNull": ["$published_at", now]},
            "ranking_score": {
                "$cond": [{"$ifNull": ["$published_at", False]}, "$ranking_score", score]
            },
        }
        literal = {name: {"$literal": value} for name, value in values.items()}
        return self._update(_held(video_id, lease), [{"$set": {**literal, **first}}])

    def finish(self, video_id: str, lease: str, *, progressive: str, now: datetime) -> Video | None:
        """To `ready`, only if `lease` still holds: a late worker changes nothing."""
        return self._leased(
            video_id,
            lease,
            {
                "processing_status": ProcessingStatus.READY,
                "progressive": progressive,
                "source": None,
                "updated_at": now,
                **_settled("ready", 100.0, now),
            },
        )

    def fail(
        self, video_id: str, lease: str, *, code: str, message: str, now: datetime
    ) -> Video | None:
        """To `error`, with a reason its owner can act on."""
        return self._leased(
            video_id,
            lease,
            {
                "processing_status": ProcessingStatus.ERROR,
                "processing.error_code": code,
                "processing.error_message": message,
                "source": None,
                "updated_at": now,
                **_settled("error", 0.0, now),
            },
        )

    def release(self, video_id: str, lease: str, *, until: datetime, counted: bool) -> None:
        """Give the lease back; others may claim from `until` on."""
        change: Document = {
            "$set": {
                "processing.lease": None,
                "processing.lease_until": until,
                "processing.stage": "queued",
            }
        }
        # A worker that is told to stop has not failed at this video.
        uncounted = {} if counted else {"$inc": {"processing.attempts": -1}}
        self._update(_held(video_id, lease), {**change, **uncounted})

    def stalled(self, before: datetime, limit: int = 1000) -> Iterator[str]:
        """Ids of unfinished videos that nobody holds since `before`, longest waiting first."""
        where = {
            "processing_status": _UNFINISHED,
            "processing.lease_until": {"$lt": before},
            "deleted_at": None,
        }
        found = self.collection.find(where, {"id": 1}).sort("processing.lease_until", 1)
        return (doc["id"] for doc in found.limit(limit))

    def _leased(self, video_id: str, lease: str, values: Document) -> Video | None:
        return self._update(_held(video_id, lease), {"$set": values})

    def _update(self, where: Document, change: Document | list[Document]) -> Video | None:
        doc = self.collection.find_one_and_update(
            where, change, return_document=ReturnDocument.AFTER
        )
        return from_doc(Video, doc) if doc else None


def _held(video_id: str, lease: str) -> Document:
    return {
        "id": video_id,
        "processing_status": ProcessingStatus.PROCESSING,
        "processing.lease": lease,
    }


def _settled(stage: str, percent: float, now: datetime) -> Document:
    return {
        "processing.stage": stage,
        "processing.percent": percent,
        "processing.lease": None,
        "processing.lease_until": None,
        "processing.finished_at": now,
    }
