"""Reacting to videos and comments: one like or dislike for each person and target.

What somebody chose is written down first, and counted before they are answered; if that is cut
short, the scheduler counts it (models/reactions.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from models.blocks import Blocks
from models.database import Transactions, Within
from models.documents import identity
from models.errors import Forbidden
from models.reactions import Choice, Kind, Reaction, ReactionFold, Reactions
from services.adapters.stamps import Stamps
from services.people.activity import Activity
from services.policies import Actor
from services.social.attention import Attention
from services.social.folding import BATCH, BATCHES_PER_ROUND, TARGETS_PER_ROUND, OneAtATime


class Target(NamedTuple):
    id: str
    owner_id: str


class Counts(NamedTuple):
    likes: int = 0
    dislikes: int = 0


class Targets(Protocol):
    """All that one may react to of one kind."""

    def find(self, actor: Actor, reference: str) -> Target:
        """Raises `NotFound` for what `actor` may not see."""
        ...

    def counts(self, target_id: str) -> Counts | None: ...

    def add(self, target_id: str, added: ReactionFold, within: Within) -> Counts | None:
        """Add to the counters; None where there is no such target any more."""
        ...

    def tell(self, target_id: str, counts: Counts) -> None:
        """Let whoever looks at it know."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """What somebody thinks now, and how many think what."""

    choice: Choice
    like_count: int
    dislike_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionService:
    reactions: Reactions
    targets: Mapping[Kind, Targets]
    blocks: Blocks
    activity: Activity
    transactions: Transactions
    one_at_a_time: OneAtATime
    # What processes remember of somebody's reactions ends with each new one.
    stamps: Stamps
    # Hears of likes that are news.
    attention: Attention
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def react(self, actor: Actor, kind: str, reference: str, action: str) -> Reacted:
        """Like, dislike, or neither: `action` is a `Choice`. The same twice is the same.

        Raises `NotFound` for what is hidden from `actor`, `Forbidden` for who is blocked.
        """
        choice, sort = Choice(action), Kind(kind)
        target = self.targets[sort].find(actor, reference)
        if choice is not Choice.NONE and self.blocks.holds(target.owner_id, actor.id or ""):
            raise Forbidden("You may not react to what this person publishes.")
        is_news = self.reactions.react(self._row(actor, sort, target, choice))
        # The row first, and also where it was there: who wrote it may have come no further.
        self.stamps.renew(actor.id or "")
        self.activity.note(actor)
        counts = self._settled(sort, target.id)
        if is_news and choice is Choice.LIKE:
            self.attention.liked(sort, target.id, target.owner_id, actor.id or "")
        return Reacted(choice=choice, like_count=counts.likes, dislike_count=counts.dislikes)

    def choices(self, actor: Actor, kind: str, ids: Collection[str]) -> dict[str, Choice]:
        """How `actor` reacted to each of these, where they did; one query at most."""
        return self.reactions.of(actor.id, Kind(kind), ids) if actor.id and ids else {}

    def forget(self, kind: str, target_id: str) -> None:
        """For what is deleted for good."""
        self.reactions.forget_target(Kind(kind), target_id)

    def fold(self) -> int:
        """Count what was cut short; returns how many targets that concerned."""
        waiting = list(self.reactions.waiting(TARGETS_PER_ROUND))
        for kind, target_id in waiting:
            self._settled(kind, target_id)
        return len(waiting)

    def _row(self, actor: Actor, kind: Kind, target: Target, choice: Choice) -> Reaction:
        return Reaction(
            **identity(self.new_id()),
            user_id=actor.id or "",
            target_type=kind,
            target_id=target.id,
            owner_id=target.owner_id,
            action=choice,
            created_at=self.now(),
        )

    def _settled(self, kind: Kind, target_id: str) -> Counts:
        """The counters, with all that was written before this was called."""
        is_done = self.one_at_a_time.fold((kind, target_id), lambda: self._fold(kind, target_id))
        counts = self.targets[kind].counts(target_id) or Counts()
        if is_done:
            return counts
        lacking = self.reactions.uncounted(kind, target_id)
        return Counts(counts.likes + lacking.likes, counts.dislikes + lacking.dislikes)

    def _fold(self, kind: Kind, target_id: str) -> None:
        counts = None
        for _ in range(BATCHES_PER_ROUND):
            if not self.reactions.is_pending(kind, target_id):
                break
            counts = self.transactions.soon(lambda within: self._batch(kind, target_id, within))
        if counts:
            self.targets[kind].tell(target_id, counts)

    def _batch(self, kind: Kind, target_id: str, within: Within) -> Counts | None:
        added = self.reactions.fold(kind, target_id, BATCH, within)
        counts = self.targets[kind].add(target_id, added, within)
        if counts is None:
            # It went while somebody reacted to it.
            self.reactions.drop(kind, target_id, within)
        return counts
