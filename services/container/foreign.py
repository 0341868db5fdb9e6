"""Wiring: identities elsewhere, the tokens of others, and request signatures."""

from __future__ import annotations

from config import SettingError, Settings
from services.accounts.foreign import KNOWN_SECONDS, ForeignTokens
from services.accounts.identities import IdentityService
from services.accounts.signatures import RequestSignatures
from services.adapters.issuers import Keys, SharedSecret, Supabase
from services.adapters.public_keys import PublicKeys
from services.adapters.replays import RedisReplays
from services.container.parts import Parts
from services.remembered import Remembered

# RFC 7518 section 3.2, and what the library insists on.
SECRET_BYTES = 32


def identities(parts: Parts) -> IdentityService:
    return IdentityService(
        identities=parts.identities,
        users=parts.users,
        audit=parts.audit,
        now=parts.now,
        new_id=parts.new_id,
    )


def foreign_tokens(parts: Parts) -> ForeignTokens | None:
    """None unless a Supabase project is configured."""
    address = _supabase(parts.settings)
    if not address:
        return None
    secret = parts.settings.supabase_jwt_secret
    keys: Keys = (
        SharedSecret(secret)
        if secret
        else PublicKeys(f"{address}/.well-known/jwks.json", now=parts.now)
    )
    return ForeignTokens(
        issuer=Supabase(issuer=address, keys=keys, now=parts.now),
        accounts=identities(parts),
        users=parts.users,
        sessions=parts.sessions,
        live=parts.live,
        audit=parts.audit,
        known=Remembered(seconds=KNOWN_SECONDS),
        now=parts.now,
        new_id=parts.new_id,
    )


def signatures(parts: Parts) -> RequestSignatures | None:
    """None unless requests have to be signed."""
    if not parts.settings.request_signature_secret:
        return None
    return RequestSignatures(
        secret=parts.settings.request_signature_secret,
        window_seconds=parts.settings.request_signature_seconds,
        used=RedisReplays(parts.redis),
        now=parts.now,
    )


def _supabase(settings: Settings) -> str:
    """The issuer that the project's tokens name; empty if there is none."""
    url, secret = settings.supabase_url.rstrip("/"), settings.supabase_jwt_secret
    if secret and not url:
        raise SettingError("SUPABASE_JWT_SECRET needs SUPABASE_URL: the issuer of the tokens.")
    if 0 < len(secret.encode()) < SECRET_BYTES:
        raise SettingError("SUPABASE_JWT_SECRET is too short: HS256 needs at least 32 bytes.")
    if url and not url.startswith(("https://", "http://")):
        raise SettingError(f"SUPABASE_URL={url!r} is not usable: it begins with https://.")
    return f"{url}/auth/v1" if url else ""
