"""Videos that somebody else processes: what they wait for, and what came of it. A part of `Videos`.

    processing, stage `external` --finish_external--> ready
                                 --fail_external----> error

Each arrow is one conditional update, which keeps the id of the message that it follows from: the
same message again changes nothing, not even of a video that is tried again since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection

from models.announcements import VideoEvent, noted
from models.documents import Document, from_doc, to_doc
from models.video import ExternalMedia, ProcessingStatus, Rendition, Video, Visibility

EXTERNAL_STAGE = "external"
# How many messages about one video are known again. They are good for minutes.
KNOWN_MESSAGES = 20
WIDE = 16 / 9


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalResult:
    """What a processor elsewhere has made of a video."""

    media: ExternalMedia
    duration_seconds: float


class ExternalVideos:
    collection: Collection[Document]

    def finish_external(
        self, video_id: str, event_id: str, result: ExternalResult, *, now: datetime, score: float
    ) -> Video | None:
        """To `ready`; None if it does not wait for that."""
        values = {
            "processing_status": ProcessingStatus.READY,
            "playable": True,
            "renditions": [to_doc(_rendition(v.name)) for v in result.media.variants],
            "external": to_doc(result.media),
            "duration_seconds": result.duration_seconds,
            "source": None,
            **_settled("ready", 100.0, now),
        }
        events = (VideoEvent.PLAYABLE, VideoEvent.READY)
        published = (*events, VideoEvent.PUBLISHED)
        dated = {**values, "published_at": now, "ranking_score": score}
        # Whether this is its publication is known to the filter alone.
        is_first = {"visibility": Visibility.PUBLIC, "published_at": None}
        return self._settle_external(
            video_id, event_id, dated, now, published, is_first
        ) or self._settle_external(video_id, event_id, values, now, events, {})

    def fail_external(
        self, video_id: str, event_id: str, message: str, *, now: datetime
    ) -> Video | None:
        """To `error`; None if it does not wait for that."""
        values = {
            "processing_status": ProcessingStatus.ERROR,
            "processing.error_code": "external_processing_failed",
            "processing.error_message": message,
            **_settled("error", 0.0, now),
        }
        return self._settle_external(video_id, event_id, values, now, (VideoEvent.FAILED,), {})

    def _settle_external(
        self,
        video_id: str,
        event_id: str,
        values: Document,
        now: datetime,
        events: tuple[VideoEvent, ...],
        only: Document,
    ) -> Video | None:
        where = {
            "id": video_id,
            "deleted_at": None,
            "processing_status": ProcessingStatus.PROCESSING,
            "processing.stage": EXTERNAL_STAGE,
            "processing.event_ids": {"$ne": event_id},
            **only,
        }
        told = noted(now, *events)["$push"]
        known = {"processing.event_ids": {"$each": [event_id], "$slice": -KNOWN_MESSAGES}}
        change: Any = {"$set": {**values, "updated_at": now}, "$push": {**told, **known}}
        doc = self.collection.find_one_and_update(
            where, change, return_document=ReturnDocument.AFTER
        )
        return from_doc(Video, doc) if doc else None


def _rendition(name: str) -> Rendition:
    """As its name says: nobody has looked at the picture here."""
    height = int(name.removesuffix("p"))
    return Rendition(name=name, width=round(height * WIDE / 2) * 2, height=height)


def _settled(stage: str, percent: float, now: datetime) -> Document:
    return {
        "processing.stage": stage,
        "processing.percent": percent,
        "processing.finished_at": now,
    }
