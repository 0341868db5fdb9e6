"""Comments: reading, writing, changing and deleting them. What moderators do: `moderation.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from models.audit import Action
from models.blocks import Blocks
from models.comment import Comment, CommentSort, CommentState, Edit
from models.comment_rules import CommentRules
from models.comments import ORDERS, Comments
from models.documents import After, identity
from models.errors import Conflict, Forbidden, Invalid, NotFound
from models.reactions import Kind, Reactions
from models.video import Video
from models.videos import Videos
from services.audit import Audit
from services.people.activity import Activity
from services.policies import Actor, may_edit, may_moderate, may_see, wrote
from services.social.comment_news import CommentNews
from services.social.comment_pages import CommentList, CommentPage, CommentPages
from services.social.comment_text import holds_any, tidied
from services.social.notices import CommentNotices
from services.videos.shelf import Shelf
from services.videos.visible import visible

# How far numbered pages reach: skipping takes longer the further it goes.
REACH = 10_000
# Before the first of any list: where the pinned comment is all that a page has room for.
_START = {
    CommentSort.NEWEST: datetime(9999, 1, 1, tzinfo=UTC),
    CommentSort.TOP: 2**53,
}
_START_OID = "f" * 24
TOO_FAR = "Numbered pages do not reach so far. Send the cursor of the page before."
NO_PARENT = "There is no such comment under this video."
CHANGED = "This comment was changed in between. Read it again, and repeat your change."
OFF = "Comments are turned off here."
BLOCKED = "You may not comment on this person's videos."
NOT_THERE = "Comment not found"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentQuery:
    """A page of a list. `skip` is for numbered pages, `after` for cursors."""

    sort: CommentSort = CommentSort.NEWEST
    after: After | None = None
    skip: int = 0
    limit: int
    # Whether to say which replies there are.
    with_replies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentService:
    comments: Comments
    videos: Videos
    shelf: Shelf
    blocks: Blocks
    rules: CommentRules
    reactions: Reactions
    pages: CommentPages
    news: CommentNews
    notices: CommentNotices
    audit: Audit
    activity: Activity
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def list(self, actor: Actor, video: str, query: CommentQuery) -> CommentList:
        """The threads of a video; the pinned one first, unless the oldest are asked for.

        Raises `NotFound` for a video that `actor` may not see, `Invalid` for a page too far down.
        """
        found = visible(actor, self.shelf.get(actor, video))
        pinned = self._pinned(found, query.sort)
        return self._page(actor, found.id, None, query, pinned, found.thread_count)

    def replies(self, actor: Actor, reference: str, query: CommentQuery) -> CommentList:
        """The replies to a comment, which may be deleted itself."""
        top, _ = self.found(actor, reference, or_tombstone=True)
        return self._page(actor, top.video_id, top.id, query, None, top.reply_count)

    def get(self, actor: Actor, reference: str) -> CommentPage:
        return self.pages.one(actor, self.found(actor, reference)[0])

    def history(self, actor: Actor, reference: str) -> Sequence[Edit]:
        """What a comment has said before, for its writer, the video's owner, and staff."""
        comment, video = self.found(actor, reference)
        if not (wrote(actor, comment) or may_moderate(actor, video)):
            raise Forbidden("This is not yours to look at.")
        return comment.edits

    def create(
        self, actor: Actor, video: str, content: str, parent: str | None = None
    ) -> CommentPage:
        """Comment on a video, or reply; it may have to wait until the video's owner approves it.

        Raises `NotFound`, `Forbidden` for who is blocked or where comments are off, or `Invalid`.
        """
        target = visible(actor, self.videos.get(video))
        self._require_free(actor, target)
        text, replied = tidied(content), self._replied(target, parent)
        comment = self._new(actor, target, text, replied)
        if not self.comments.add(comment):
            raise _no_parent()
        self.activity.note(actor)
        return self._tell(actor, comment, replied)

    def edit(self, actor: Actor, reference: str, content: str) -> CommentPage:
        """Say something else; what was said is kept. Raises `Forbidden` for others' comments."""
        comment, video = self.found(actor, reference)
        if not wrote(actor, comment):
            raise Forbidden("This is somebody else's comment.")
        self._require_free(actor, video)
        text = tidied(content)
        if text == comment.content:
            return self.pages.one(actor, comment)
        state = comment.state
        if state is CommentState.SHOWN and self._has_to_wait(actor, video, text):
            state = CommentState.HELD
        changed = self.comments.edit(comment, text, to=state, now=self.now())
        if changed is None:
            raise Conflict(CHANGED)
        self.activity.note(actor)
        return self._tell_edited(actor, comment, changed)

    def delete(self, actor: Actor, reference: str) -> None:
        """For who wrote it, the video's owner, and staff. Replies stay, under a tombstone."""
        comment, video = self.found(actor, reference)
        if not (wrote(actor, comment) or may_moderate(actor, video)):
            raise Forbidden("This is somebody else's comment.")
        self.withdraw(actor, comment)
        self.activity.note(actor)

    def withdraw(self, actor: Actor, comment: Comment) -> None:
        """Delete a comment, for who may. Raises `NotFound` if that was done before."""
        removed = self.comments.remove(comment.id)
        if removed is None:
            raise NotFound(NOT_THERE)
        self.reactions.forget_target(Kind.COMMENT, removed.id)
        self.note(actor, removed, Action.COMMENT_DELETED)
        if removed.state is CommentState.SHOWN:
            self.news.went(removed)

    def note(self, actor: Actor, comment: Comment, action: Action) -> None:
        """What staff does to others' comments is written down."""
        if actor.is_staff and actor.id not in {comment.user_id, comment.creator_id}:
            details = {"comment_id": comment.id, "video_id": comment.video_id}
            self.audit.record(action, user_id=comment.user_id, actor_id=actor.id, **details)

    def found(
        self, actor: Actor, reference: str, *, or_tombstone: bool = False
    ) -> tuple[Comment, Video]:
        """A comment that `actor` may see, and its video. Raises `NotFound`."""
        comment = self.comments.get(reference)
        video = self.videos.get(comment.video_id) if comment else None
        if comment is None or video is None or not may_see(actor, video):
            raise NotFound(NOT_THERE)
        if comment.state is CommentState.DELETED:
            if not (or_tombstone and comment.listed):
                raise NotFound(NOT_THERE)
        elif not (wrote(actor, comment) or may_moderate(actor, video)):
            self._require_shown(comment)
        return comment, video

    def _require_shown(self, comment: Comment) -> None:
        top_id = comment.parent_comment_id
        top = self.comments.get(top_id) if top_id else None
        hidden = {CommentState.HELD, CommentState.HIDDEN}
        if comment.state in hidden or (top_id and (top is None or top.state in hidden)):
            raise NotFound(NOT_THERE)

    def _pinned(self, video: Video, sort: CommentSort) -> Comment | None:
        found = None if sort is CommentSort.OLDEST else self.comments.pinned_of(video.id)
        return found if found and found.listed else None

    def _page(
        self,
        actor: Actor,
        video_id: str,
        parent_id: str | None,
        query: CommentQuery,
        pinned: Comment | None,
        total: int,
    ) -> CommentList:
        if query.skip >= REACH:
            raise Invalid(TOO_FAR, fields={"page": ["Too far down: go on with `cursor`."]})
        first = [pinned] if pinned and not query.skip and not query.after else []
        room = query.limit - len(first)
        rows = self.comments.listed(
            video_id,
            parent_id,
            sort=query.sort,
            after=query.after,
            skip=max(0, query.skip - (1 if pinned else 0)),
            limit=room + 1,
            without_pinned=pinned is not None,
        )
        shown = rows[:room]
        return CommentList(
            items=self.pages.many(actor, [*first, *shown], with_replies=query.with_replies),
            total=total,
            has_more=len(rows) > room,
            end=_end(shown, query.sort, is_begun=bool(first)),
        )

    def _require_free(self, actor: Actor, video: Video) -> None:
        if not video.comments_enabled:
            raise Forbidden(OFF)
        if not may_edit(actor, video) and self.blocks.holds(video.author_id, actor.id or ""):
            raise Forbidden(BLOCKED)

    def _replied(self, video: Video, parent: str | None) -> Comment | None:
        """What is replied to. Of other videos nothing is said, not even that it is there."""
        if not parent:
            return None
        found = self.comments.get(parent)
        if found is None or found.video_id != video.id or found.state is not CommentState.SHOWN:
            raise _no_parent()
        return found

    def _new(self, actor: Actor, video: Video, content: str, replied: Comment | None) -> Comment:
        now, waits = self.now(), self._has_to_wait(actor, video, content)
        return Comment(
            **identity(self.new_id()),
            video_id=video.id,
            creator_id=video.author_id,
            user_id=actor.id or "",
            parent_comment_id=(replied.parent_comment_id or replied.id) if replied else None,
            content=content,
            created_at=now,
            updated_at=now,
            state=CommentState.HELD if waits else CommentState.SHOWN,
            listed=not waits,
        )

    def _has_to_wait(self, actor: Actor, video: Video, content: str) -> bool:
        if may_moderate(actor, video):
            return False
        rule = self.rules.of(video.author_id)
        return video.comments_held or rule.hold_all or holds_any(content, rule.blocked_words)

    def _tell(self, actor: Actor, comment: Comment, replied: Comment | None) -> CommentPage:
        page = self.pages.one(actor, comment)
        if comment.state is CommentState.HELD:
            self.news.held(page)
        else:
            self.news.came(page)
            self.notices.came(comment, replied)
        return page

    def _tell_edited(self, actor: Actor, before: Comment, after: Comment) -> CommentPage:
        page = self.pages.one(actor, after)
        if after.state is CommentState.SHOWN:
            self.news.changed(page)
        elif before.state is CommentState.SHOWN:
            self.news.went(after)
            self.news.held(page)
        return page


def _end(shown: Sequence[Comment], sort: CommentSort, *, is_begun: bool) -> After | None:
    if shown:
        return After(getattr(shown[-1], ORDERS[sort][0]), shown[-1].oid)
    return After(_START[sort], _START_OID) if is_begun else None


def _no_parent() -> Invalid:
    return Invalid(NO_PARENT, fields={"parent_comment_id": [NO_PARENT]})
