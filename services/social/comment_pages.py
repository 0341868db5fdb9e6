"""Comments as they are shown: beside each its author and what the caller thinks of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.comment import Comment, CommentState
from models.comments import Comments
from models.documents import After
from models.reactions import Choice, Kind, Reactions
from models.user import Author
from models.users import Users
from services.policies import Actor
from services.remembered import Remembered

# Of each comment, where ids of replies are shown beside it.
FIRST_REPLIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentPage:
    """One comment as `actor` meets it; a deleted one has no author."""

    comment: Comment
    author: Author | None
    choice: Choice = Choice.NONE
    # The ids of the first of them, where they were asked for.
    replies: Sequence[str] = ()

    @property
    def is_deleted(self) -> bool:
        return self.comment.state is CommentState.DELETED


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentList:
    items: Sequence[CommentPage]
    total: int
    has_more: bool
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentPages:
    comments: Comments
    users: Users
    reactions: Reactions
    authors: Remembered[str, Author]

    def one(self, actor: Actor, comment: Comment) -> CommentPage:
        return self.many(actor, [comment])[0]

    def many(
        self, actor: Actor, comments: Sequence[Comment], *, with_replies: bool = False
    ) -> list[CommentPage]:
        """Two queries for all of them, and one more for the ids of replies."""
        authors = self.authors.many(_writers(comments), self.users.authors)
        ids = [comment.id for comment in comments]
        choices = self._choices(actor, ids)
        replies = self._replies(comments) if with_replies else {}
        return [
            CommentPage(
                comment=comment,
                author=_author(comment, authors),
                choice=choices.get(comment.id, Choice.NONE),
                replies=replies.get(comment.id, ()),
            )
            for comment in comments
        ]

    def _choices(self, actor: Actor, ids: list[str]) -> Mapping[str, Choice]:
        return self.reactions.of(actor.id, Kind.COMMENT, ids) if actor.id and ids else {}

    def _replies(self, comments: Sequence[Comment]) -> Mapping[str, list[str]]:
        answered = [comment.id for comment in comments if comment.reply_count]
        return self.comments.first_replies(answered, FIRST_REPLIES) if answered else {}


def _writers(comments: Sequence[Comment]) -> list[str]:
    return [c.user_id for c in comments if c.state is not CommentState.DELETED and c.user_id]


def _author(comment: Comment, authors: Mapping[str, Author]) -> Author | None:
    if comment.state is CommentState.DELETED:
        return None
    return authors.get(comment.user_id)
