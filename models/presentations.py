"""A video's tracks and the manifests that name them: what is kept, and what is still to be written.

written --change---> due      a track is added, renamed, removed or encoded
        --publish--> due      the renditions changed (leases.py)
    due --claim----> due, but not before the claim runs out
        --present--> written  if neither tracks nor renditions changed meanwhile
"""

from __future__ import annotations

from datetime import UTC, datetime

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.documents import Document, from_doc, to_doc
from models.tracks import Presentation
from models.video import Video

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DUE = {"tracks.due_at": {"$gt": _EPOCH}}
_UNTIDY = {"tracks.tidy_at": {"$gt": _EPOCH}}


class Presentations:
    """A part of `Videos`."""

    INDEXES = (
        IndexModel("tracks.due_at", partialFilterExpression=_DUE),
        IndexModel("tracks.tidy_at", partialFilterExpression=_UNTIDY),
    )

    collection: Collection[Document]

    def change_tracks(self, video: Video, now: datetime) -> Video | None:
        """Keep the tracks of `video` as they are given; None if they changed since it was read."""
        lists = {
            "captions": [to_doc(caption) for caption in video.captions],
            "audio_tracks": [to_doc(sound) for sound in video.audio_tracks],
        }
        values = {**lists, "tracks.due_at": now, "tracks.attempts": 0}
        return self._change_as_read(video, {"$set": values, "$inc": {"tracks.revision": 1}})

    def due_tracks(self, before: datetime, limit: int = 1000) -> list[str]:
        """Ids of videos that play, and whose manifests should have been written by then."""
        due = {"$gt": _EPOCH, "$lt": before}
        where = {"tracks.due_at": due, "playable": True, "deleted_at": None}
        found = self.collection.find(where, {"id": 1}).sort("tracks.due_at", 1).limit(limit)
        return [doc["id"] for doc in found]

    def claim_tracks(self, video_id: str, *, now: datetime, until: datetime) -> Video | None:
        """Take the right to bring manifests up to date; None if they are, or others are at it."""
        where = {
            "id": video_id,
            "deleted_at": None,
            "playable": True,
            "tracks.due_at": {"$lte": now},
        }
        change = {"$set": {"tracks.due_at": until}, "$inc": {"tracks.attempts": 1}}
        return self._change(where, change)

    def delay_tracks(self, video_id: str, until: datetime) -> None:
        """Have nobody else be at it before then, who is at something long."""
        where = {"id": video_id, **_DUE}
        self.collection.update_one(where, {"$set": {"tracks.due_at": until}})

    def present(
        self, video: Video, presentation: Presentation | None, *, tidy_at: datetime | None
    ) -> bool:
        """Point players at manifests for `video` as it was read; False if it changed since."""
        values = {
            "presentation": to_doc(presentation) if presentation else None,
            "tracks.tidy_at": tidy_at,
            "tracks.due_at": None,
            "tracks.attempts": 0,
        }
        return self._change_as_read(video, {"$set": values}) is not None

    def outdated(self, before: datetime, limit: int = 100) -> list[Video]:
        """Videos with folders that nobody is sent to any more, or watches from."""
        where = {"tracks.tidy_at": {"$gt": _EPOCH, "$lt": before}, "deleted_at": None}
        found = self.collection.find(where).sort("tracks.tidy_at", 1).limit(limit)
        return [from_doc(Video, doc) for doc in found]

    def put_off_tidying(self, video: Video, tidy_at: datetime | None) -> None:
        where = {"id": video.id, "tracks.tidy_at": video.tracks.tidy_at}
        self.collection.update_one(where, {"$set": {"tracks.tidy_at": tidy_at}})

    def _change_as_read(self, video: Video, change: Document) -> Video | None:
        revision = video.tracks.revision
        where = {
            "id": video.id,
            "deleted_at": None,
            "playback_version": video.playback_version,
            # A video that never had a track may have no revision.
            "tracks.revision": revision or {"$in": [0, None]},
        }
        return self._change(where, change)

    def _change(self, where: Document, change: Document) -> Video | None:
        doc = self.collection.find_one_and_update(
            where, change, return_document=ReturnDocument.AFTER
        )
        return from_doc(Video, doc) if doc else None
