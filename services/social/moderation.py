"""What a video's owner does with the comments under it, and staff with all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.audit import Action
from models.comment import Comment, CommentState
from models.comment_rules import CommentRule, CommentRules
from models.comments import Comments
from models.documents import After
from models.errors import Conflict, Forbidden, Invalid
from models.video import Video
from services.policies import Actor, may_moderate, owns
from services.social.comment_news import CommentNews
from services.social.comment_pages import CommentList, CommentPage, CommentPages
from services.social.comments import CommentService
from services.social.notices import CommentNotices

WORDS_AT_MOST = 200
WORD_LENGTH = 50
BY_CREATOR, BY_STAFF, BY_REPORTS = "creator", "staff", "reports"
NOT_YOURS = "Only the owner of the video may do this."
NOT_SHOWN = "Only a comment that is shown can be picked out."


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationService:
    comments: Comments
    service: CommentService
    rules: CommentRules
    pages: CommentPages
    news: CommentNews
    notices: CommentNotices

    def hide(self, actor: Actor, reference: str) -> CommentPage:
        """Take a comment away, and with a thread's first one all of it. Twice is once.

        What waits for approval is refused by this.
        """
        comment, video = self._moderated(actor, reference)
        if comment.state is CommentState.HIDDEN:
            return self.pages.one(actor, comment)
        by = BY_CREATOR if owns(actor, video) else BY_STAFF
        hidden = self.take_away(comment, by)
        self.service.note(actor, hidden, Action.COMMENT_HIDDEN)
        return self.pages.one(actor, hidden)

    def show(self, actor: Actor, reference: str) -> CommentPage:
        """Bring a comment back, or approve one that waits. Twice is once.

        Raises `Forbidden` for an owner, where staff has taken it away.
        """
        comment, _ = self._moderated(actor, reference)
        if comment.state is CommentState.SHOWN:
            return self.pages.one(actor, comment)
        if comment.hidden_by == BY_STAFF and not actor.is_staff:
            raise Forbidden("Staff has taken this comment away.")
        shown = self.bring_back(comment)
        self.service.note(actor, shown, Action.COMMENT_SHOWN)
        return self.pages.one(actor, shown)

    def take_away(self, comment: Comment, by: str) -> Comment:
        """Raises `Conflict` if others were first."""
        values = {"hidden_by": by, "pinned": False}
        hidden = self.comments.move(comment, CommentState.HIDDEN, **values)
        if hidden is None:
            raise _changed()
        if comment.state is CommentState.SHOWN:
            self.news.went(hidden)
        return hidden

    def bring_back(self, comment: Comment) -> Comment:
        """Raises `Conflict` if others were first."""
        shown = self.comments.move(comment, CommentState.SHOWN, hidden_by="")
        if shown is None:
            raise _changed()
        # To whoever is listening nobody in particular has reacted.
        self.news.came(self.pages.one(Actor(), shown))
        if comment.state is CommentState.HELD:
            top_id = comment.parent_comment_id
            self.notices.came(shown, self.comments.get(top_id) if top_id else None)
        return shown

    def pin(self, actor: Actor, reference: str, *, pinned: bool) -> CommentPage:
        """Put a comment above all others of the video, instead of the one that was there."""
        comment = self._own(actor, reference)
        if not comment.is_top:
            raise Invalid("A reply cannot be pinned.")
        changed = self.comments.pin(comment) if pinned else self.comments.unpin(comment)
        return self._picked(actor, changed)

    def heart(self, actor: Actor, reference: str, *, hearted: bool) -> CommentPage:
        """Show that the video's owner loves a comment."""
        comment = self._own(actor, reference)
        return self._picked(actor, self.comments.heart(comment, hearted=hearted))

    def held(
        self, actor: Actor, state: CommentState, *, after: After | None, limit: int
    ) -> CommentList:
        """What waits under one's own videos, or was hidden there, the newest first."""
        mine = actor.id or ""
        found = self.comments.kept_from_view(mine, state, after=after, limit=limit + 1)
        shown = found[:limit]
        return CommentList(
            items=self.pages.many(actor, shown),
            total=0,
            has_more=len(found) > limit,
            end=After(shown[-1].created_at, shown[-1].oid) if shown else None,
        )

    def rule(self, actor: Actor) -> CommentRule:
        return self.rules.of(actor.id or "")

    def set_rule(
        self, actor: Actor, *, words: Sequence[str] | None, hold_all: bool | None
    ) -> CommentRule:
        """Change what is given, and nothing else."""
        before = self.rule(actor)
        rule = CommentRule(
            user_id=before.user_id,
            blocked_words=before.blocked_words if words is None else _words(words),
            hold_all=before.hold_all if hold_all is None else hold_all,
        )
        self.rules.keep(rule)
        return rule

    def _moderated(self, actor: Actor, reference: str) -> tuple[Comment, Video]:
        comment, video = self.service.found(actor, reference)
        if not may_moderate(actor, video):
            raise Forbidden(NOT_YOURS)
        return comment, video

    def _own(self, actor: Actor, reference: str) -> Comment:
        comment, video = self.service.found(actor, reference)
        if not owns(actor, video):
            raise Forbidden(NOT_YOURS)
        return comment

    def _picked(self, actor: Actor, changed: Comment | None) -> CommentPage:
        if changed is None:
            raise Conflict(NOT_SHOWN)
        page = self.pages.one(actor, changed)
        self.news.changed(page)
        return page


def _words(words: Sequence[str]) -> tuple[str, ...]:
    """Each once, without the spaces around it."""
    found = tuple(dict.fromkeys(" ".join(word.split()) for word in words if word.strip()))
    if len(found) > WORDS_AT_MOST:
        raise Invalid("Too many words.", fields={"blocked_words": [f"At most {WORDS_AT_MOST}."]})
    return found


def _changed() -> Conflict:
    return Conflict("This comment was changed in between. Read it again.")
