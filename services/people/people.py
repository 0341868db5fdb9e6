"""People, as they see themselves and as others see them: profiles, settings, and changing them.

Who may see what of somebody is decided in `policies.py`; what is hidden looks like what is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.audit import Action
from models.documents import Document
from models.errors import Conflict, Forbidden, Invalid, NotFound
from models.follows import Follows
from models.user import SubscriptionStatus, User
from models.users import Taken, Users
from models.videos import Videos
from services.accounts.accounts import conflict_of
from services.accounts.lockout import Lockout
from services.accounts.names import normal_email, normal_username
from services.accounts.passwords import Passwords
from services.accounts.sessions import SessionService
from services.accounts.verification import VerificationService
from services.audit import Audit
from services.people.history import HistoryService, Seen
from services.policies import (
    Actor,
    knows_all_of,
    may_see_email,
    may_see_followers,
    may_see_following,
    may_see_profile,
)

HISTORY_SHOWN = 20
DEVICES_SHOWN = 50
PLAIN = ("display_name", "bio", "avatar_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePage:
    """Somebody as `actor` may know them: what is hidden is None, or an empty address."""

    user: User
    email: str
    total_videos: int
    follower_count: int | None
    following_count: int | None
    # Whether `actor` follows them.
    is_following: bool

    @property
    def last_active_at(self) -> datetime:
        """004: who has never written anything was last active when they came."""
        return self.user.last_active_at or self.user.last_login or self.user.created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """002: all that one sees of oneself at a glance."""

    user: User
    subscription_status: str
    devices: Sequence[str]
    history: Sequence[Seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What somebody changes of their own. What is None or not in a mapping stays as it is.

    `preferences` is by name; `settings` by group (notifications, privacy), then by name.
    """

    username: str | None = None
    email: str | None = None
    # Asked for with a new `email`: a session that was left open must not be enough.
    current_password: str = ""
    display_name: str | None = None
    bio: str | None = None
    avatar_url: str | None = None
    preferences: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleService:
    users: Users
    videos: Videos
    follows: Follows
    sessions: SessionService
    history: HistoryService
    passwords: Passwords
    lockout: Lockout
    verification: VerificationService
    audit: Audit
    now: Callable[[], datetime]

    def get(self, actor: Actor, reference: str) -> ProfilePage:
        """Somebody's profile, by either id; raises `NotFound` where `actor` may not see it."""
        return self._page(actor, self.visible(actor, reference))

    def visible(self, actor: Actor, reference: str) -> User:
        """Somebody whose profile `actor` may see; raises `NotFound`."""
        user = self.users.get(reference)
        if user is None or not self._may_see(actor, user):
            raise NotFound("User not found")
        return user

    def own(self, actor: Actor) -> ProfilePage:
        """000: one's own profile, with all settings."""
        return self._page(actor, self._me(actor))

    def overview(self, actor: Actor) -> Overview:
        """002: oneself, where one is signed in, and what one watched."""
        return self._overview(actor, self._me(actor))

    def update(
        self, actor: Actor, change: Change, *, address: str, reference: str | None = None
    ) -> ProfilePage:
        """Change one's own profile. A `reference` says which one the caller takes that to be.

        Raises `Forbidden` (not one's own, whether it exists or not), `Invalid`, `Conflict`
        (username or e-mail taken), or `RateLimited` (the password was guessed at too often).
        """
        user = self._me(actor)
        if reference not in {None, user.id, user.oid}:
            raise Forbidden("You can change your own profile only.")
        return self._page(actor, self._changed(user, change, address))

    def update_overview(self, actor: Actor, change: Change, *, address: str) -> Overview:
        """The same, answered as `overview` does."""
        return self._overview(actor, self._changed(self._me(actor), change, address))

    def _me(self, actor: Actor) -> User:
        user = self.users.get(actor.id or "")
        if user is None:
            raise NotFound("User not found")
        return user

    def _may_see(self, actor: Actor, user: User) -> bool:
        """Follows are looked up only where they decide."""
        if may_see_profile(actor, user, follows=False):
            return True
        is_open = may_see_profile(actor, user, follows=True)
        return is_open and self._follows(actor, user)

    def _follows(self, actor: Actor, user: User) -> bool:
        if actor.id in {None, user.id}:
            return False
        return self.follows.exists(actor.id or "", user.id)

    def _page(self, actor: Actor, user: User) -> ProfilePage:
        everything = knows_all_of(actor, user)
        return ProfilePage(
            user=user,
            email=user.email if may_see_email(actor, user) else "",
            # Of others' videos, those that everybody may see are counted.
            total_videos=self.videos.count_of(user.id, everything=everything),
            follower_count=user.follower_count if may_see_followers(actor, user) else None,
            following_count=user.following_count if may_see_following(actor, user) else None,
            is_following=self._follows(actor, user),
        )

    def _overview(self, actor: Actor, user: User) -> Overview:
        sessions = self.sessions.list(actor)[:DEVICES_SHOWN]
        return Overview(
            user=user,
            subscription_status=subscription_status(user, self.now()),
            devices=[session.device or session.user_agent for session in sessions],
            history=self.history.list(actor, limit=HISTORY_SHOWN).items,
        )

    def _changed(self, user: User, change: Change, address: str) -> User:
        """The user after one update of just what was sent; without any if nothing was."""
        new_email = self._new_email(user, change, address)
        values = _values(change)
        if new_email:
            values |= {"email": new_email, "email_verified": False}
        if not values:
            return user
        now = self.now()
        try:
            changed = self.users.change(
                user.id,
                values | {"updated_at": now, "last_active_at": now},
                password_hash=user.password_hash if new_email else None,
            )
        except Taken as taken:
            raise conflict_of(taken) from taken
        if changed is None:
            raise Conflict("Your account has changed meanwhile. Please try again.")
        if new_email:
            self.audit.record(
                Action.EMAIL_CHANGED, user_id=user.id, actor_id=user.id, address=address
            )
            self.verification.ask(changed)
        return changed

    def _new_email(self, user: User, change: Change, address: str) -> str | None:
        """The address to change to, once the password is confirmed; None if there is nothing to."""
        new_email = None if change.email is None else normal_email(change.email)
        if new_email in {None, user.email}:
            return None
        if not user.has_password:
            raise Forbidden("Your account has no password yet. Set one to change the address.")
        if not change.current_password:
            raise _refused("A new address needs your current password with it.")
        self.lockout.check(user.id, address)
        if not self.passwords.matches(change.current_password, user.password_hash):
            locked = self.lockout.failed(user.id, address)
            action = Action.LOCKED_OUT if locked else Action.SIGN_IN_FAILED
            self.audit.record(action, user_id=user.id, actor_id=user.id, address=address)
            raise _refused("The password is not correct.")
        self.lockout.passed(user.id, address)
        return new_email


def subscription_status(user: User, now: datetime) -> str:
    """002: `active`, `cancelled` (but paid until later), `expired`, or `none` that ever was."""
    running = {one.status for one in user.subscriptions if one.end_date > now}
    for status in (SubscriptionStatus.ACTIVE, SubscriptionStatus.CANCELLED):
        if status in running:
            return status.value
    return SubscriptionStatus.EXPIRED.value if user.subscriptions else "none"


def _values(change: Change) -> Document:
    """What is sent, by the path under which it is kept."""
    values: Document = {name: sent for name in PLAIN if (sent := getattr(change, name)) is not None}
    if change.username is not None:
        username = normal_username(change.username)
        values |= {"username": username, "username_key": username.lower()}
    values |= {f"preferences.{name}": value for name, value in change.preferences.items()}
    for group, settings in change.settings.items():
        values |= {f"settings.{group}.{name}": value for name, value in settings.items()}
    return values


def _refused(message: str) -> Invalid:
    return Invalid(message, fields={"current_password": [message]})
