"""Administration of users: who there is, what role they have, and whether they may come in.

Each change goes this way, so that one that stops halfway leaves less allowed than was asked for,
and asking again finishes it: take from the sessions what is to be taken, change MongoDB, then bring
the sessions in line with what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.audit import Action, AuditEntry, AuditLog
from models.documents import After
from models.errors import Conflict, Forbidden, NotFound
from models.membership import LastAdmin, UserFilter, position
from models.user import Role, User
from models.users import Users
from services.accounts.sessions import SessionService
from services.audit import Audit
from services.policies import Actor, may_administer

# From the least to the most that is allowed.
RANKS = tuple(Role)
PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class UserList:
    items: Sequence[User]
    total: int
    has_more: bool
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    items: Sequence[AuditEntry]
    has_more: bool
    end: After | None


def require_admin(actor: Actor) -> None:
    if not may_administer(actor):
        raise Forbidden("Only administrators may do this.")


def last_admin() -> Conflict:
    return Conflict("This is the last administrator. Make somebody else one first.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministrationService:
    users: Users
    sessions: SessionService
    log: AuditLog
    audit: Audit
    now: Callable[[], datetime]

    def list(
        self, actor: Actor, wanted: UserFilter, *, after: str = "", skip: int = 0, limit: int
    ) -> UserList:
        """Everybody who has an account, or those of a role, an activity, or a name."""
        require_admin(actor)
        found = self.users.page(wanted, after=after, skip=skip, limit=limit + 1)
        shown = found[:limit]
        return UserList(
            items=shown,
            total=self.users.count(wanted),
            has_more=len(found) > limit,
            end=position(wanted, shown[-1]) if shown else "",
        )

    def everybody(self, actor: Actor, role: Role | None = None) -> Iterator[User]:
        """Page after page of them."""
        wanted, after = UserFilter(role=role), ""
        while True:
            page = self.list(actor, wanted, after=after, limit=PAGE)
            yield from page.items
            if not page.has_more:
                return
            after = page.end

    def change_role(self, actor: Actor, reference: str, role: Role) -> User:
        """Give somebody a role, which every session of theirs has from then on.

        Raises `Forbidden`, `NotFound`, or `Conflict` for the last admin.
        """
        require_admin(actor)
        user = self._existing(reference)
        if role is not Role.ADMIN and self.users.is_last_admin(user.id):
            raise last_admin()
        self.sessions.role_changed(user.id, min(user.role, role, key=RANKS.index))
        try:
            before = self.users.change_role(user.id, role, self.now())
        except LastAdmin as refused:
            raise last_admin() from refused
        finally:
            self._align(user.id)
        if before and before.role is not role:
            details = {"old": before.role.value, "new": role.value}
            self.audit.record(Action.ROLE_CHANGED, user_id=user.id, actor_id=actor.id, **details)
        return self._existing(user.id)

    def set_active(self, actor: Actor, reference: str, *, is_active: bool | None = None) -> User:
        """Let somebody in again, or out, at once and everywhere; None: the other than it is now.

        Raises `Forbidden`, `NotFound`, or `Conflict` for the last admin.
        """
        require_admin(actor)
        user = self._existing(reference)
        target = (not user.is_active) if is_active is None else is_active
        if target:
            before = self.users.set_active(user.id, self.now(), is_active=True)
        else:
            before = self._shut_out(user)
        if before and before.is_active is not target:
            action = Action.ACTIVATED if target else Action.DEACTIVATED
            self.audit.record(action, user_id=user.id, actor_id=actor.id)
        return self._existing(user.id)

    def read_audit(
        self,
        actor: Actor,
        *,
        reference: str | None = None,
        action: Action | None = None,
        after: After | None = None,
        limit: int,
    ) -> AuditPage:
        """What happened to accounts, or to one by either of its ids; the newest first."""
        require_admin(actor)
        user = self.users.get(reference) if reference else None
        if reference and user is None:
            return AuditPage(items=[], has_more=False, end=None)
        found = self.log.newest(
            user_id=user.id if user else None, action=action, after=after, limit=limit + 1
        )
        shown = found[:limit]
        end = After(shown[-1].at, shown[-1].oid) if shown else None
        return AuditPage(items=shown, has_more=len(found) > limit, end=end)

    def _shut_out(self, user: User) -> User | None:
        if self.users.is_last_admin(user.id):
            raise last_admin()
        self.sessions.end_all_of(user.id)
        try:
            before = self.users.set_active(user.id, self.now(), is_active=False)
        except LastAdmin as refused:
            raise last_admin() from refused
        # Whoever signed in between the two was let in rightly, and is so no more.
        self.sessions.end_all_of(user.id)
        return before

    def _align(self, user_id: str) -> None:
        """Have the sessions say what MongoDB says, also when two admins decide at once."""
        told = None
        while (user := self.users.get(user_id)) and user.role is not told:
            self.sessions.role_changed(user_id, user.role)
            told = user.role

    def _existing(self, reference: str) -> User:
        user = self.users.get(reference)
        if user is None or user.deleted_at is not None:
            raise NotFound("User not found")
        return user
