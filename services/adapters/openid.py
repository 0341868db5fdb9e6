"""An OpenID Connect provider: the authorization code flow with PKCE, by Authlib.

Trusted is what its ID token says, once these hold: a key of the provider's own JWKS signed it by
that key's algorithm, and issuer, audience, expiry and nonce are those of this very sign-in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError  # what Authlib's claims raise
from jwt.types import Options

from models.errors import Unauthorized, Unavailable
from services.adapters.issuers import ForeignPerson
from services.adapters.public_keys import PublicKeys

log = logging.getLogger(__name__)

SCOPE = "openid email profile"
# To connect, and to answer.
TIMEOUT_SECONDS = (3, 5)
DISCOVERED_FOR = timedelta(hours=1)
# After a failure others are told at once, instead of waiting for the same.
PAUSE = timedelta(seconds=5)
# What the clocks of two servers may differ by.
LEEWAY_SECONDS = 60
NAME_LENGTH = 100
AWAY = "The sign-in provider does not answer. Please try again."
REFUSED = "The sign-in provider did not confirm who you are. Please start again."

# Times, audience and issuer are judged with the nonce, by the clock of the services.
SIGNATURE_ONLY: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The secrets of one sign-in: they tie what comes back to who set out."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    person: ForeignPerson
    # A second factor was shown to the provider (RFC 8176).
    is_strong: bool


class Provider(Protocol):
    def address_of(self, flow: Flow) -> str:
        """Where to send the browser. Raises `Unavailable` while the provider is away."""
        ...

    def identify(self, code: str, flow: Flow, issuer: str | None = None) -> Identified:
        """Who came back with this code. Raises `Unauthorized` or `Unavailable`.

        `issuer` is who the answer says it is from, if it does (RFC 9207).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """What of the discovery document is used here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    token_auth_method: str | None
    says_issuer: bool
    keys: PublicKeys
    at: datetime


class OpenIdProvider:
    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        now: Callable[[], datetime],
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._now = now
        self._known: Discovered | None = None
        self._failed: datetime | None = None
        self._asking = Lock()

    def address_of(self, flow: Flow) -> str:
        provider = self._discovered()
        with self._session(provider) as session:
            url, _ = session.create_authorization_url(
                provider.authorization_endpoint,
                state=flow.state,
                nonce=flow.nonce,
                code_verifier=flow.verifier,
            )
        return url

    def identify(self, code: str, flow: Flow, issuer: str | None = None) -> Identified:
        provider = self._discovered()
        if (issuer is not None or provider.says_issuer) and issuer != provider.issuer:
            raise Unauthorized(REFUSED)
        with self._session(provider) as session:
            try:
                said = self._exchange(session, provider, code, flow)
            except OAuthError as refused:
                log.warning("a sign-in was refused", extra={"why": refused.error})
                raise Unauthorized(REFUSED) from refused
            except (requests.RequestException, ValueError) as failure:
                log.warning("no answer from the provider", extra={"why": str(failure)})
                raise Unavailable(AWAY) from failure
        amr = said.get("amr") or ()
        return Identified(person=_person(provider.issuer, said), is_strong="mfa" in amr)

    def _exchange(self, session: Any, provider: Discovered, code: str, flow: Flow) -> Claims:
        token: Any = session.fetch_token(
            provider.token_endpoint,
            grant_type="authorization_code",
            code=code,
            code_verifier=flow.verifier,
        )
        claims = self._verified(provider, token, flow.nonce)
        if claims.get("email") or not provider.userinfo_endpoint:
            return claims
        # Some providers tell more than who it is only here.
        answer = session.get(provider.userinfo_endpoint)
        answer.raise_for_status()
        more = answer.json()
        if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
            raise Unauthorized(REFUSED)
        # How they signed in is believed only where it is signed.
        return {**more, "amr": None, **claims}

    def _verified(self, provider: Discovered, token: Claims, nonce: str) -> Claims:
        """The claims of the ID token; raises `Unauthorized` unless all of it is right."""
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise Unauthorized(REFUSED)
        try:
            key = provider.keys.find(str(jwt.get_unverified_header(id_token).get("kid", "")))
            if key is None:
                raise Unauthorized(REFUSED)
            signed = jwt.decode_complete(
                id_token,
                key,
                algorithms=[key.algorithm_name],
                options=SIGNATURE_ONLY,
            )
            self._claims(provider, token, signed, nonce).validate(
                now=int(self._now().timestamp()), leeway=LEEWAY_SECONDS
            )
        except (jwt.PyJWTError, JoseError) as invalid:
            log.warning("an ID token was refused", extra={"why": repr(invalid)})
            raise Unauthorized(REFUSED) from invalid
        return signed["payload"]

    def _claims(
        self, provider: Discovered, token: Claims, signed: Claims, nonce: str
    ) -> CodeIDToken:
        expected = {"iss": provider.issuer, "aud": self._client_id, "nonce": nonce}
        return CodeIDToken(
            signed["payload"],
            signed["header"],
            {name: {"essential": True, "value": value} for name, value in expected.items()},
            {
                "nonce": nonce,
                "client_id": self._client_id,
                "access_token": token.get("access_token"),
            },
        )

    def _session(self, provider: Discovered) -> Any:
        """A `requests.Session`, which has no types of its own."""
        return OAuth2Session(
            self._client_id,
            self._client_secret or None,
            token_endpoint_auth_method=provider.token_auth_method,
            scope=SCOPE,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            default_timeout=TIMEOUT_SECONDS,
        )

    def _discovered(self) -> Discovered:
        with self._asking:
            if self._known is None or self._now() - self._known.at > DISCOVERED_FOR:
                if self._failed and self._now() - self._failed < PAUSE:
                    raise Unavailable(AWAY)
                self._known = self._discover()
            return self._known

    def _discover(self) -> Discovered:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            answer = requests.get(url, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            return self._read(answer.json())
        except (requests.RequestException, ValueError) as failure:
            log.warning("no discovery document", extra={"url": url, "why": str(failure)})
            self._failed = self._now()
            raise Unavailable(AWAY) from failure

    def _read(self, said: Any) -> Discovered:
        """Raises `ValueError` for what is no discovery document of this issuer."""
        issuer = _address(said, "issuer")
        if issuer.rstrip("/") != self._issuer.rstrip("/"):
            raise ValueError(f"it is {issuer}'s, and OIDC_ISSUER is {self._issuer}")
        methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        posts = bool(self._client_secret) and "client_secret_basic" not in methods
        return Discovered(
            issuer=issuer,
            authorization_endpoint=_address(said, "authorization_endpoint"),
            token_endpoint=_address(said, "token_endpoint"),
            userinfo_endpoint=str(said.get("userinfo_endpoint") or ""),
            token_auth_method="client_secret_post" if posts else None,
            says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
            keys=PublicKeys(_address(said, "jwks_uri"), self._now),
            at=self._now(),
        )


def _address(said: Any, name: str) -> str:
    found = said.get(name) if isinstance(said, dict) else None
    if not isinstance(found, str) or urlsplit(found).scheme not in {"http", "https"}:
        raise ValueError(f"{name} is not an address")
    return found


def _person(issuer: str, said: Claims) -> ForeignPerson:
    subject = said.get("sub")
    if not isinstance(subject, str) or not subject:
        raise Unauthorized(REFUSED)
    username = _text(said, "preferred_username").partition("@")[0]
    picture = _text(said, "picture")
    return ForeignPerson(
        issuer=issuer,
        subject=subject,
        email=_text(said, "email"),
        # As a text by some, against the standard.
        email_verified=said.get("email_verified") in (True, "true"),
        username=username or _text(said, "email").partition("@")[0],
        display_name=_text(said, "name")[:NAME_LENGTH] or username,
        avatar_url=picture if picture.startswith(("https://", "http://")) else "",
    )


def _text(said: Claims, name: str) -> str:
    value = said.get(name)
    return "".join(filter(str.isprintable, value)).strip() if isinstance(value, str) else ""
