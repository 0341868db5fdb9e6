"""Comments come, change and go, and every counter of theirs with them, in one transaction.

`reply_count` of a thread's top and the counters of its video are what the rows say at any moment:
whoever changes a reply changes its top as well, so that of two at once one is done again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.comment import NOTHING, Comment, CommentState, Weight, is_listed, weight
from models.database import Transactions, Within
from models.documents import Document, from_doc, to_doc
from models.reactions import ReactionFold
from models.videos import Videos

EDITS_KEPT = 50
_SHOWN: Document = {"$eq": ["$state", CommentState.SHOWN]}
_TOMBSTONE: Document = {
    "$and": [{"$eq": ["$state", CommentState.DELETED]}, {"$gt": ["$reply_count", 0]}]
}
_SAYS_NOTHING = {"content": "", "edits": [], "edited": False, "pinned": False, "hearted": False}


class Threads:
    """A part of `Comments`."""

    collection: Collection[Document]
    videos: Videos
    transactions: Transactions

    def add(self, comment: Comment) -> bool:
        """Keep a new comment; False if what it replies to is not shown any more."""
        return self.transactions.run(lambda within: self._add(comment, within))

    def move(self, comment: Comment, to: CommentState, **values: Any) -> Comment | None:
        """Change the state of a comment, and `values` with it; None if others were first."""
        change = {"$set": values}
        return self.transactions.run(lambda within: self._move(comment, to, change, within))

    def edit(
        self, comment: Comment, content: str, *, to: CommentState, now: datetime
    ) -> Comment | None:
        """Keep what it said before; None if it says something else by now, or is gone."""
        before = {"$each": [{"content": comment.content, "at": now}], "$slice": -EDITS_KEPT}
        values = {"content": content, "edited": True, "updated_at": now}
        change: Document = {"$set": values, "$push": {"edits": before}}
        return self.transactions.run(
            lambda within: self._move(comment, to, change, within, unless_changed=True)
        )

    def remove(self, comment_id: str) -> Comment | None:
        """Delete a comment; where there are replies, what is left says nothing.

        Answers what there was; None if it was deleted before.
        """
        return self.transactions.run(lambda within: self._remove(comment_id, within))

    def pin(self, comment: Comment) -> Comment | None:
        """Put a comment on top of its video's, and no other; None if it is not shown any more."""
        try:
            return self.transactions.run(lambda within: self._pin(comment, within))
        except DuplicateKeyError:
            # Another was pinned in between; now there is one to take down.
            return self.transactions.run(lambda within: self._pin(comment, within))

    def add_reactions(self, comment_id: str, added: ReactionFold, within: Within) -> Comment | None:
        """Add what was counted, whatever the state of the comment; None if it is gone."""
        counts = {"like_count": added.likes, "dislike_count": added.dislikes}
        return self._change({"id": comment_id}, {"$inc": counts}, within)

    def _add(self, comment: Comment, within: Within) -> bool:
        top = None
        if comment.parent_comment_id:
            top = self._read(comment.parent_comment_id, within)
            if top is None or top.state is not CommentState.SHOWN:
                return False
        self._count(None, comment, within)
        self.collection.insert_one(to_doc(comment), session=within)
        return True

    def _move(
        self,
        comment: Comment,
        to: CommentState,
        change: Mapping[str, Any],
        within: Within,
        *,
        unless_changed: bool = False,
    ) -> Comment | None:
        before = self._read(comment.id, within)
        if before is None or before.state is not comment.state:
            return None
        if unless_changed and before.content != comment.content:
            return None
        state = {"state": to, "listed": is_listed(to, before.reply_count)}
        where = {"id": comment.id}
        after = self._change(where, {**change, "$set": {**change["$set"], **state}}, within)
        self._count(before, after, within)
        return after

    def _remove(self, comment_id: str, within: Within) -> Comment | None:
        before = self._read(comment_id, within)
        if before is None or before.state is CommentState.DELETED:
            return None
        if before.is_top and self._has_replies(comment_id, within):
            kept = {**_SAYS_NOTHING, "state": CommentState.DELETED}
            listed = is_listed(CommentState.DELETED, before.reply_count)
            after = self._change({"id": comment_id}, {"$set": {**kept, "listed": listed}}, within)
            self._count(before, after, within)
        else:
            self.collection.delete_one({"id": comment_id}, session=within)
            self._count(before, None, within)
            self._drop_empty(before.parent_comment_id, within)
        return before

    def _drop_empty(self, top_id: str | None, within: Within) -> None:
        """What is left of a deleted comment goes with its last reply."""
        if top_id is not None and not self._has_replies(top_id, within):
            where = {"id": top_id, "state": CommentState.DELETED}
            self.collection.delete_one(where, session=within)

    def _pin(self, comment: Comment, within: Within) -> Comment | None:
        pinned = {"video_id": comment.video_id, "pinned": True}
        self.collection.update_one(pinned, {"$set": {"pinned": False}}, session=within)
        where = {"id": comment.id, "state": CommentState.SHOWN}
        return self._change(where, {"$set": {"pinned": True}}, within)

    def _count(self, before: Comment | None, after: Comment | None, within: Within) -> None:
        """Change the counters by what a comment is more, or less, than it was."""
        comment = after or before
        if comment is None:
            return
        if comment.parent_comment_id is None:
            added = _weight(after) - _weight(before)
        else:
            added = self._shift(comment.parent_comment_id, _shown(after) - _shown(before), within)
        if added != NOTHING:
            self.videos.add_comments(comment.video_id, added, within)

    def _shift(self, top_id: str, replies: int, within: Within) -> Weight:
        """Change how many replies are shown; what that makes the thread more."""
        # Written even where no number changes: it must not go while a reply comes.
        counted = {
            "reply_count": {"$add": ["$reply_count", replies]},
            "revision": {"$add": [{"$ifNull": ["$revision", 0]}, 1]},
        }
        listed = {"listed": {"$or": [_SHOWN, _TOMBSTONE]}}
        top = self._change({"id": top_id}, [{"$set": counted}, {"$set": listed}], within)
        if top is None:
            return NOTHING
        return weight(top) - weight(replace(top, reply_count=top.reply_count - replies))

    def _has_replies(self, top_id: str, within: Within) -> bool:
        """Whether there are any, shown or not."""
        where = {"parent_comment_id": top_id}
        return self.collection.find_one(where, {"_id": 1}, session=within) is not None

    def _read(self, comment_id: str, within: Within) -> Comment | None:
        doc = self.collection.find_one({"id": comment_id}, session=within)
        return from_doc(Comment, doc) if doc else None

    def _change(self, where: Document, change: Any, within: Within | None = None) -> Comment | None:
        doc = self.collection.find_one_and_update(
            where, change, return_document=ReturnDocument.AFTER, session=within
        )
        return from_doc(Comment, doc) if doc else None


def _weight(top: Comment | None) -> Weight:
    return weight(top) if top else NOTHING


def _shown(reply: Comment | None) -> int:
    return int(reply is not None and reply.state is CommentState.SHOWN)
