"""Where videos are kept: every query CLUTCH asks about them. What one is: `video.py`."""

from __future__ import annotations

from collections.abc import Iterable

from pymongo import IndexModel, ReturnDocument

from models.announcements import Announcements, VideoEvent, to_be_told
from models.categorized import Categorized
from models.channels import Channels
from models.counters import Counters
from models.database import Within
from models.documents import by_reference, from_doc, to_doc
from models.editions import Editions
from models.external import ExternalVideos
from models.inventory import Inventory
from models.leases import VideoLeases
from models.listings import Listing, Listings
from models.live import LiveVideos
from models.presentations import Presentations
from models.processing_queue import ProcessingQueue
from models.publication import Publication
from models.thumbnails import Thumbnails
from models.video import Sort, Video
from models.withdrawals import Withdrawals


class Managed(
    Publication, Editions, Thumbnails, Withdrawals, Categorized, Counters, Channels, LiveVideos
):
    """What their owners do with them."""

    INDEXES = (
        *Publication.INDEXES,
        *Editions.INDEXES,
        *Withdrawals.INDEXES,
        *Categorized.INDEXES,
        *Channels.INDEXES,
    )


class Told(Announcements, ExternalVideos, ProcessingQueue):
    """What others hear of them, and what is asked of their processing from outside."""

    INDEXES = (*Announcements.INDEXES, *ProcessingQueue.INDEXES)


class Videos(Told, VideoLeases, Listings, Presentations, Managed, Inventory):
    """Their processing is in `leases.py`, lists in `listings.py`, their end in `withdrawals.py`."""

    INDEXES = (
        IndexModel("id", unique=True),
        *VideoLeases.INDEXES,
        # Seeding twice must not add 001's videos twice, even when two processes seed at once.
        IndexModel(
            "youtube_id",
            unique=True,
            partialFilterExpression={"youtube_id": {"$gt": ""}},
        ),
        *Listings.INDEXES,
        *Inventory.INDEXES,
        *Managed.INDEXES,
        *Presentations.INDEXES,
        *Told.INDEXES,
    )

    def add(self, video: Video, within: Within | None = None, *events: VideoEvent) -> None:
        """Keep a new video; `events` are what others are to hear of it."""
        doc = {**to_doc(video), **to_be_told(video.created_at, *events)}
        self.collection.insert_one(doc, session=within)

    def add_many(self, videos: Iterable[Video]) -> None:
        """For seeding: one round trip for a batch of new videos."""
        self.collection.insert_many([to_doc(video) for video in videos], ordered=False)

    def add_youtube(self, video: Video) -> Video:
        """Add, or refresh the texts of, the video with this `youtube_id`; answers what is kept."""
        doc = to_doc(video)
        texts = {name: doc.pop(name) for name in ("title", "description", "updated_at")}
        kept = self.collection.find_one_and_update(
            {"youtube_id": video.youtube_id},
            {"$set": texts, "$setOnInsert": doc},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return from_doc(Video, kept or doc | texts)

    def get(self, reference: str) -> Video | None:
        """By uuid or ObjectId. A deleted video is not there."""
        where = by_reference(reference)
        doc = self.collection.find_one({**where, "deleted_at": None}) if where else None
        return from_doc(Video, doc) if doc else None

    def by_ids(self, ids: Iterable[str]) -> dict[str, Video]:
        """Those of these videos that are there, by uuid, in one query."""
        found = self.collection.find({"id": {"$in": list(ids)}, "deleted_at": None})
        return {doc["id"]: from_doc(Video, doc) for doc in found}

    def count_of(self, author_id: str, *, everything: bool = True) -> int:
        """Of one person: all that is there, or only what everybody may see."""
        theirs = Listing(author_id=author_id, any_state=everything, sort=Sort.CREATED)
        return self.count_listed(theirs)
