"""The newest public videos of several people together: a part of `Videos`.

MongoDB merges up to 200 ranges of one index in their order; beyond, it would sort all that they
hold. So many people are asked for at a time, and whoever asks merges what they answer. It merges
only what no list is part of, so the index of a person's own list, which has tags, does not do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collection import Collection

from models.documents import After, Document
from models.video import PUBLIC

MERGED = 200

_INDEX = "followed_latest"
_NEWEST = [("published_at", DESCENDING), ("_id", DESCENDING)]


class Place(NamedTuple):
    """Where in the order of publication a video stands; later ones compare as more."""

    published_at: datetime
    oid: str
    video_id: str


class Channels:
    INDEXES = (
        IndexModel(
            [("author_id", ASCENDING), *_NEWEST], name=_INDEX, partialFilterExpression=PUBLIC
        ),
    )

    collection: Collection[Document]

    def newest_of(
        self, author_ids: Sequence[str], *, after: After | None = None, limit: int
    ) -> list[Place]:
        """The places of the newest of at most `MERGED` people's videos."""
        where = _of(author_ids)
        if after:
            where |= {"published_at": {"$lte": after.value}} | after.beyond("published_at")
        shown = {"id": 1, "published_at": 1}
        found = self.collection.find(where, shown).hint(_INDEX).sort(_NEWEST).limit(limit)
        return [Place(doc["published_at"], str(doc["_id"]), doc["id"]) for doc in found]

    def count_public_of(self, author_ids: Sequence[str], *, most: int) -> int:
        return self.collection.count_documents(_of(author_ids), hint=_INDEX, limit=most)


def _of(author_ids: Sequence[str]) -> Document:
    return {**PUBLIC, "author_id": {"$in": list(author_ids)}}
