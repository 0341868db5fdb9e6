"""What a comment is: its states, and what it adds to the counters of its video.

    held ----approve--> shown <--unhide-- hidden <--hide, or many reports-- shown
    shown, held, hidden --delete--> deleted   a tombstone, for as long as it has replies
                                --> (gone)    otherwise
    deleted --its last reply goes--> (gone)

Replies are one level deep: whatever is replied to, `parent_comment_id` is the top of the thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.documents import Entity


class CommentState(StrEnum):
    SHOWN = "shown"
    # Waits for the video's creator to approve it.
    HELD = "held"
    # Was shown, until a moderator or many reports took it away.
    HIDDEN = "hidden"
    # Says nothing any more; its replies are still there.
    DELETED = "deleted"


class CommentSort(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    TOP = "top"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a comment said until `at`."""

    content: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment(Entity):
    """000's comment."""

    video_id: str
    # Whose video it is.
    creator_id: str
    user_id: str
    content: str
    created_at: datetime
    updated_at: datetime
    parent_comment_id: str | None = None
    like_count: int = 0
    dislike_count: int = 0
    # How many of its replies are shown.
    reply_count: int = 0
    edited: bool = False
    state: CommentState = CommentState.SHOWN
    # Whether lists have it: it is shown, or deleted and has replies that are.
    listed: bool = True
    # Who took it away: its video's creator, staff, or the number of reports.
    hidden_by: str = ""
    pinned: bool = False
    hearted: bool = False
    # The oldest first. Only read where somebody asks for them.
    edits: tuple[Edit, ...] = ()

    @property
    def is_top(self) -> bool:
        return self.parent_comment_id is None


@dataclass(frozen=True, slots=True)
class Weight:
    """What a thread adds to its video: comments that are shown, and threads that lists have."""

    comments: int = 0
    threads: int = 0

    def __sub__(self, other: Weight) -> Weight:
        return Weight(self.comments - other.comments, self.threads - other.threads)


NOTHING = Weight()


def is_listed(state: CommentState, reply_count: int) -> bool:
    return state is CommentState.SHOWN or (state is CommentState.DELETED and reply_count > 0)


def weight(top: Comment) -> Weight:
    """Of a thread, by its topmost comment. Who hides that hides its replies as well."""
    is_open = top.state in {CommentState.SHOWN, CommentState.DELETED}
    shown = int(top.state is CommentState.SHOWN) + (top.reply_count if is_open else 0)
    return Weight(comments=shown, threads=int(is_listed(top.state, top.reply_count)))
