"""Keeping somebody away: from one's comments, from reacting to one's videos, from following."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.blocks import Block, Blocks
from models.comments import Comments
from models.documents import After, identity
from models.errors import Conflict, Invalid, NotFound
from models.user import Author
from models.users import Users
from services.people.activity import Activity
from services.policies import Actor
from services.social.moderation import BY_CREATOR, ModerationService


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPage:
    block: Block
    person: Author | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockList:
    items: Sequence[BlockPage]
    has_more: bool
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockService:
    blocks: Blocks
    users: Users
    comments: Comments
    moderation: ModerationService
    activity: Activity
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def block(self, actor: Actor, reference: str, *, hide_comments: bool) -> BlockPage:
        """Keep somebody away from now on; `hide_comments` takes away what they have said, too.

        Twice is once. Raises `NotFound`, or `Invalid` for oneself.
        """
        user = self.users.get(reference)
        if user is None or user.deleted_at is not None:
            raise NotFound("User not found")
        if user.id == actor.id:
            raise Invalid("You cannot block yourself.")
        block = Block(
            **identity(self.new_id()),
            user_id=actor.id or "",
            blocked_id=user.id,
            created_at=self.now(),
        )
        self.blocks.add(block)
        self.activity.note(actor)
        if hide_comments:
            self._hide_all(block)
        return self._pages([block])[0]

    def unblock(self, actor: Actor, reference: str) -> None:
        """Nothing happens to who is not blocked. Raises `NotFound`."""
        user = self.users.get(reference)
        if user is None:
            raise NotFound("User not found")
        self.blocks.remove(actor.id or "", user.id)

    def list(self, actor: Actor, *, after: After | None, limit: int) -> BlockList:
        """Whom one has blocked, the latest first."""
        found = self.blocks.newest_of(actor.id or "", after=after, limit=limit + 1)
        shown = found[:limit]
        return BlockList(
            items=self._pages(shown),
            has_more=len(found) > limit,
            end=After(shown[-1].created_at, shown[-1].oid) if shown else None,
        )

    def _hide_all(self, block: Block) -> None:
        for comment in self.comments.shown_under(block.user_id, block.blocked_id):
            try:
                self.moderation.take_away(comment, BY_CREATOR)
            except Conflict:
                continue  # it is gone, or hidden, by now

    def _pages(self, blocks: Sequence[Block]) -> Sequence[BlockPage]:
        people = self.users.authors(block.blocked_id for block in blocks)
        return [BlockPage(block=each, person=people.get(each.blocked_id)) for each in blocks]
