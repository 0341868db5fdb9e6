"""Where comments are kept: every query CLUTCH asks about them. What one is: `comment.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pymongo import IndexModel
from pymongo.collection import Collection

from models.comment import Comment, CommentSort, CommentState
from models.database import Transactions
from models.documents import After, Document, by_reference, from_doc, to_doc
from models.reactions import Kind, Reactions
from models.threads import Threads
from models.videos import Videos

# The field of each order, and whether it ascends.
ORDERS = {
    CommentSort.NEWEST: ("created_at", False),
    CommentSort.OLDEST: ("created_at", True),
    CommentSort.TOP: ("like_count", False),
}
_PINNED: Document = {"pinned": True}
_NEWEST = [("created_at", -1), ("_id", -1)]
# What a list does not need.
_WITHOUT_EDITS = {"edits": 0}


class Comments(Threads):
    """How they change, and their counters with them, is in `threads.py`."""

    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("video_id", 1), ("created_at", -1)]),
        IndexModel([("user_id", 1), *_NEWEST]),
        # Lists of one video, and of the replies to one comment.
        IndexModel([("video_id", 1), ("parent_comment_id", 1), ("listed", 1), *_NEWEST]),
        IndexModel(
            [
                *(("video_id", 1), ("parent_comment_id", 1), ("listed", 1)),
                *(("like_count", -1), ("_id", -1)),
            ]
        ),
        IndexModel([("parent_comment_id", 1), ("listed", 1), ("created_at", 1), ("_id", 1)]),
        IndexModel([("creator_id", 1), ("state", 1), *_NEWEST]),
        IndexModel([("creator_id", 1), ("user_id", 1)]),
        IndexModel("video_id", unique=True, partialFilterExpression=_PINNED, name="pinned"),
    )

    def __init__(
        self,
        collection: Collection[Document],
        videos: Videos,
        reactions: Reactions,
        transactions: Transactions,
    ) -> None:
        self.collection = collection
        self.reactions = reactions
        self.videos = videos
        self.transactions = transactions

    def get(self, reference: str) -> Comment | None:
        """By uuid or ObjectId, whatever its state."""
        where = by_reference(reference)
        doc = self.collection.find_one(where) if where else None
        return from_doc(Comment, doc) if doc else None

    def by_ids(self, ids: Iterable[str]) -> dict[str, Comment]:
        """By uuid, in one query."""
        found = self.collection.find({"id": {"$in": list(ids)}}, _WITHOUT_EDITS)
        return {doc["id"]: from_doc(Comment, doc) for doc in found}

    def listed(
        self,
        video_id: str,
        parent_id: str | None,
        *,
        sort: CommentSort,
        after: After | None,
        skip: int,
        limit: int,
        without_pinned: bool = False,
    ) -> list[Comment]:
        """A page of a video's threads, or of the replies to one comment."""
        field, ascending = ORDERS[sort]
        where: Document = {"video_id": video_id, "parent_comment_id": parent_id, "listed": True}
        where |= {"pinned": False} if without_pinned else {}
        where |= after.beyond(field, ascending=ascending) if after else {}
        direction = 1 if ascending else -1
        found = self.collection.find(where, _WITHOUT_EDITS)
        found = found.sort([(field, direction), ("_id", direction)])
        return [from_doc(Comment, doc) for doc in found.skip(skip).limit(limit)]

    def pinned_of(self, video_id: str) -> Comment | None:
        doc = self.collection.find_one({**_PINNED, "video_id": video_id}, _WITHOUT_EDITS)
        return from_doc(Comment, doc) if doc else None

    def first_replies(self, ids: Sequence[str], limit: int) -> dict[str, list[str]]:
        """The ids of the first replies that are shown to each of these comments, in one query."""
        first: list[Document] = [
            {"$match": {"listed": True}},
            {"$sort": {"created_at": 1, "_id": 1}},
            {"$limit": limit},
            {"$project": {"_id": 0, "id": 1}},
        ]
        joined = {"from": self.collection.name, "as": "replies", "pipeline": first}
        joined |= {"localField": "id", "foreignField": "parent_comment_id"}
        pipeline: list[Document] = [
            {"$match": {"id": {"$in": list(ids)}}},
            {"$lookup": joined},
            {"$project": {"id": 1, "replies": "$replies.id"}},
        ]
        return {doc["id"]: doc["replies"] for doc in self.collection.aggregate(pipeline)}

    def kept_from_view(
        self, creator_id: str, state: CommentState, *, after: After | None, limit: int
    ) -> list[Comment]:
        """What waits for the creator of the videos, or is hidden, the newest first."""
        where: Document = {"creator_id": creator_id, "state": state}
        where |= after.beyond("created_at") if after else {}
        found = self.collection.find(where, _WITHOUT_EDITS).sort(_NEWEST).limit(limit)
        return [from_doc(Comment, doc) for doc in found]

    def shown_under(self, creator_id: str, user_id: str) -> Iterator[Comment]:
        """What somebody has said under another's videos, that is shown."""
        where = {"creator_id": creator_id, "user_id": user_id, "state": CommentState.SHOWN}
        return (from_doc(Comment, doc) for doc in self.collection.find(where, _WITHOUT_EDITS))

    def heart(self, comment: Comment, *, hearted: bool) -> Comment | None:
        where = {"id": comment.id, "state": CommentState.SHOWN}
        return self._change(where, {"$set": {"hearted": hearted}})

    def unpin(self, comment: Comment) -> Comment | None:
        where = {"id": comment.id, "state": CommentState.SHOWN}
        return self._change(where, {"$set": {"pinned": False}})

    def every_one_of(self, user_id: str) -> Iterator[Comment]:
        """For the export of somebody's data: as many as there are, few at a time in memory."""
        where = {"user_id": user_id, "state": {"$ne": CommentState.DELETED}}
        found = self.collection.find(where).sort(_NEWEST).batch_size(200)
        return (from_doc(Comment, doc) for doc in found)

    def add_many(self, comments: Iterable[Comment]) -> None:
        """For measurements: one round trip, and no counters."""
        self.collection.insert_many([to_doc(comment) for comment in comments], ordered=False)

    def forget_video(self, video_id: str) -> None:
        """For a video that is gone."""
        reacted = {"$or": [{"like_count": {"$gt": 0}}, {"dislike_count": {"$gt": 0}}]}
        for doc in self.collection.find({"video_id": video_id, **reacted}, {"id": 1}):
            self.reactions.forget_target(Kind.COMMENT, doc["id"])
        self.collection.delete_many({"video_id": video_id})

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted: replies of others stay, under what says nothing."""
        for doc in list(self.collection.find({"user_id": user_id}, {"id": 1})):
            self.remove(doc["id"])
            self.reactions.forget_target(Kind.COMMENT, doc["id"])
        # What is left of a comment does not say whose it was.
        self.collection.update_many({"user_id": user_id}, {"$set": {"user_id": ""}})
        self._forget_under_lost_videos(user_id)

    def _forget_under_lost_videos(self, user_id: str) -> None:
        """Others' comments go with the videos of a person who takes these away."""
        pipeline: list[Document] = [
            {"$match": {"creator_id": user_id}},
            {"$group": {"_id": "$video_id"}},
        ]
        commented = [doc["_id"] for doc in self.collection.aggregate(pipeline)]
        kept = self.videos.by_ids(commented)
        for video_id in commented:
            if video_id not in kept:
                self.forget_video(video_id)
