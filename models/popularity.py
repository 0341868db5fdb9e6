"""What others make of a person, in numbers: followers, and likes of their videos.

A part of `Users`. Rows in other collections are the truth; whoever adds to these counters marks the
rows that it has counted in the same transaction. Nothing is counted for who is deleted.
"""

from __future__ import annotations

from collections.abc import Collection as Some

from pymongo import UpdateOne
from pymongo.collection import Collection

from models.database import Within
from models.documents import Document, from_doc
from models.follows import FollowFold
from models.reactions import ReactionFold
from models.user import User


class Popularity:
    collection: Collection[Document]

    def by_ids(self, ids: Some[str]) -> dict[str, User]:
        """Those of these people who are there, by uuid, in one query."""
        found = self.collection.find({"id": {"$in": list(ids)}, "deleted_at": None})
        return {doc["id"]: from_doc(User, doc) for doc in found}

    def follower_count(self, user_id: str) -> int:
        return self._count(user_id, "follower_count")

    def following_count(self, user_id: str) -> int:
        return self._count(user_id, "following_count")

    def is_there(self, user_id: str, within: Within) -> bool:
        where = {"id": user_id, "deleted_at": None}
        return self.collection.find_one(where, {"_id": 1}, session=within) is not None

    def add_followers(self, user_id: str, fold: FollowFold, within: Within) -> None:
        """Both ends of what was folded."""
        changes = [("follower_count", user_id, fold.followers)]
        changes += [("following_count", who, by) for who, by in fold.following.items()]
        updates = [
            UpdateOne({"id": who, "deleted_at": None}, {"$inc": {field: by}})
            for field, who, by in changes
            if by
        ]
        if updates:
            self.collection.bulk_write(updates, ordered=True, session=within)

    def add_received(self, user_id: str, fold: ReactionFold, within: Within) -> None:
        """004's `totalLikes`: of all their videos together."""
        change = {"total_likes_received": fold.likes, "total_dislikes_received": fold.dislikes}
        where = {"id": user_id, "deleted_at": None}
        self.collection.update_one(where, {"$inc": change}, session=within)

    def _count(self, user_id: str, field: str) -> int:
        found = self.collection.find_one({"id": user_id}, {field: 1})
        return found.get(field, 0) if found else 0
