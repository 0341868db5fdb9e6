"""Wiring: signing in with an account elsewhere."""

from __future__ import annotations

from services.accounts.openid import OpenIdService
from services.accounts.registration import OPEN
from services.accounts.second_factor import SecondFactorService
from services.accounts.sessions import SessionService
from services.accounts.verification import VerificationService
from services.adapters.openid import OpenIdProvider
from services.adapters.tickets import RedisTickets
from services.container.foreign import identities
from services.container.parts import Parts

CALLBACK = "/auth/oidc/callback"


def openid(
    parts: Parts,
    sessions: SessionService,
    second_factors: SecondFactorService,
    verification: VerificationService,
) -> OpenIdService:
    return OpenIdService(
        provider=provider(parts),
        name=parts.settings.oidc_name,
        tickets=RedisTickets(parts.redis),
        accounts=identities(parts),
        identities=parts.identities,
        users=parts.users,
        sessions=sessions,
        second_factors=second_factors,
        verification=verification,
        takes_new_people=parts.settings.registration_mode == OPEN,
        origins=parts.settings.cors_origins,
        now=parts.now,
    )


def provider(parts: Parts) -> OpenIdProvider | None:
    """None unless OIDC_ISSUER and OIDC_CLIENT_ID are set."""
    settings = parts.settings
    if not (settings.oidc_issuer and settings.oidc_client_id):
        return None
    return OpenIdProvider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        redirect_uri=settings.base_url + CALLBACK,
        now=parts.now,
    )
