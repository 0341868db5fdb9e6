"""Signing in with an account elsewhere: OpenID Connect, off unless a provider is configured.

    start    -> the browser goes to the provider; a ticket and a cookie remember what for
    finish   -> it comes back with a code of the provider's, for which that tells who it is
    exchange -> the app trades a code of ours, from the address it was sent back to, for tokens

The provider takes the place of the password, and not of a second factor that is set up here: that
is asked for in `exchange`, unless the provider says that it has asked for one itself.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from models.errors import (
    ClutchError,
    Forbidden,
    Invalid,
    NotFound,
    SecondFactorNeeded,
    Unauthorized,
)
from models.identities import Identities
from models.user import User
from models.users import Users
from services.accounts.devices import Device
from services.accounts.identities import IdentityService
from services.accounts.names import normal_login
from services.accounts.return_addresses import checked, extended
from services.accounts.second_factor import SecondFactorService
from services.accounts.sessions import SessionService, SignedIn
from services.accounts.standing import has_second_factor
from services.accounts.verification import VerificationService
from services.adapters.issuers import ForeignPerson
from services.adapters.openid import Flow, Provider
from services.adapters.tickets import Tickets

FLOW, CODE = "oidc-flow", "oidc-code"
FLOW_SECONDS = 600
CODE_SECONDS = 60
# While a second factor is asked for: the code alone is worth nothing then.
ASKED_SECONDS = 300
STRANGE = "This sign-in was not begun in this browser, or took too long. Please start again."
SPENT = "This code is not valid, or was used already. Please start again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    enabled: bool
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """`url` is the provider's; `mark` is for the browser to keep until it comes back."""

    url: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What the provider has sent the browser back with."""

    state: str
    code: str
    error: str
    issuer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """`location` is where the browser goes on to; without, `signed_in` is the answer itself."""

    location: str | None = None
    signed_in: SignedIn | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdService:
    provider: Provider | None
    name: str
    tickets: Tickets
    accounts: IdentityService
    identities: Identities
    users: Users
    sessions: SessionService
    second_factors: SecondFactorService
    verification: VerificationService
    # REGISTRATION_MODE: only an open one takes people who are new here.
    takes_new_people: bool
    origins: tuple[str, ...]
    now: Callable[[], datetime]

    def offer(self) -> Offer:
        return Offer(enabled=self.provider is not None, name=self.name)

    def start(self, return_to: str) -> Started:
        """Raises `NotFound` while this is off, `Unavailable` while the provider is away."""
        provider = self._provider()
        flow = Flow(state=_secret(), nonce=_secret(), verifier=_secret())
        kept = {
            "nonce": flow.nonce,
            "verifier": flow.verifier,
            "return_to": checked(return_to, self.origins),
        }
        url = provider.address_of(flow)
        self.tickets.put(FLOW, flow.state, kept, FLOW_SECONDS)
        return Started(url=url, mark=_mark(flow.state))

    def finish(
        self, returned: Returned, *, mark: str, device: Device, lifetime: timedelta
    ) -> Finished:
        """Sign in whoever the provider says came back.

        A failure is told to `return_to`, where there is one: a browser shows this to a person.
        """
        provider = self._provider()
        flow, return_to = self._begun(returned.state, mark)
        try:
            user, is_strong = self._identified(provider, flow, returned)
            if return_to:
                return Finished(location=extended(return_to, code=self._code(user, is_strong)))
            if has_second_factor(user) and not is_strong:
                raise SecondFactorNeeded("Start again from an app that can ask for your code.")
        except ClutchError as refused:
            if not return_to:
                raise
            said = {"error": refused.code, "error_description": refused.message}
            return Finished(location=extended(return_to, **said))
        return Finished(signed_in=self._signed_in(user, device, lifetime))

    def exchange(self, code: str, otp: str, *, device: Device, lifetime: timedelta) -> SignedIn:
        """Trade the code that `return_to` was given for tokens, once.

        Raises `Unauthorized`; `SecondFactorNeeded` where `otp` is missing, with which the same
        code may be shown again.
        """
        self._provider()
        ticket = self.tickets.take(CODE, code)
        user = self.users.get(ticket["user_id"]) if ticket else None
        if ticket is None or user is None:
            raise Unauthorized(SPENT)
        if not ticket["is_strong"]:
            try:
                self.second_factors.demand(user, otp, device.address)
            except ClutchError:
                self.tickets.put(CODE, code, ticket, ASKED_SECONDS)
                raise
        return self._signed_in(user, device, lifetime)

    def _provider(self) -> Provider:
        if self.provider is None:
            raise NotFound("Signing in with an account elsewhere is not set up here.")
        return self.provider

    def _begun(self, state: str, mark: str) -> tuple[Flow, str]:
        """What was begun under this state, in this very browser. It is used up."""
        # The browser first: nobody else can use up what was begun there.
        if not hmac.compare_digest(_mark(state).encode(), mark.encode()):
            raise Invalid(STRANGE)
        kept = self.tickets.take(FLOW, state)
        if kept is None:
            raise Invalid(STRANGE)
        flow = Flow(state=state, nonce=kept["nonce"], verifier=kept["verifier"])
        return flow, kept["return_to"]

    def _identified(self, provider: Provider, flow: Flow, returned: Returned) -> tuple[User, bool]:
        """Whose account it is, and whether the provider has asked for a second factor."""
        if returned.error or not returned.code:
            raise Unauthorized("The sign-in was cancelled, or refused by the provider.")
        found = provider.identify(returned.code, flow, returned.issuer)
        if not self.takes_new_people and self._is_new(found.person):
            raise Forbidden("You have no account here, and registration is not open.")
        user = self.accounts.user_of(found.person)
        self.verification.demand(user)
        return user, found.is_strong

    def _is_new(self, person: ForeignPerson) -> bool:
        linked = self.identities.find(person.issuer, person.subject)
        return linked is None and self.users.by_login(normal_login(person.email)) is None

    def _code(self, user: User, is_strong: bool) -> str:  # noqa: FBT001 - told as it was found
        code = _secret()
        content = {"user_id": user.id, "is_strong": "yes" if is_strong else ""}
        self.tickets.put(CODE, code, content, CODE_SECONDS)
        return code

    def _signed_in(self, user: User, device: Device, lifetime: timedelta) -> SignedIn:
        self.users.logged_in(user.id, self.now())
        return self.sessions.open(user, device=device, lifetime=lifetime)


def _secret() -> str:
    return secrets.token_urlsafe(32)


def _mark(state: str) -> str:
    return sha256(f"browser:{state}".encode()).hexdigest()
