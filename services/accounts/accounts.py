"""Accounts: signing up, signing in, and who one is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.audit import Action
from models.documents import identity
from models.errors import Conflict, NotFound, Unauthorized
from models.user import User
from models.users import Taken, Users
from models.videos import Videos
from services.accounts.lockout import Lockout
from services.accounts.names import normal_email, normal_login, usernames_for
from services.accounts.passwords import Passwords
from services.accounts.registration import Registration
from services.accounts.second_factor import SecondFactorService
from services.accounts.sessions import Device, SessionService, SignedIn
from services.accounts.verification import VerificationService
from services.audit import Audit
from services.policies import Actor

WRONG = "Invalid email or password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    user: User
    total_videos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """Somebody new; `signed_in` is None while their address has to be verified first."""

    user: User
    signed_in: SignedIn | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountService:
    users: Users
    videos: Videos
    sessions: SessionService
    passwords: Passwords
    second_factors: SecondFactorService
    verification: VerificationService
    registration: Registration
    lockout: Lockout
    audit: Audit
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def sign_up(
        self,
        *,
        email: str,
        password: str,
        display_name: str,
        username: str | None = None,
        invitation_token: str | None = None,
    ) -> User:
        """Create a viewer, or whom an invitation makes of them.

        Raises `Invalid`, `Conflict` when e-mail or username is taken, and what
        `Registration.check` does.

        Where addresses have to be verified, a taken e-mail is answered like a free one.

        001 knows no usernames: without one, the nearest free to `display_name` is given.
        """
        address = normal_email(email)
        invitation = self.registration.check(address, invitation_token)
        password_hash = self.passwords.hash(password)
        names = [username] if username else usernames_for(display_name, self.new_id)
        for name in names:
            user = self._new_user(address, name, display_name.strip() or name, password_hash)
            try:
                user = self.registration.add(user, invitation)
            except Taken as taken:
                if taken.field == "email" and self.verification.is_required:
                    return self._as_if_new(user, username)
                if taken.field == "email" or username:
                    raise conflict_of(taken) from taken
            else:
                self.audit.record(Action.SIGNED_UP, user_id=user.id)
                self.verification.ask(user)
                return user
        raise Conflict("No username could be found. Please try again.")

    def register(
        self,
        *,
        username: str,
        email: str,
        password: str,
        device: Device,
        lifetime: timedelta,
        display_name: str = "",
        invitation_token: str | None = None,
    ) -> Registered:
        """000: create an account and sign it in, unless its address has to be verified first."""
        user = self.sign_up(
            email=email,
            password=password,
            display_name=display_name,
            username=username,
            invitation_token=invitation_token,
        )
        if self.verification.is_required and not user.email_verified:
            return Registered(user=user, signed_in=None)
        signed_in = self.sessions.open(user, device=device, lifetime=lifetime)
        return Registered(user=signed_in.user, signed_in=signed_in)

    def sign_in(
        self, *, login: str, password: str, device: Device, lifetime: timedelta, otp: str = ""
    ) -> SignedIn:
        """Check a password and open a session whose access tokens last `lifetime`.

        An unknown account, a wrong password and a deactivated account cost the same time and get
        the same answer, and so do too many attempts (`RateLimited`). Whose password was right is
        asked for a second factor, where one is set up (`SecondFactorNeeded`), once their address
        is verified, where it has to be (`EmailNotVerified`).
        """
        user = self._whose_password(login, password, device)
        self.verification.demand(user)
        self.second_factors.demand(user, otp, device.address)
        self.lockout.passed(user.id, device.address)
        self.users.logged_in(user.id, self.now())
        return self.sessions.open(user, device=device, lifetime=lifetime)

    def me(self, actor: Actor) -> User:
        user = self.users.get(actor.id or "")
        if user is None:
            raise NotFound("User not found")
        return user

    def profile(self, actor: Actor) -> Profile:
        """000: oneself, and what one has done so far."""
        user = self.me(actor)
        return Profile(user=user, total_videos=self.videos.count_of(user.id))

    def _whose_password(self, login: str, password: str, device: Device) -> User:
        """The active user who has this password; raises `Unauthorized` or `RateLimited`."""
        name = normal_login(login)
        user = self.users.by_login(name)
        account = user.id if user else name
        self.lockout.check(account, device.address)
        matches = self.passwords.matches(password, user.password_hash if user else None)
        if user is None or not matches or not user.is_active:
            self._note_failure(account, user, device)
            raise Unauthorized(WRONG)
        if self.passwords.is_outdated(user.password_hash):
            new = self.passwords.hash(password)
            self.users.rehash(user.id, old=user.password_hash, new=new)
        return user

    def _as_if_new(self, user: User, username: str | None) -> User:
        """What to answer for an address that is taken, so that nobody learns that it is.

        Its owner is told by mail; the user that is answered is stored nowhere. A username that is
        taken conflicts here too: otherwise one that is known to be would tell the two apart.
        """
        if username and self.users.by_login(username):
            raise conflict_of(Taken("username"))
        if owner := self.users.by_login(user.email):
            self.audit.record(Action.SIGNED_UP_AGAIN, user_id=owner.id)
        self.verification.tell_owner(user.email)
        return user

    def _note_failure(self, account: str, user: User | None, device: Device) -> None:
        locked = self.lockout.failed(account, device.address)
        action = Action.LOCKED_OUT if locked else Action.SIGN_IN_FAILED
        self.audit.record(action, user_id=user.id if user else None, address=device.address)

    def _new_user(self, email: str, username: str, display_name: str, password_hash: str) -> User:
        now = self.now()
        return User(
            **identity(self.new_id()),
            email=email,
            username=username,
            username_key=username.lower(),
            display_name=display_name,
            password_hash=password_hash,
            created_at=now,
            updated_at=now,
        )


def conflict_of(taken: Taken) -> Conflict:
    label = {"email": "Email already registered", "username": "Username already taken"}
    message = label.get(taken.field, "Already exists")
    return Conflict(message, fields={taken.field: [message]})
