"""What is in playlists: one row for each place that a video has in a list (ranks.py)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pymongo import IndexModel
from pymongo.collection import Collection

from models.database import Within
from models.documents import Document, Entity, by_reference, from_doc, to_doc


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistItem(Entity):
    playlist_id: str
    # Whose list it is.
    owner_id: str
    video_id: str
    rank: str
    added_at: datetime
    # Empty where a video is in the list once; else it tells the times apart.
    copy: str = ""


class PlaylistItems:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("playlist_id", 1), ("rank", 1)], unique=True),
        IndexModel([("playlist_id", 1), ("video_id", 1), ("copy", 1)], unique=True),
        IndexModel([("owner_id", 1), ("playlist_id", 1), ("rank", 1)]),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, item: PlaylistItem, within: Within) -> None:
        self.collection.insert_one(to_doc(item), session=within)

    def get(
        self, playlist_id: str, reference: str, within: Within | None = None
    ) -> PlaylistItem | None:
        """By either id of its own."""
        where = by_reference(reference)
        return self._one({**where, "playlist_id": playlist_id}, within) if where else None

    def of_video(
        self,
        playlist_id: str,
        video_id: str,
        copy: str | None = None,
        within: Within | None = None,
    ) -> PlaylistItem | None:
        """Where a video is in a list; of several, any, or the one that is `copy`."""
        where = {"playlist_id": playlist_id, "video_id": video_id}
        return self._one(where if copy is None else where | {"copy": copy}, within)

    def page(self, playlist_id: str, *, after: str, skip: int, limit: int) -> list[PlaylistItem]:
        """In their order, from behind the rank `after` on."""
        where = {"playlist_id": playlist_id, "rank": {"$gt": after}}
        found = self.collection.find(where).sort("rank", 1).skip(skip).limit(limit)
        return [from_doc(PlaylistItem, doc) for doc in found]

    def first(self, playlist_id: str, within: Within) -> PlaylistItem | None:
        return self._end(playlist_id, {"$gt": ""}, 1, within)

    def last(self, playlist_id: str, within: Within) -> PlaylistItem | None:
        return self._end(playlist_id, {"$gt": ""}, -1, within)

    def behind(self, item: PlaylistItem, within: Within) -> PlaylistItem | None:
        return self._end(item.playlist_id, {"$gt": item.rank}, 1, within)

    def move(self, item: PlaylistItem, rank: str, within: Within) -> None:
        self.collection.update_one({"id": item.id}, {"$set": {"rank": rank}}, session=within)

    def remove(self, item: PlaylistItem, within: Within) -> bool:
        return self.collection.delete_one({"id": item.id}, session=within).deleted_count == 1

    def remove_all(self, playlist_id: str, within: Within) -> None:
        self.collection.delete_many({"playlist_id": playlist_id}, session=within)

    def every_one_of(self, owner_id: str) -> Iterator[PlaylistItem]:
        """All that is in one person's lists, few at a time in memory."""
        found = self.collection.find({"owner_id": owner_id})
        ordered = found.sort([("playlist_id", 1), ("rank", 1)]).batch_size(500)
        return (from_doc(PlaylistItem, doc) for doc in ordered)

    def forget_all_of(self, user_id: str) -> None:
        self.collection.delete_many({"owner_id": user_id})

    def _end(
        self, playlist_id: str, rank: Document, direction: int, within: Within
    ) -> PlaylistItem | None:
        where = {"playlist_id": playlist_id, "rank": rank}
        doc = self.collection.find_one(where, sort=[("rank", direction)], session=within)
        return from_doc(PlaylistItem, doc) if doc else None

    def _one(self, where: Document, within: Within | None) -> PlaylistItem | None:
        doc = self.collection.find_one(where, session=within)
        return from_doc(PlaylistItem, doc) if doc else None
