"""The second factor (TOTP, RFC 6238): setting it up, asking for it, and getting by without it.

Codes are six digits and can be guessed, so each wrong one counts as a wrong password does.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from pyotp import random_base32
from pyotp.totp import TOTP

from models.audit import Action
from models.errors import Conflict, Forbidden, Invalid, NotFound, SecondFactorNeeded, Unauthorized
from models.user import SecondFactor, User
from models.users import Users
from services.accounts.lockout import Lockout
from services.accounts.passwords import Passwords
from services.accounts.secrets_box import SecretsBox
from services.accounts.sessions import SessionService
from services.accounts.standing import has_second_factor
from services.audit import Audit
from services.policies import Actor, may_administer

STEP_SECONDS = 30
# A clock that is half a minute off, and a code that was typed slowly, are still right.
STEPS_OFF = (0, -1, 1)
DIGITS = 6
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
WRONG = "This code is not valid, or was used already."
NOT_ON = "No second factor is set up."


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Shown once, while it is set up: who has `secret` makes the codes."""

    secret: str
    otpauth_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    enabled: bool
    # Whether MFA_REQUIRED_ROLES asks one of this role.
    required: bool
    recovery_codes_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorService:
    users: Users
    sessions: SessionService
    passwords: Passwords
    lockout: Lockout
    audit: Audit
    box: SecretsBox
    required_roles: Collection[str]
    now: Callable[[], datetime]
    # Shown in the authenticator app beside the e-mail address.
    issuer: str = "CLUTCH"

    def status(self, actor: Actor) -> Status:
        user = self._user(actor)
        factor = _confirmed(user)
        return Status(
            enabled=factor is not None,
            required=user.role in self.required_roles,
            recovery_codes_left=len(factor.recovery_hashes) if factor else 0,
        )

    def enrol(self, actor: Actor) -> Enrolment:
        """Offer a new secret. It protects nothing until `confirm`; asking again replaces it."""
        user, secret = self._user(actor), random_base32()
        if not self.users.offer_factor(user.id, SecondFactor(secret=self.box.close(secret))):
            raise Conflict("A second factor is set up already. Turn it off to set up another.")
        uri = TOTP(secret).provisioning_uri(name=user.email, issuer_name=self.issuer)
        return Enrolment(secret=secret, otpauth_uri=uri)

    def confirm(self, actor: Actor, *, code: str, address: str) -> list[str]:
        """Turn the offered factor on with its first code. Answers recovery codes, once."""
        user = self._user(actor)
        offered = user.second_factor
        if offered is None or offered.confirmed_at:
            raise Conflict("Nothing waits for a code. Start with enrol.")
        self.lockout.check(user.id, address)
        step = self._step(offered, _typed(code))
        if step is None:
            raise self._wrong("code", user, address)
        codes, hashes = _recovery_codes()
        if not self.users.confirm_factor(
            user.id, offered, step=step, now=self.now(), hashes=hashes
        ):
            raise Conflict("This was set up anew meanwhile. Use the newest secret.")
        self._changed(Action.MFA_ENABLED, user, actor, address)
        return codes

    def disable(self, actor: Actor, *, password: str, code: str, address: str) -> None:
        """Turn it off: with the password, where there is one, and a code or recovery code."""
        user = self._user(actor)
        factor = self._asked(user, address)
        if user.has_password and not self.passwords.matches(password, user.password_hash):
            raise self._wrong("password", user, address)
        if not self._spend(user, factor, code, address):
            raise self._wrong("code", user, address)
        self.lockout.passed(user.id, address)
        self.users.drop_factor(user.id)
        self._changed(Action.MFA_DISABLED, user, actor, address)

    def renew_recovery_codes(self, actor: Actor, *, code: str, address: str) -> list[str]:
        """Ten new recovery codes; those before them are worth nothing any more."""
        user = self._user(actor)
        factor = self._asked(user, address)
        if not self._spend(user, factor, code, address):
            raise self._wrong("code", user, address)
        self.lockout.passed(user.id, address)
        codes, hashes = _recovery_codes()
        if not self.users.renew_recovery_codes(user.id, factor, hashes):
            raise Conflict(NOT_ON)
        self.audit.record(Action.RECOVERY_CODES_RENEWED, user_id=user.id, actor_id=user.id)
        return codes

    def demand(self, user: User, otp: str, address: str) -> None:
        """Let somebody pass who has proved who they are otherwise, by a password as a rule.

        Raises `SecondFactorNeeded` when a code is missing, `Unauthorized` for a wrong one and
        `RateLimited` after too many of them.
        """
        factor = _confirmed(user)
        if factor is None:
            return
        if not otp:
            raise SecondFactorNeeded(
                "Send the code of your authenticator app, or a recovery code, as otp.",
                fields={"otp": ["Required for this account."]},
            )
        self.lockout.check(user.id, address)
        if not self._spend(user, factor, otp, address):
            self._count_wrong(user, address)
            raise Unauthorized(WRONG)

    def reset(self, actor: Actor, reference: str, address: str) -> None:
        """An admin's way out for a person who lost app and recovery codes alike.

        Ends all sessions of that person. One's own factor is turned off with a code, or another
        admin does it: a stolen session must not be enough.
        """
        if not may_administer(actor):
            raise Forbidden("Only an admin may reset a second factor.")
        user = self.users.get(reference)
        if user is None:
            raise NotFound("User not found")
        if user.id == actor.id:
            raise Forbidden("Turn your own second factor off with a code, or ask another admin.")
        if self.users.drop_factor(user.id):
            self._changed(Action.MFA_DISABLED, user, actor, address)

    def _user(self, actor: Actor) -> User:
        user = self.users.get(actor.id or "")
        if user is None:
            raise NotFound("User not found")
        return user

    def _asked(self, user: User, address: str) -> SecondFactor:
        """The factor that is about to be asked for; raises while guessing it is locked."""
        factor = _confirmed(user)
        if factor is None:
            raise Conflict(NOT_ON)
        self.lockout.check(user.id, address)
        return factor

    def _spend(self, user: User, factor: SecondFactor, code: str, address: str) -> bool:
        """Whether this code is right and nobody used it before; it is used up then."""
        typed = _typed(code)
        if len(typed) == DIGITS:
            step = self._step(factor, typed)
            return step is not None and self.users.spend_step(user.id, factor, step)
        spent = self.users.spend_recovery_code(user.id, _digest(typed))
        if spent:
            self.audit.record(Action.RECOVERY_CODE_USED, user_id=user.id, address=address)
        return spent

    def _step(self, factor: SecondFactor, typed: str) -> int | None:
        """The time step whose code this is, if it is about now."""
        secret = self.box.open(factor.secret)
        if secret is None:
            return None
        totp, today = TOTP(secret), int(self.now().timestamp()) // STEP_SECONDS
        codes = {step: totp.generate_otp(step) for step in (today + off for off in STEPS_OFF)}
        same = (s for s, c in codes.items() if hmac.compare_digest(c.encode(), typed.encode()))
        return next(same, None)

    def _wrong(self, field: str, user: User, address: str) -> Invalid:
        """What to raise at somebody who is signed in; it is counted all the same."""
        self._count_wrong(user, address)
        message = WRONG if field == "code" else "The password is not correct."
        return Invalid(message, fields={field: [message]})

    def _count_wrong(self, user: User, address: str) -> None:
        locked = self.lockout.failed(user.id, address)
        action = Action.LOCKED_OUT if locked else Action.SIGN_IN_FAILED
        self.audit.record(action, user_id=user.id, address=address, factor="second")

    def _changed(self, action: Action, user: User, actor: Actor, address: str) -> None:
        """End the other sessions: who signed in under other rules signs in anew."""
        self.audit.record(action, user_id=user.id, actor_id=actor.id, address=address)
        self.sessions.end_all_of(user.id, but=actor.session_id)
        self.sessions.second_factor_changed(user.id)


def _confirmed(user: User) -> SecondFactor | None:
    return user.second_factor if has_second_factor(user) else None


def _recovery_codes() -> tuple[list[str], list[str]]:
    """Ten codes of 80 random bits, as shown and as kept."""
    plain = [
        base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
        for _ in range(RECOVERY_CODES)
    ]
    shown = ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in plain]
    return shown, [_digest(code) for code in plain]


def _typed(code: str) -> str:
    """A code without what people put between its groups."""
    return "".join(code.split()).replace("-", "").lower()


def _digest(code: str) -> str:
    # Not slow: 80 random bits cannot be tried out, whatever a try costs.
    return sha256(code.encode()).hexdigest()
