"""Whose account an identity elsewhere is: found, linked by its address, or made at first sight.

    linked           -> that account
    id == subject    -> the account that was made for it (004: profiles.id == auth.users.id)
    same address     -> linked, where both sides have verified it and nothing is lost by it
    else             -> a new account, without a password

An account that is made for somebody does not ask for an invitation: who may sign up elsewhere is
decided there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.audit import Action
from models.documents import identity
from models.errors import Conflict, Forbidden, Invalid, Unauthorized
from models.identities import ForeignIdentity, Identities
from models.user import Role, User
from models.users import Taken, Users
from services.accounts.names import normal_email, usernames_for
from services.accounts.standing import has_second_factor
from services.accounts.tokens import REFUSED, TokenType
from services.adapters.issuers import ForeignPerson
from services.audit import Audit

TAKEN = "There is an account with this e-mail address already."
VERIFY = f"{TAKEN} Sign in with its password, and verify the address first."
PASSWORD_ONLY = f"{TAKEN} It can be reached with its own password only."


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityService:
    identities: Identities
    users: Users
    audit: Audit
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def user_of(self, person: ForeignPerson) -> User:
        """The active account of `person`, whom an issuer has just vouched for.

        Raises `Conflict` where their address is somebody's who may be another, `Forbidden` where
        they have none, `Unauthorized` if the account is closed or deactivated.
        """
        if linked := self.identities.find(person.issuer, person.subject):
            return _open(self.users.get(linked.user_id))
        user = _open(self._account(person))
        if self._link(user, person):
            return user
        return self.user_of(person)

    def _account(self, person: ForeignPerson) -> User:
        own = self.users.get(person.user_id) if person.user_id else None
        if own and not _has_come_back(person, own):
            return own
        email = _address(person)
        known = self.users.by_login(email)
        if known and known.id == person.user_id and not own:
            return known  # made by another first request, since the look above
        # The id of a closed account stays taken.
        new_id = person.user_id if person.user_id and not own else self.new_id()
        return _same(known, person) if known else self._made(new_id, email, person)

    def _made(self, user_id: str, email: str, person: ForeignPerson) -> User:
        for name in usernames_for(person.username or email.partition("@")[0], self.new_id):
            user = self._new_user(user_id, email, name, person)
            try:
                self.users.add(user)
            except Taken as taken:
                if taken.field != "username":
                    # A first request that came at the same time made it.
                    return self._account(person)
            else:
                self.audit.record(Action.SIGNED_UP, user_id=user.id, issuer=person.issuer)
                return user
        raise Conflict("No username could be found. Please try again.")

    def _link(self, user: User, person: ForeignPerson) -> bool:
        """False if it is linked already: another request was quicker."""
        link = ForeignIdentity(
            **identity(self.new_id()),
            issuer=person.issuer,
            subject=person.subject,
            user_id=user.id,
            created_at=self.now(),
        )
        is_new = self.identities.link(link)
        if is_new:
            self.audit.record(Action.IDENTITY_LINKED, user_id=user.id, issuer=person.issuer)
        return is_new

    def _new_user(self, user_id: str, email: str, username: str, person: ForeignPerson) -> User:
        now = self.now()
        return User(
            id=user_id,
            # Of an id of our own: the issuer's does not begin with a time.
            oid=identity(self.new_id())["oid"],
            email=email,
            username=username,
            username_key=username.lower(),
            display_name=person.display_name or username,
            password_hash="",
            avatar_url=person.avatar_url,
            email_verified=person.email_verified,
            created_at=now,
            updated_at=now,
        )


def _open(user: User | None) -> User:
    if user is None or not user.is_active or user.deleted_at:
        raise Unauthorized(REFUSED[TokenType.ACCESS])
    return user


def _has_come_back(person: ForeignPerson, user: User) -> bool:
    """Whether they signed in anew since they deleted this account: a new one may begin."""
    return user.deleted_at is not None and person.signed_in > user.deleted_at.timestamp()


def _same(user: User, person: ForeignPerson) -> User:
    """The account with this person's address, if it is certain enough that it is theirs.

    Whoever the issuer is, and however it has verified the address: it opens no account of staff,
    and none that a second factor protects.
    """
    if not (person.email_verified and user.email_verified):
        raise Conflict(VERIFY, fields={"email": [VERIFY]})
    if user.role in {Role.STAFF, Role.ADMIN} or has_second_factor(user):
        raise Conflict(PASSWORD_ONLY, fields={"email": [PASSWORD_ONLY]})
    return user


def _address(person: ForeignPerson) -> str:
    try:
        return normal_email(person.email)
    except Invalid as invalid:
        raise Forbidden("An account needs an e-mail address, and yours has none.") from invalid
