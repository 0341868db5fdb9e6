"""What a video's counters are, and adding to them what was counted: a part of `Videos`.

Whoever adds marks what it has counted in the same transaction, so that no counter drifts.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymongo import ReturnDocument
from pymongo.collection import Collection

from models.comment import Weight
from models.database import Within
from models.documents import Document
from models.reactions import ReactionFold
from models.views import Fold

_REACTED = ("author_id", "like_count", "dislike_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """What people think of a video, and whose it is."""

    author_id: str
    like_count: int
    dislike_count: int


class Counters:
    collection: Collection[Document]

    def view_count(self, video_id: str, within: Within) -> int:
        found = self.collection.find_one({"id": video_id}, {"view_count": 1}, session=within)
        return found.get("view_count", 0) if found else 0

    def add_views(self, video_id: str, added: Fold, within: Within) -> str | None:
        """Whose video it is; None if there never was one."""
        change = {"view_count": added.views, "watch_time_seconds": added.watch_seconds}
        found = self.collection.find_one_and_update(
            {"id": video_id}, {"$inc": change}, {"author_id": 1}, session=within
        )
        return found["author_id"] if found else None

    def share_count(self, video_id: str) -> int:
        found = self.collection.find_one({"id": video_id}, {"share_count": 1})
        return found.get("share_count", 0) if found else 0

    def add_shares(self, video_id: str, added: int, within: Within) -> None:
        change = {"$inc": {"share_count": added}}
        self.collection.update_one({"id": video_id}, change, session=within)

    def add_comments(self, video_id: str, added: Weight, within: Within) -> None:
        change = {"comment_count": added.comments, "thread_count": added.threads}
        self.collection.update_one({"id": video_id}, {"$inc": change}, session=within)

    def reacted(self, video_id: str) -> Reacted | None:
        return _reacted(self.collection.find_one({"id": video_id}, _REACTED))

    def add_reactions(self, video_id: str, added: ReactionFold, within: Within) -> Reacted | None:
        """What the counters are then; None if there never was such a video."""
        found = self.collection.find_one_and_update(
            {"id": video_id},
            {"$inc": {"like_count": added.likes, "dislike_count": added.dislikes}},
            _REACTED,
            return_document=ReturnDocument.AFTER,
            session=within,
        )
        return _reacted(found)


def _reacted(doc: Document | None) -> Reacted | None:
    return Reacted(**{name: doc.get(name, 0) for name in _REACTED}) if doc else None
