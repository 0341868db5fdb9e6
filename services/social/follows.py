"""Following people, and who follows whom.

A follow is written down first, and counted before it is answered; if that is cut short, the
scheduler counts it (models/follows.py). Others see a follow where both of its ends show theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.blocks import Blocks
from models.database import Transactions, Within
from models.documents import After, identity
from models.errors import Conflict, Forbidden, Invalid, NotFound
from models.follows import Follow, Follows
from models.user import User
from models.users import Users
from services.people.activity import Activity
from services.people.people import PeopleService
from services.policies import (
    Actor,
    knows_all_of,
    may_see_followers,
    may_see_following,
    may_see_profile,
)
from services.social.attention import Attention
from services.social.folding import BATCH, BATCHES_PER_ROUND, TARGETS_PER_ROUND, OneAtATime

# A feed asks for the videos of all of them.
MOST_FOLLOWED = 5_000
# How far numbered pages reach: skipping takes longer the further it goes.
REACH = 10_000
ME = "me"


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """`follower_count` is None where it is not shown."""

    following: bool
    follower_count: int | None
    user_id: str
    # False for a request that changed nothing.
    is_news: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquaintance:
    """Somebody in a list of follows, as the caller may know them."""

    user: User
    follower_count: int
    followed_at: datetime
    # Whether the caller follows them.
    is_following: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowList:
    items: Sequence[Acquaintance]
    total: int
    has_more: bool
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowService:
    follows: Follows
    users: Users
    people: PeopleService
    blocks: Blocks
    activity: Activity
    transactions: Transactions
    one_at_a_time: OneAtATime
    # Hears of follows that are news.
    attention: Attention
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def follow(self, actor: Actor, reference: str) -> Followed:
        """Follow somebody; who follows already goes on doing so.

        Raises `Invalid` for oneself, `NotFound` for who is hidden, `Forbidden` for who is blocked,
        or `Conflict` for too many.
        """
        user = self.people.visible(actor, reference)
        if user.id == actor.id:
            raise Invalid("You cannot follow yourself.")
        if not user.is_active:
            raise NotFound("User not found")
        if self.blocks.holds(user.id, actor.id or ""):
            raise Forbidden("This person does not want to be followed by you.")
        if self.users.following_count(actor.id or "") >= MOST_FOLLOWED:
            self._insist_on_room(actor, user)
        is_news = self.follows.follow(self._row(actor, user))
        if is_news:
            self.attention.followed(user.id, actor.id or "")
        return self._answer(actor, user, following=True, is_news=is_news)

    def unfollow(self, actor: Actor, reference: str) -> Followed:
        """Also of who is hidden by now. Raises `NotFound` for who never was to be seen."""
        user = self.users.get(reference)
        if user is None or not self._is_known(actor, user):
            raise NotFound("User not found")
        is_news = self.follows.unfollow(actor.id or "", user.id)
        return self._answer(actor, user, following=False, is_news=is_news)

    def followers(
        self, actor: Actor, reference: str, *, after: After | None, skip: int, limit: int
    ) -> FollowList:
        """Who follows somebody, the latest first. Raises `NotFound`, or `Forbidden` if hidden."""
        check_reach(skip)
        user = self._whose(actor, reference)
        if not may_see_followers(actor, user):
            raise Forbidden("This person does not show who follows them.")
        rows = self.follows.followers(user.id, after=after, skip=skip, limit=limit + 1)
        who = {row.oid: row.follower_id for row in rows}
        shows = None if knows_all_of(actor, user) else may_see_following
        return self._list(actor, rows, who, shows, total=user.follower_count, limit=limit)

    def following(
        self, actor: Actor, reference: str, *, after: After | None, skip: int, limit: int
    ) -> FollowList:
        """Whom somebody follows, the latest first; raises as `followers` does."""
        check_reach(skip)
        user = self._whose(actor, reference)
        if not may_see_following(actor, user):
            raise Forbidden("This person does not show whom they follow.")
        rows = self.follows.following(user.id, after=after, skip=skip, limit=limit + 1)
        who = {row.oid: row.following_id for row in rows}
        shows = None if knows_all_of(actor, user) else may_see_followers
        return self._list(actor, rows, who, shows, total=user.following_count, limit=limit)

    def fold(self) -> int:
        """Count what was cut short; returns how many people that concerned."""
        waiting = list(self.follows.waiting(TARGETS_PER_ROUND))
        for user_id in waiting:
            self._settle(user_id)
        return len(waiting)

    def _whose(self, actor: Actor, reference: str) -> User:
        return self.people.visible(actor, (actor.id or "") if reference == ME else reference)

    def _is_known(self, actor: Actor, user: User) -> bool:
        follows = self.follows.exists(actor.id or "", user.id)
        return follows or may_see_profile(actor, user, follows=follows)

    def _insist_on_room(self, actor: Actor, user: User) -> None:
        if not self.follows.exists(actor.id or "", user.id):
            raise Conflict(f"You follow {MOST_FOLLOWED:,} people already, which is the most.")

    def _row(self, actor: Actor, user: User) -> Follow:
        return Follow(
            **identity(self.new_id()),
            follower_id=actor.id or "",
            following_id=user.id,
            created_at=self.now(),
        )

    def _answer(self, actor: Actor, user: User, *, following: bool, is_news: bool) -> Followed:
        self.activity.note(actor)
        lacking = 0 if self._settle(user.id) else self.follows.uncounted(user.id)
        count = self.users.follower_count(user.id) + lacking
        return Followed(
            following=following,
            follower_count=count if may_see_followers(actor, user) else None,
            user_id=user.id,
            is_news=is_news,
        )

    def _settle(self, user_id: str) -> bool:
        """Have the counters hold all that was written before this; False if they do later."""
        return self.one_at_a_time.fold(user_id, lambda: self._fold(user_id))

    def _fold(self, user_id: str) -> None:
        for _ in range(BATCHES_PER_ROUND):
            if not self.follows.is_pending(user_id):
                break
            self.transactions.soon(lambda within: self._batch(user_id, within))

    def _batch(self, user_id: str, within: Within) -> None:
        is_gone = not self.users.is_there(user_id, within)
        fold = self.follows.fold(user_id, BATCH, within, is_gone=is_gone)
        self.users.add_followers(user_id, fold, within)

    def _list(
        self,
        actor: Actor,
        rows: list[Follow],
        who: dict[str, str],
        shows: Callable[[Actor, User], bool] | None,
        *,
        total: int,
        limit: int,
    ) -> FollowList:
        """Who may not be known is left out: a page can be shorter than was asked for."""
        shown = rows[:limit]
        people = self.users.by_ids([who[row.oid] for row in shown])
        mine = self.follows.which(actor.id, people.keys()) if actor.id and people else set[str]()
        found = (
            (row, user) for row in shown if (user := people.get(who[row.oid])) and user.is_active
        )
        return FollowList(
            items=[
                _acquaintance(actor, user, row, mine)
                for row, user in found
                if shows is None or _is_shown(actor, user, shows, mine)
            ],
            total=total,
            has_more=len(rows) > limit,
            end=After(shown[-1].created_at, shown[-1].oid) if shown else None,
        )


def check_reach(skip: int) -> None:
    """Raises `Invalid` for a numbered page that is too far down."""
    if skip >= REACH:
        raise Invalid(
            f"Numbered pages reach the first {REACH:,} people. To go on, send the cursor that the"
            " page before answers as `cursor`.",
            fields={"page": ["Too far down: go on with `cursor`."]},
        )


def _is_shown(
    actor: Actor, user: User, shows: Callable[[Actor, User], bool], mine: set[str]
) -> bool:
    return shows(actor, user) and may_see_profile(actor, user, follows=user.id in mine)


def _acquaintance(actor: Actor, user: User, row: Follow, mine: set[str]) -> Acquaintance:
    seen = may_see_profile(actor, user, follows=user.id in mine) and may_see_followers(actor, user)
    return Acquaintance(
        user=user,
        follower_count=user.follower_count if seen else 0,
        followed_at=row.created_at,
        is_following=user.id in mine,
    )
