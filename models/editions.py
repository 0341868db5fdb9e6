"""Replacing what a video shows: the old content plays until the new one does, and stays in reach.

    ready --begin--> uploaded ...> ready --settle--> ready, until `retire_at` --retire--> ready
                             ...> error --fall_back--> ready, with what played before

In between the video goes through processing as any other (leases.py). Each content is an edition,
whose folders have names of their own; `previous` keeps what the one before looked like.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.database import Within
from models.documents import Document, from_doc, to_doc
from models.publication import later
from models.video import Edition, Processing, ProcessingStatus, Source, Video

_REPLACED: Document = {"previous.edition": {"$gte": 0}}
_FINAL = {"$in": [ProcessingStatus.READY, ProcessingStatus.ERROR]}
# What an edition has, beside its number.
_PARTS = tuple(spec.name for spec in fields(Edition) if spec.name != "edition")


def edition_of(video: Video) -> Edition:
    """What plays now, to be kept while it is replaced."""
    parts = {name: getattr(video, name) for name in _PARTS}
    return Edition(edition=video.processing.edition, **parts)


class Editions:
    """A part of `Videos`."""

    INDEXES = (IndexModel("processing_status", name="replaced", partialFilterExpression=_REPLACED),)

    collection: Collection[Document]

    def begin_edition(
        self,
        video: Video,
        source: Source,
        *,
        drm_enabled: bool,
        upload_id: str,
        until: datetime,
        within: Within | None = None,
    ) -> bool:
        """Have new content for it, as it was read, which nobody processes before `until`.

        False if it was changed since.
        """
        where = {
            "id": video.id,
            "deleted_at": None,
            "processing_status": video.processing_status,
            "processing.edition": video.processing.edition or {"$in": [0, None]},
        }
        edition = video.processing.edition + 1
        new = Processing(edition=edition, upload_id=upload_id, lease_until=until)
        values = {
            "processing_status": ProcessingStatus.UPLOADED,
            "processing": to_doc(new),
            "source": to_doc(source),
            "previous": to_doc(edition_of(video)) if video.playable else None,
            "retire_at": None,
            "drm_enabled": drm_enabled,
            # Of what failed nothing is shown any more: its publication is still to come.
            **({} if video.playable else {"published_at": None, "ranking_score": 0.0}),
        }
        change = {"$set": values, "$inc": {"stored_bytes": source.size_bytes}}
        return self.collection.update_one(where, change, session=within).modified_count == 1

    def offer_edition(self, video_id: str, now: datetime) -> None:
        """Its file is stored: whoever wants to may process it."""
        self.collection.update_one(_waiting(video_id), {"$set": {"processing.lease_until": now}})

    def drop_edition(self, video_id: str, *, code: str, message: str) -> None:
        """Its file was not stored, and will not be."""
        values = {
            "processing_status": ProcessingStatus.ERROR,
            "processing.error_code": code,
            "processing.error_message": message,
            "processing.lease_until": None,
            "source": None,
        }
        self.collection.update_one(_waiting(video_id), {"$set": values})

    def fall_back(self, video_id: str, now: datetime) -> Video | None:
        """After new content failed: back to what played before; why it failed stays."""
        back: Document = {name: f"$previous.{name}" for name in _PARTS}
        # What was stored of the new content goes as old content does.
        values = {
            "processing_status": ProcessingStatus.READY,
            "playable": True,
            "source": None,
            "retire_at": now,
            # Its tracks may have changed meanwhile: what was added stays, what was removed is gone.
            "audio_tracks": {
                "$concatArrays": [
                    _sounds("$previous.audio_tracks", of_source=True),
                    _sounds("$audio_tracks", of_source=False),
                ]
            },
            "tracks.revision": {"$add": [{"$ifNull": ["$tracks.revision", 0]}, 1]},
            "tracks.due_at": now,
        }
        where = {**_REPLACED, "id": video_id, "processing_status": ProcessingStatus.ERROR}
        doc = self.collection.find_one_and_update(
            where,
            [{"$set": {**back, **values, "updated_at": later(now)}}],
            return_document=ReturnDocument.AFTER,
        )
        return from_doc(Video, doc) if doc else None

    def settle_edition(self, video: Video, retire_at: datetime) -> bool:
        """New content is complete; False if somebody has noted that before."""
        where = {**self._as_settled(video), "retire_at": None}
        change = {"$set": {"retire_at": retire_at}}
        return self.collection.update_one(where, change).modified_count == 1

    def forget_previous(self, video: Video) -> None:
        """What played before is removed."""
        values = {"previous": None, "retire_at": None}
        self.collection.update_one(self._as_settled(video), {"$set": values})

    def replaced(self, limit: int = 1000) -> Iterator[Video]:
        """Videos whose new content came to an end, and for which something is still to be done."""
        where = {**_REPLACED, "processing_status": _FINAL, "deleted_at": None}
        return (from_doc(Video, doc) for doc in self.collection.find(where).limit(limit))

    def _as_settled(self, video: Video) -> Document:
        return {
            **_REPLACED,
            "id": video.id,
            "processing_status": ProcessingStatus.READY,
            "processing.edition": video.processing.edition,
        }


def _sounds(field: str, *, of_source: bool) -> Document:
    """In a pipeline: those of a list that came with the content, or those that did not."""
    wanted = {"$eq": [{"$ifNull": ["$$this.is_of_source", False]}, of_source]}
    return {"$filter": {"input": {"$ifNull": [field, []]}, "cond": wanted}}


def _waiting(video_id: str) -> Document:
    """New content that no worker has seen yet."""
    return {
        "id": video_id,
        "processing_status": ProcessingStatus.UPLOADED,
        "processing.attempts": 0,
        "processing.lease": None,
    }
