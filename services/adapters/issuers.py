"""Issuers whose access tokens are accepted beside our own: Supabase, as 004's front-end sends them.

A token is believed for its signature, issuer and audience, and for being a person's: the keys that
Supabase calls `anon` and `service_role` are tokens as well, and open nothing here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import jwt
import orjson

from models.errors import Unauthorized

REFUSED = "Token is invalid or expired"
REQUIRED = ["exp", "iss", "aud", "sub"]
AUDIENCE = ROLE = "authenticated"
TOKEN_CHARACTERS = 8192
NAME_LENGTH = 100
URL_LENGTH = 2048
# What the clocks of two servers may differ by.
LEEWAY_SECONDS = 10

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignPerson:
    """Who somebody is elsewhere, as `issuer` vouches for it."""

    issuer: str
    subject: str
    email: str = ""
    email_verified: bool = False
    username: str = ""
    display_name: str = ""
    avatar_url: str = ""
    # 004: profiles.id == auth.users.id. What the account's id is to be, where that matters.
    user_id: str | None = None
    # When they proved who they are, in seconds since 1970: renewing a token does not change it.
    signed_in: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignToken:
    """What a token says that has been verified."""

    person: ForeignPerson
    # The issuer's own session, which outlives the token; else the token itself.
    session: str
    # Both in seconds since 1970.
    begins: int
    expires: int
    # A second factor was shown to the issuer.
    is_strong: bool


class Issuer(Protocol):
    def issued(self, token: str) -> bool:
        """Whether this says to be one of its tokens. Costs nothing, and proves nothing."""
        ...

    def read(self, token: str) -> ForeignToken:
        """Raises `Unauthorized`, or `Unavailable` while that cannot be told."""
        ...


class Keys(Protocol):
    def find(self, kid: str) -> jwt.PyJWK | None: ...


class SharedSecret:
    """One key for all tokens: a Supabase project with a JWT secret."""

    def __init__(self, secret: str) -> None:
        encoded = base64.urlsafe_b64encode(secret.encode()).decode()
        self._key = jwt.PyJWK({"kty": "oct", "alg": "HS256", "k": encoded})

    def find(self, kid: str) -> jwt.PyJWK:  # noqa: ARG002 - there is but one
        return self._key


@dataclass(frozen=True, slots=True, kw_only=True)
class Supabase:
    """`issuer` is the project's address and /auth/v1."""

    issuer: str
    keys: Keys
    now: Callable[[], datetime]

    def issued(self, token: str) -> bool:
        return _said(token).issuer == self.issuer

    def read(self, token: str) -> ForeignToken:
        try:
            key = self.keys.find(_said(token).key_id)
            found = _verified(token, key, self.issuer) if key else None
        except jwt.PyJWTError as invalid:
            raise Unauthorized(REFUSED) from invalid
        if found is None or not self._is_current(found):
            raise Unauthorized(REFUSED)
        return found

    def _is_current(self, token: ForeignToken) -> bool:
        now = self.now().timestamp()
        return token.begins - LEEWAY_SECONDS <= now < token.expires


class _Said(NamedTuple):
    """What a token says of itself: nothing to rely on, but which key to ask."""

    issuer: str = ""
    key_id: str = ""


@lru_cache(maxsize=2048)
def _said(token: str) -> _Said:
    """Read once: what is no token at all says nothing."""
    parts = token.split(".") if len(token) <= TOKEN_CHARACTERS else []
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return _Said()
    header, claims = _decoded(parts[0]), _decoded(parts[1])
    return _Said(issuer=_word(claims.get("iss")), key_id=_word(header.get("kid")))


def _decoded(part: str) -> Claims:
    try:
        found = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=4096)
def _verified(token: str, key: jwt.PyJWK, issuer: str) -> ForeignToken | None:
    """What a token says that `key` signed: read once, until the keys are fetched anew.

    Which algorithm is the key's to say: the one in the token's header has to be that.
    """
    claims = jwt.decode(
        token,
        key,
        algorithms=[key.algorithm_name],
        issuer=issuer,
        audience=AUDIENCE,
        # Times are judged at each use, by the clock that the services are given.
        options={
            "require": REQUIRED,
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
            "enforce_minimum_key_length": True,
        },
    )
    expires, begins = claims["exp"], claims.get("nbf", 0)
    person = _person(claims) if claims.get("role") == ROLE else None
    if person is None or not isinstance(expires, int) or not isinstance(begins, int):
        return None
    return ForeignToken(
        person=person,
        session=_text(claims, "session_id") or sha256(token.encode()).hexdigest(),
        expires=expires,
        begins=begins,
        is_strong=claims.get("aal") == "aal2",
    )


def _person(claims: Claims) -> ForeignPerson | None:
    try:
        subject = str(UUID(claims["sub"]))
    except ValueError:
        return None
    metadata = claims.get("user_metadata")
    said: Claims = metadata if isinstance(metadata, dict) else {}
    email = _text(claims, "email")
    local_part = email.partition("@")[0]
    username = _text(said, "user_name", "preferred_username", "name") or local_part
    return ForeignPerson(
        issuer=claims["iss"],
        subject=subject,
        email=email,
        # Not `user_metadata.email_verified`: people write that themselves.
        email_verified=claims.get("email_verified") is True,
        username=username,
        display_name=_text(said, "full_name", "name") or username,
        avatar_url=_url(said, "avatar_url", "picture"),
        user_id=subject,
        signed_in=_signed_in(claims),
    )


def _signed_in(claims: Claims) -> int:
    """The last entry of `amr`; of a token without, when it was issued."""
    methods = claims.get("amr")
    entries = methods if isinstance(methods, list) else []
    stamps = [entry.get("timestamp") for entry in entries if isinstance(entry, dict)]
    known = [stamp for stamp in stamps if isinstance(stamp, int)] or [claims.get("iat")]
    return max(stamp if isinstance(stamp, int) else 0 for stamp in known)


def _text(claims: Claims, *names: str) -> str:
    """The first of these claims that is a text; without what cannot be seen, and not too long."""
    for name in names:
        value = claims.get(name)
        shown = "".join(filter(str.isprintable, value)).strip() if isinstance(value, str) else ""
        if shown:
            return shown if name == "email" else shown[:NAME_LENGTH].strip()
    return ""


def _url(claims: Claims, *names: str) -> str:
    found = (claims.get(name) for name in names)
    return next((url for url in found if isinstance(url, str) and _is_web_address(url)), "")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return len(url) <= URL_LENGTH and parts.scheme in {"http", "https"} and bool(parts.hostname)
