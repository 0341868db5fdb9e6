"""What viewers see of a live stream: a part of `Videos`. How it is sent: broadcasts.py."""

from __future__ import annotations

from datetime import datetime

from pymongo import ReturnDocument
from pymongo.collection import Collection

from models.announcements import first_publication
from models.documents import Document, from_doc, to_doc
from models.publication import first_dated, later, literally
from models.video import LiveStatus, Rendition, Video

# Where the media of a live stream is: its replay is the next edition, with folders of its own.
LIVE_VERSION = "v0"
_THERE: Document = {"deleted_at": None}


class LiveVideos:
    collection: Collection[Document]

    def go_live(
        self, video_id: str, renditions: tuple[Rendition, ...], *, now: datetime, score: float
    ) -> Video | None:
        """It plays. Of a public video, the first time is its publication. None if it is gone."""
        values = {
            "playable": True,
            "playback_version": LIVE_VERSION,
            "renditions": [to_doc(rendition) for rendition in renditions],
            "live_status": LiveStatus.LIVE,
        }
        fields = {**literally(values), "updated_at": later(now)}
        told = {**first_dated(now, score), **first_publication(now)}
        return self._live(video_id, [{"$set": {**told, **fields}}], _THERE)

    def go_offline(self, video_id: str) -> Video | None:
        """Interrupted; what was sent stays in reach."""
        return self._live(video_id, {"$set": {"live_status": LiveStatus.OFFLINE}}, _THERE)

    def end_live(self, video_id: str, *, seconds: float, plays: bool) -> Video | None:
        """It is over, deleted or not; `plays` is whether what was sent can be watched on."""
        values = {
            "live_status": LiveStatus.ENDED,
            "duration_seconds": seconds,
            "playable": plays,
            # What was sent is removed where it is not kept.
            **({} if plays else {"playback_version": None, "renditions": []}),
        }
        return self._live(video_id, {"$set": values}, {"condemned_at": None})

    def _live(
        self, video_id: str, change: Document | list[Document], there: Document
    ) -> Video | None:
        # Its replay is a video like any other, which none of this concerns.
        where = {"id": video_id, "processing.edition": {"$in": [0, None]}, **there}
        doc = self.collection.find_one_and_update(
            where, change, return_document=ReturnDocument.AFTER
        )
        return from_doc(Video, doc) if doc else None
