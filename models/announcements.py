"""What happened to videos and is still to be told to who subscribed to it: a part of `Videos`.

A change that others may hear of notes so on the video itself, in the same update: neither happens
without the other, whichever process dies when. Whoever tells of it takes the note away; until then
the scheduler finds it. The notes are no part of `Video`: nobody who reads one needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from pymongo import IndexModel
from pymongo.collection import Collection

from models.documents import Document, from_doc
from models.video import Video, Visibility

# One id per note, whoever reads it: telling of it twice is telling the same.
_NAMES = UUID("6f1c3f0e-9f0b-5d3a-8a53-5f2e8f0b7c11")


class VideoEvent(StrEnum):
    """What of a video can be heard of, in the order in which it comes to pass."""

    UPLOADED = "video.uploaded"
    PLAYABLE = "video.playable"
    PUBLISHED = "video.published"
    READY = "video.ready"
    FAILED = "video.failed"
    DELETED = "video.deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    event: VideoEvent
    at: datetime

    def id_for(self, video_id: str) -> str:
        return str(uuid5(_NAMES, f"{video_id}/{self.event}/{self.at.isoformat()}"))

    @property
    def sequence(self) -> int:
        """Grows with each thing that happens to one video."""
        return round(self.at.timestamp() * 1000) * 10 + list(VideoEvent).index(self.event)


def noted(now: datetime, *events: VideoEvent) -> Document:
    """An update's operator that notes `events`."""
    return {"$push": {"untold": {"$each": _notes(now, *events)}}}


def to_be_told(now: datetime, *events: VideoEvent) -> Document:
    """The fields of a new video that note `events`."""
    return {"untold": _notes(now, *events)} if events else {}


def first_publication(now: datetime) -> Document:
    """A field for a `$set` in a pipeline: with what turns `playable` true, these are noted.

    What is public to the world with its first rendition is published by it, unless it was before:
    half a film may have been shown, and taken back to be begun again.
    """
    playable = _notes(now, VideoEvent.PLAYABLE)
    published = _notes(now, VideoEvent.PLAYABLE, VideoEvent.PUBLISHED)
    is_published = {
        "$and": [
            {"$eq": ["$visibility", Visibility.PUBLIC]},
            {"$eq": [{"$ifNull": ["$published_at", None]}, None]},
        ]
    }
    first = {"$cond": [is_published, {"$literal": published}, {"$literal": playable}]}
    added = {"$cond": [{"$eq": ["$playable", True]}, [], first]}
    return {"untold": {"$concatArrays": [{"$ifNull": ["$untold", []]}, added]}}


def noted_if(condition: Document, now: datetime, *events: VideoEvent) -> Document:
    """A field for a `$set` in a pipeline that notes `events` where `condition` holds."""
    added = {"$cond": [condition, {"$literal": _notes(now, *events)}, []]}
    return {"untold": {"$concatArrays": [{"$ifNull": ["$untold", []]}, added]}}


class Announcements:
    INDEXES = (
        IndexModel(
            "untold.at",
            name="untold",
            partialFilterExpression={"untold.at": {"$exists": True}},
        ),
    )

    collection: Collection[Document]

    def untold(self, before: datetime, limit: int) -> list[str]:
        """Ids of videos of which something is to be told."""
        found = self.collection.find({"untold.at": {"$lt": before}}, {"id": 1})
        return [doc["id"] for doc in found.limit(limit)]

    def to_tell(self, video_id: str) -> tuple[Video, list[Announcement]] | None:
        """A video, deleted ones too, and what is to be told of it; None if that is nothing."""
        doc = self.collection.find_one({"id": video_id})
        if not doc or not doc.get("untold"):
            return None
        found = [from_doc(Announcement, note) for note in doc["untold"]]
        return from_doc(Video, doc), found

    def told(self, video_id: str, announcements: list[Announcement]) -> None:
        done = [{"event": one.event, "at": one.at} for one in announcements]
        self.collection.update_one({"id": video_id}, {"$pullAll": {"untold": done}})


def _notes(now: datetime, *events: VideoEvent) -> list[Document]:
    return [{"event": event, "at": now} for event in events]
