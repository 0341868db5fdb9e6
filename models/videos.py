"""Where videos are kept: every query CLUTCH asks about them. What one is: `video.py`."""

from __future__ import annotations

from collections.abc import Iterable

from pymongo import DESCENDING, IndexModel, ReturnDocument

from models.database import Within
from models.documents import After, Document, by_reference, from_doc, to_doc
from models.inventory import Inventory
from models.leases import VideoLeases
from models.video import PUBLIC, Sort, Video
from models.withdrawals import Withdrawals


def _public(name: str, *keys: str) -> IndexModel:
    order = [(key, 1) for key in keys[:-1]] + [(keys[-1], DESCENDING), ("_id", DESCENDING)]
    return IndexModel(order, name=f"public_{name}", partialFilterExpression=PUBLIC)


class Videos(VideoLeases, Withdrawals, Inventory):
    """Their processing is in `leases.py`, their end in `withdrawals.py`."""

    INDEXES = (
        IndexModel("id", unique=True),
        _public("latest", "published_at"),
        _public("popular", "view_count"),
        _public("trending", "ranking_score"),
        *(
            _public(f"{field}_{sort.name.lower()}", field, sort)
            for field in ("category", "tags")
            for sort in Sort
        ),
        _public("author", "author_id", "created_at"),
        IndexModel([("author_id", 1), ("created_at", -1), ("_id", -1)]),
        IndexModel([("processing_status", 1), ("processing.lease_until", 1)]),
        # Seeding twice must not add 001's videos twice, even when two processes seed at once.
        IndexModel(
            "youtube_id",
            unique=True,
            partialFilterExpression={"youtube_id": {"$gt": ""}},
        ),
        *Inventory.INDEXES,
    )

    def add(self, video: Video, within: Within | None = None) -> None:
        self.collection.insert_one(to_doc(video), session=within)

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

    def public(
        self,
        sort: Sort,
        *,
        category: str | None = None,
        tags: tuple[str, ...] = (),
        after: After | None = None,
        skip: int = 0,
        limit: int,
    ) -> list[Video]:
        """A page of what everybody may see: from `after` on, or having skipped `skip`."""
        where = _list_filter(category, tags) | (after.beyond(sort.value) if after else {})
        found = self.collection.find(where).sort([(sort, -1), ("_id", -1)]).skip(skip).limit(limit)
        return [from_doc(Video, doc) for doc in found]

    def count_public(self, *, category: str | None = None, tags: tuple[str, ...] = ()) -> int:
        # Without a key in the filter no index offers itself, though this one holds the answer.
        key = "tags_" if tags else "category_" if category else ""
        where = _list_filter(category, tags)
        return self.collection.count_documents(where, hint=f"public_{key}latest")

    def by_ids(self, ids: Iterable[str]) -> dict[str, Video]:
        """Those of these videos that are there, by uuid, in one query."""
        found = self.collection.find({"id": {"$in": list(ids)}, "deleted_at": None})
        return {doc["id"]: from_doc(Video, doc) for doc in found}

    def of_author(
        self,
        author_id: str,
        *,
        everything: bool,
        after: After | None = None,
        skip: int = 0,
        limit: int,
    ) -> list[Video]:
        """One person's newest: all that is there, or only what everybody may see."""
        where = _of_author(author_id, everything=everything) | (
            after.beyond("created_at") if after else {}
        )
        order = [("created_at", -1), ("_id", -1)]
        found = self.collection.find(where).sort(order).skip(skip).limit(limit)
        return [from_doc(Video, doc) for doc in found]

    def count_of(self, author_id: str, *, everything: bool = True) -> int:
        return self.collection.count_documents(_of_author(author_id, everything=everything))


def _of_author(author_id: str, *, everything: bool) -> Document:
    return {"author_id": author_id, **({"deleted_at": None} if everything else PUBLIC)}


def _list_filter(category: str | None, tags: tuple[str, ...]) -> Document:
    return {
        **PUBLIC,
        **({"category": category} if category else {}),
        **({"tags": {"$in": list(tags)}} if tags else {}),
    }
