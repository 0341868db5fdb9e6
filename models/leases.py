"""How a video goes through processing: every arrow of its state machine, and who may take it.

A video moves one way (000's words; 003 and 004 say pending, processing, completed, failed):

    uploaded --claim--> processing --finish--> ready
                        processing --fail----> error
                        processing --release-> processing, claimable from `lease_until` on
                        processing --hand_over> processing, in its next phase, claimable at once
                                                or, while others encode pieces of it, after `resume`

Each arrow is one conditional update: the filter is the lock, and a worker whose lease has passed
to another changes nothing. `playable` turns true with the first published rendition, long before
`ready`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.announcements import VideoEvent, first_publication, noted
from models.documents import Document, from_doc, to_doc
from models.publication import first_dated
from models.video import Phase, ProcessingStatus, Rendition, Video
from models.waiting import WaitingVideos

_UNFINISHED = {"$in": [ProcessingStatus.UPLOADED, ProcessingStatus.PROCESSING]}

# What processing had stored for itself may still be there.
_UNTIDY = {"processing.is_untidy": True}


class VideoLeases(WaitingVideos):
    """The part of the `videos` collection that workers and the sweeper speak to."""

    INDEXES = (
        *WaitingVideos.INDEXES,
        IndexModel("processing.finished_at", name="untidy", partialFilterExpression=_UNTIDY),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def claim(
        self, video_id: str, lease: str, *, now: datetime, until: datetime, worker: str = ""
    ) -> Video | None:
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
                    "processing.worker": worker,
                    "processing.claimed_at": now,
                },
                "$inc": {"processing.attempts": 1},
            },
        )

    def renew(
        self, video_id: str, lease: str, *, until: datetime, stage: str, percent: float
    ) -> Video | None:
        """Report progress, which keeps the lease; None means that it is another's by now."""
        values = {
            "processing.lease_until": until,
            "processing.stage": stage,
            "processing.percent": percent,
        }
        return self._leased(video_id, lease, values)

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
        duration_seconds: float | None = None,
    ) -> Video | None:
        """Point players at `version`. Of a public video, the first one is its publication.

        How long it is follows with it, unless that is known: links last by it.
        """
        values = {
            "playable": True,
            "playback_version": version,
            "renditions": [to_doc(rendition) for rendition in renditions],
            "updated_at": now,
            **({} if duration_seconds is None else {"duration_seconds": duration_seconds}),
        }
        first = first_dated(now, score)
        literal = {name: {"$literal": value} for name, value in values.items()}
        # Manifests that name all tracks are to be written anew, over these renditions.
        due = {"tracks.due_at": {"$cond": [{"$gt": ["$tracks.revision", 0]}, now, None]}}
        told = first_publication(now)
        return self._update(_held(video_id, lease), [{"$set": {**literal, **first, **told, **due}}])

    def finish(
        self,
        video_id: str,
        lease: str,
        *,
        progressive: str | None,
        now: datetime,
        tidy_at: datetime | None = None,
    ) -> Video | None:
        """To `ready`, only if `lease` still holds: a late worker changes nothing.

        From `tidy_at` on nobody watches by the versions that were published on the way.
        """
        return self._leased(
            video_id,
            lease,
            {
                "processing_status": ProcessingStatus.READY,
                "progressive": progressive,
                "source": None,
                "updated_at": now,
                **({"tracks.tidy_at": tidy_at} if tidy_at else {}),
                **_settled("ready", 100.0, now),
            },
            noted(now, VideoEvent.READY),
        )

    def fail(
        self,
        video_id: str,
        lease: str,
        *,
        code: str,
        message: str,
        now: datetime,
        details: str = "",
        keeps_source: bool = False,
    ) -> Video | None:
        """To `error`, with a reason its owner can act on, and details for an administrator."""
        return self._leased(
            video_id,
            lease,
            {
                "processing_status": ProcessingStatus.ERROR,
                "processing.error_code": code,
                "processing.error_message": message,
                "processing.last_error": details,
                **({} if keeps_source else {"source": None}),
                "updated_at": now,
                **_settled("error", 0.0, now),
            },
            noted(now, VideoEvent.FAILED),
        )

    def release(
        self, video_id: str, lease: str, *, until: datetime, counted: bool, details: str = ""
    ) -> None:
        """Give the lease back; others may claim from `until` on. `details` are why."""
        change: Document = {
            "$set": {
                "processing.lease": None,
                "processing.lease_until": until,
                "processing.stage": "queued",
                **({"processing.last_error": details} if details else {}),
            }
        }
        # A worker that is told to stop has not failed at this video.
        uncounted = {} if counted else {"$inc": {"processing.attempts": -1}}
        self._update(_held(video_id, lease), {**change, **uncounted})

    def hand_over(self, video_id: str, lease: str, phase: Phase, *, now: datetime) -> bool:
        """Give the lease back with a phase done. In `CHUNKS` nobody can claim it: see `resume`."""
        values = {
            "processing.phase": phase,
            "processing.lease": None,
            "processing.lease_until": None if phase is Phase.CHUNKS else now,
            # Each phase has attempts of its own.
            "processing.attempts": 0,
        }
        return self._leased(video_id, lease, values) is not None

    def resume(self, video_id: str, *, now: datetime) -> bool:
        """Let a video be claimed again whose pieces are done; True for who was the first to say."""
        where = {**_unfinished(video_id), "processing.phase": Phase.CHUNKS}
        values = {"processing.phase": Phase.REST, "processing.lease_until": now}
        return self._update(where, {"$set": values}) is not None

    def encode_whole(self, video_id: str) -> None:
        """Note that encoding this one in pieces does not work."""
        self._update(_unfinished(video_id), {"$set": {"processing.whole": True}})

    def advance(self, video_id: str, percent: float) -> Video | None:
        """Report the progress of its pieces while nobody holds the video; it never goes back."""
        where = {**_unfinished(video_id), "processing.phase": Phase.CHUNKS}
        stage = {"$set": {"processing.stage": "encoding"}}
        return self._update(where, {**stage, "$max": {"processing.percent": percent}})

    def in_pieces(self) -> Iterator[Video]:
        """Videos that wait for their pieces."""
        where = {"processing_status": ProcessingStatus.PROCESSING, "deleted_at": None}
        found = self.collection.find({**where, "processing.phase": Phase.CHUNKS})
        return (from_doc(Video, doc) for doc in found)

    def tidied(self, video_id: str) -> None:
        """Nothing is left of what processing had stored for itself."""
        change = {"$unset": {"processing.is_untidy": ""}}
        self.collection.update_one({"id": video_id, **_UNTIDY}, change)

    def untidy(self, before: datetime, limit: int = 1000) -> Iterator[Video]:
        """Videos that came to an end before, and whose worker may have been killed just then."""
        where = {**_UNTIDY, "processing.finished_at": {"$lt": before}}
        return (from_doc(Video, doc) for doc in self.collection.find(where).limit(limit))

    def stalled(self, before: datetime, limit: int = 1000) -> Iterator[str]:
        """Ids of unfinished videos that nobody holds since `before`, longest waiting first."""
        where = {
            "processing_status": _UNFINISHED,
            "processing.lease_until": {"$lt": before},
            "deleted_at": None,
        }
        found = self.collection.find(where, {"id": 1}).sort("processing.lease_until", 1)
        return (doc["id"] for doc in found.limit(limit))

    def _leased(
        self, video_id: str, lease: str, values: Document, operators: Document | None = None
    ) -> Video | None:
        return self._update(_held(video_id, lease), {"$set": values, **(operators or {})})

    def _update(self, where: Document, change: Document | list[Document]) -> Video | None:
        doc = self.collection.find_one_and_update(
            where, change, return_document=ReturnDocument.AFTER
        )
        return from_doc(Video, doc) if doc else None


def _unfinished(video_id: str) -> Document:
    return {"id": video_id, "processing_status": _UNFINISHED, "deleted_at": None}


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
        "processing.is_untidy": True,
    }
