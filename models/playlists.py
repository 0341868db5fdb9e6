"""Playlists: lists of videos that somebody keeps, in an order of their own.

Every change of what is in one changes the list's own row in the same transaction: two changes of
one list wait for each other, so that its length and its cover are right, and no two items have the
same rank.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pymongo import DESCENDING, IndexModel, ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.database import Within
from models.documents import After, Document, Entity, by_reference, from_doc, to_doc

_NEWEST = [("created_at", DESCENDING), ("_id", DESCENDING)]
_BUILT_IN: Document = {"kind": "watch_later"}


class PlaylistKind(StrEnum):
    CUSTOM = "custom"
    # Everybody has one of these, from the first time that they ask for it.
    WATCH_LATER = "watch_later"


class PlaylistVisibility(StrEnum):
    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True, kw_only=True)
class Playlist(Entity):
    owner_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    visibility: PlaylistVisibility = PlaylistVisibility.PRIVATE
    kind: PlaylistKind = PlaylistKind.CUSTOM
    # Whether a video can be in it more than once.
    allows_duplicates: bool = False
    item_count: int = 0
    # The first video in it.
    cover_video_id: str | None = None


class Playlists:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel(
            [("owner_id", 1), ("kind", 1)],
            name="built_in",
            unique=True,
            partialFilterExpression=_BUILT_IN,
        ),
        # Lists, and how long they are, are read from these.
        IndexModel([("owner_id", 1), *_NEWEST]),
        IndexModel([("owner_id", 1), ("visibility", 1), *_NEWEST]),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, playlist: Playlist) -> None:
        self.collection.insert_one(to_doc(playlist))

    def built_in(self, playlist: Playlist) -> Playlist:
        """The one that there is of this kind for its owner; `playlist` if there was none."""
        where = {"owner_id": playlist.owner_id, "kind": playlist.kind}
        first = {name: value for name, value in to_doc(playlist).items() if name not in where}
        try:
            doc: Any = self.collection.find_one_and_update(
                where, {"$setOnInsert": first}, upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            # Two requests at once: the other one's is there now.
            doc = self.collection.find_one(where)
        return from_doc(Playlist, doc)

    def get(self, reference: str, within: Within | None = None) -> Playlist | None:
        """By either id."""
        where = by_reference(reference)
        doc = self.collection.find_one(where, session=within) if where else None
        return from_doc(Playlist, doc) if doc else None

    def listed(
        self,
        owner_id: str,
        visibility: PlaylistVisibility | None,
        *,
        after: After | None = None,
        skip: int = 0,
        limit: int,
    ) -> list[Playlist]:
        """Somebody's, the newest first; None: whoever may see them."""
        where = _of(owner_id, visibility) | (after.beyond("created_at") if after else {})
        found = self.collection.find(where).sort(_NEWEST).skip(skip).limit(limit)
        return [from_doc(Playlist, doc) for doc in found]

    def count_of(self, owner_id: str, visibility: PlaylistVisibility | None = None) -> int:
        return self.collection.count_documents(_of(owner_id, visibility))

    def change(self, playlist_id: str, values: Document) -> Playlist | None:
        """Set these fields and no others; None if it is gone."""
        doc = self.collection.find_one_and_update(
            {"id": playlist_id}, {"$set": values}, return_document=ReturnDocument.AFTER
        )
        return from_doc(Playlist, doc) if doc else None

    def hold(self, playlist_id: str, added: int, now: datetime, within: Within) -> Playlist | None:
        """Begin a change of what is in it, after any other; None if it is gone.

        Answers it as it is once `added` items have come, or gone.
        """
        change = {"$inc": {"item_count": added}, "$set": {"updated_at": now}}
        doc = self.collection.find_one_and_update(
            {"id": playlist_id}, change, session=within, return_document=ReturnDocument.AFTER
        )
        return from_doc(Playlist, doc) if doc else None

    def show_first(self, playlist_id: str, video_id: str | None, within: Within) -> None:
        change = {"$set": {"cover_video_id": video_id}}
        self.collection.update_one({"id": playlist_id}, change, session=within)

    def remove(self, playlist_id: str, within: Within) -> bool:
        return self.collection.delete_one({"id": playlist_id}, session=within).deleted_count == 1

    def every_one_of(self, owner_id: str) -> Iterator[Playlist]:
        """All of one person's, few at a time in memory."""
        found = self.collection.find({"owner_id": owner_id}).sort(_NEWEST).batch_size(200)
        return (from_doc(Playlist, doc) for doc in found)

    def forget_all_of(self, user_id: str) -> None:
        self.collection.delete_many({"owner_id": user_id})


def _of(owner_id: str, visibility: PlaylistVisibility | None) -> Document:
    return {"owner_id": owner_id, **({"visibility": visibility} if visibility else {})}
