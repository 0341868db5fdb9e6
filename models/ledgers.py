"""Every counter there is, and the rows that it counts. A new counter has a line here.

`view_count` is not among them: rows of views are forgotten after 90 days (views.py).
"""

from __future__ import annotations

from models.comment import CommentState
from models.database import Database
from models.documents import Document
from models.reactions import Choice, Kind
from models.recounts import Ledger, counted_as

_THERE: Document = {"deleted_at": None}
_ALL: Document = {}
_IS_SHOWN = counted_as("state", CommentState.SHOWN)


def ledgers(database: Database) -> tuple[Ledger, ...]:
    # Counters of replies first: those of videos are made of them.
    return (*_of_comments(database), *_of_videos(database), *_of_people(database))


def _of_people(database: Database) -> tuple[Ledger, ...]:
    users, follows = database.users, database.follows
    counted: Document = {"counted": True}
    return (
        Ledger(
            holders=users,
            where=_THERE,
            rows=follows,
            key="following_id",
            match=counted,
            adds={"follower_count": 1},
        ),
        Ledger(
            holders=users,
            where=_THERE,
            rows=follows,
            key="follower_id",
            match=counted,
            adds={"following_count": 1},
        ),
        Ledger(
            holders=users,
            where=_THERE,
            rows=database.likes,
            key="owner_id",
            match={"target_type": Kind.VIDEO},
            adds=_reactions("total_likes_received", "total_dislikes_received"),
        ),
        Ledger(
            holders=users,
            where=_THERE,
            rows=database.videos,
            key="author_id",
            match=_ALL,
            adds={"total_views": "$view_count"},
            hint="any_author_popular",
        ),
    )


def _of_videos(database: Database) -> tuple[Ledger, ...]:
    # Who hides the top of a thread hides its replies as well (comment.py).
    is_open = [CommentState.SHOWN, CommentState.DELETED]
    return (
        Ledger(
            holders=database.videos,
            where=_ALL,
            rows=database.shares,
            key="video_id",
            match={"counted": True},
            adds={"share_count": 1},
        ),
        Ledger(
            holders=database.videos,
            where=_ALL,
            rows=database.likes,
            key="target_id",
            match={"target_type": Kind.VIDEO},
            adds=_reactions("like_count", "dislike_count"),
        ),
        Ledger(
            holders=database.videos,
            where=_ALL,
            rows=database.comments,
            key="video_id",
            match={"parent_comment_id": None, "state": {"$in": is_open}},
            adds={
                "comment_count": {"$add": [_IS_SHOWN, "$reply_count"]},
                "thread_count": {"$cond": [{"$gt": ["$reply_count", 0]}, 1, _IS_SHOWN]},
            },
        ),
    )


def _of_comments(database: Database) -> tuple[Ledger, ...]:
    return (
        Ledger(
            holders=database.comments,
            where=_ALL,
            rows=database.comments,
            key="parent_comment_id",
            match={"state": CommentState.SHOWN},
            adds={"reply_count": 1},
        ),
        Ledger(
            holders=database.comments,
            where=_ALL,
            rows=database.likes,
            key="target_id",
            match={"target_type": Kind.COMMENT},
            adds=_reactions("like_count", "dislike_count"),
        ),
    )


def _reactions(likes: str, dislikes: str) -> dict[str, Document | int | str]:
    return {
        likes: counted_as("counted", Choice.LIKE),
        dislikes: counted_as("counted", Choice.DISLIKE),
    }
