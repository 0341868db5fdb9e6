"""Signed tokens: access (who you are), refresh (stay signed in), playback (this video, now).

All are HS256 JWTs with 000's issuer and audience. `typ` keeps one kind from passing as another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import jwt
import orjson
from jwt.algorithms import HMACAlgorithm

from models.errors import Unauthorized
from models.user import Role, User
from models.video import Video

ISSUER = "clutch-platform"
AUDIENCE = "clutch-users"
REQUIRED = ["exp", "iat", "iss", "aud", "typ", "user_id"]

Claims = Mapping[str, Any]


class TokenType(StrEnum):
    ACCESS = "access"
    REFRESH = "refresh"
    PLAYBACK = "playback"


# 001's words for the first and the last.
REFUSED = {
    TokenType.ACCESS: "Token is invalid or expired",
    TokenType.REFRESH: "Refresh token is invalid or expired",
    TokenType.PLAYBACK: "Invalid or expired playback token",
}

# What each kind says of its own, all of it text.
CLAIMS = {
    TokenType.ACCESS: ("user_id", "sid"),
    TokenType.REFRESH: ("user_id", "sid"),
    TokenType.PLAYBACK: ("user_id", "video_id"),
}


def shown_role(role: Role) -> str:
    """000 calls 002's viewer a user."""
    return "user" if role is Role.VIEWER else role.value


@lru_cache(maxsize=4096)
def _verified(token: str, secret: str) -> Claims:
    """The claims of a token that we signed; a signature does not change, so it is checked once."""
    return jwt.decode(
        token,
        secret,
        algorithms=["HS256"],
        issuer=ISSUER,
        audience=AUDIENCE,
        # Expiry is judged at each use, by the clock that the services are given.
        options={"require": REQUIRED, "verify_exp": False, "verify_iat": False},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    secret: str
    # Accepted as well while one secret is exchanged for another; empty: none.
    previous: str = ""
    playback_lifetime: timedelta
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def access(self, user: User, session_id: str, lifetime: timedelta) -> str:
        claims = {
            "user_id": user.id,
            "username": user.username,
            "email": user.email,
            "display_name": user.display_name,
            "avatar_url": user.avatar_url,
            "role": shown_role(user.role),
            "sid": session_id,
            "jti": self.new_id(),
        }
        return self._sign(TokenType.ACCESS, claims, lifetime)

    def refresh(self, user_id: str, session_id: str, lifetime: timedelta) -> str:
        claims = {"user_id": user_id, "sid": session_id, "jti": self.new_id()}
        return self._sign(TokenType.REFRESH, claims, lifetime)

    def playback(self, user_id: str, video: Video) -> str:
        claims = {"user_id": user_id, "video_id": video.id}
        return self._sign(TokenType.PLAYBACK, claims, self.playback_lifetime)

    def read(self, token: str, typ: TokenType) -> Claims:
        """The claims of a token of kind `typ`; raises `Unauthorized` for anything else."""
        try:
            claims = self._verified(token)
        except jwt.InvalidTokenError as invalid:
            raise Unauthorized(REFUSED[typ]) from invalid
        whole = all(isinstance(claims.get(name), str) for name in CLAIMS[typ])
        if claims["typ"] != typ or not whole or not self._is_current(claims["exp"]):
            raise Unauthorized(REFUSED[typ])
        return claims

    def _verified(self, token: str) -> Claims:
        try:
            return _verified(token, self.secret)
        except jwt.InvalidSignatureError:
            if not self.previous:
                raise
            return _verified(token, self.previous)

    def _is_current(self, expires: object) -> bool:
        return isinstance(expires, int) and expires > self.now().timestamp()

    def _sign(self, typ: TokenType, claims: Claims, lifetime: timedelta) -> str:
        issued = int(self.now().timestamp())
        registered = {
            "typ": typ.value,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": issued,
            "exp": issued + int(lifetime.total_seconds()),
        }
        # A dashboard signs one for each video.
        said = orjson.dumps({**claims, **registered})
        return _SIGNER.encode(said, self.secret, algorithm="HS256")


class _KnownSecret(HMACAlgorithm):
    """Does not look anew, for each token, whether our own secret is a key of some other kind."""

    def prepare_key(self, key: str | bytes) -> bytes:
        return key.encode() if isinstance(key, str) else key


def _signer() -> jwt.PyJWS:
    signer = jwt.PyJWS()
    signer.unregister_algorithm("HS256")
    signer.register_algorithm("HS256", _KnownSecret(HMACAlgorithm.SHA256))
    return signer


_SIGNER = _signer()
