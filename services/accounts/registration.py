"""Who may have an account here: everybody, who is invited, or nobody more (REGISTRATION_MODE)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from models.database import Transactions, Within
from models.errors import Forbidden, InvitationExpired, InvitationInvalid
from models.invitations import Invitation, Invitations
from models.user import Role, User
from models.users import Users

OPEN, INVITE, CLOSED = "open", "invite", "closed"
FIELD = "invitation_token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    mode: str
    users: Users
    invitations: Invitations
    transactions: Transactions
    now: Callable[[], datetime]

    def check(self, email: str, token: str | None) -> Invitation | None:
        """The invitation that somebody comes with, if any; raises unless they may register.

        `email` as it is kept. Raises `Forbidden`, `InvitationInvalid` or `InvitationExpired`. Where
        registration is open, an invitation is honoured nevertheless: it may give a role.
        """
        if self.mode == CLOSED:
            raise Forbidden("Registration is closed")
        if not token:
            if self.mode == INVITE:
                raise _refused("An invitation is needed to register.")
            return None
        invitation = self.valid(token)
        if invitation.email not in {None, email}:
            raise _refused("This invitation is for another e-mail address.")
        return invitation

    def valid(self, token: str) -> Invitation:
        """The invitation of this token; raises `InvitationInvalid` or `InvitationExpired`.

        It stands as long as who made it may invite: who is no admin any more leaves no door open.
        """
        invitation = self.invitations.by_token(token)
        if invitation is None or not invitation.is_open or not self._may_invite(invitation):
            raise _refused("This invitation is not valid.")
        if invitation.expires_at <= self.now():
            raise InvitationExpired("This invitation has expired.", fields={FIELD: ["Expired."]})
        return invitation

    def add(self, user: User, invitation: Invitation | None) -> User:
        """Keep a new user, using the invitation up in the same transaction.

        Raises `Taken`, and `InvitationInvalid` if somebody else was faster.
        """
        if invitation is None:
            self.users.add(user)
            return user
        member = replace(user, role=invitation.role)

        def work(within: Within) -> None:
            if not self.invitations.redeem(
                invitation.token, user_id=member.id, now=self.now(), within=within
            ):
                raise _refused("This invitation is not valid.")
            self.users.add(member, within)

        self.transactions.run(work)
        return member

    def _may_invite(self, invitation: Invitation) -> bool:
        host = self.users.get(invitation.created_by)
        return host is not None and host.is_active and host.role is Role.ADMIN


def _refused(message: str) -> InvitationInvalid:
    return InvitationInvalid(message, fields={FIELD: [message]})
