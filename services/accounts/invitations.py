"""Invitations: making, listing, looking up and revoking them (003)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from models.audit import Action
from models.documents import identity
from models.errors import Conflict, NotFound
from models.invitations import Invitation, Invitations
from models.user import Role
from models.users import Users
from services.accounts.names import normal_email
from services.accounts.registration import Registration
from services.audit import Audit
from services.mailing import MailService
from services.people.administration import require_admin
from services.policies import Actor

LIFETIME = timedelta(days=7)
TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A new invitation, and 003's link: where a client's sign-up form finds the token."""

    invitation: Invitation
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationList:
    items: Sequence[Invitation]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationService:
    invitations: Invitations
    registration: Registration
    users: Users
    mailing: MailService
    audit: Audit
    base_url: str
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def create(self, actor: Actor, *, email: str | None, role: Role) -> Invited:
        """Invite somebody; with an address, nobody else, and a mail tells them.

        Raises `Forbidden`, `Invalid` (no address), or `Conflict` where the address has an account.
        """
        require_admin(actor)
        address = normal_email(email) if email else None
        if address and self.users.by_login(address):
            message = "There is an account with this address already."
            raise Conflict(message, fields={"email": [message]})
        invitation = self._new(actor, address, role)
        self.invitations.add(invitation)
        self.audit.record(Action.INVITED, actor_id=actor.id, invitation=invitation.id)
        link = f"{self.base_url}/register?invitation={invitation.token}"
        self._send(actor, invitation, link)
        return Invited(invitation=invitation, link=link)

    def list(self, actor: Actor, *, after: str, skip: int, limit: int) -> InvitationList:
        """All there are, the newest first."""
        require_admin(actor)
        found = self.invitations.newest(after=after, skip=skip, limit=limit + 1)
        return InvitationList(
            items=found[:limit], total=self.invitations.count(), has_more=len(found) > limit
        )

    def validate(self, token: str) -> Invitation:
        """For who holds a link; raises `InvitationInvalid` or `InvitationExpired`."""
        return self.registration.valid(token)

    def revoke(self, actor: Actor, reference: str) -> None:
        """Take an invitation back; twice is fine. Raises `Conflict` for one that was used."""
        require_admin(actor)
        invitation = self.invitations.get(reference)
        if invitation is None:
            raise NotFound("Invitation not found")
        if self.invitations.revoke(invitation.id, self.now()):
            details = {"invitation": invitation.id}
            self.audit.record(Action.INVITATION_REVOKED, actor_id=actor.id, **details)
            return
        # Asked again, as somebody may have redeemed it since.
        settled = self.invitations.get(reference)
        if settled is not None and settled.used:
            raise Conflict("This invitation was used and cannot be revoked.")

    def _new(self, actor: Actor, email: str | None, role: Role) -> Invitation:
        now = self.now()
        return Invitation(
            **identity(self.new_id()),
            # 003: a UUID. Of the fourth version: nothing but randomness.
            token=str(UUID(bytes=secrets.token_bytes(TOKEN_BYTES), version=4)),
            created_by=actor.id or "",
            created_at=now,
            expires_at=now + LIFETIME,
            email=email,
            role=role,
        )

    def _send(self, actor: Actor, invitation: Invitation, link: str) -> None:
        host = self.users.get(actor.id or "")
        if invitation.email and host:
            self.mailing.invite(
                invitation.email,
                link=link,
                inviter=host.display_name,
                expires_at=invitation.expires_at,
            )
