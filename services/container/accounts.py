"""Wiring: accounts, sessions, and all else about who somebody is."""

from __future__ import annotations

from datetime import timedelta

from services.accounts.accounts import AccountService
from services.accounts.lockout import Lockout
from services.accounts.registration import Registration
from services.accounts.second_factor import SecondFactorService
from services.accounts.secrets_box import SecretsBox
from services.accounts.sessions import SessionService
from services.accounts.verification import VerificationService
from services.adapters.attempts import RedisAttempts
from services.container.foreign import foreign_tokens
from services.container.parts import Parts


def sessions(parts: Parts) -> SessionService:
    return SessionService(
        sessions=parts.sessions,
        users=parts.users,
        live=parts.live,
        tokens=parts.tokens,
        foreign=foreign_tokens(parts),
        audit=parts.audit,
        second_factor_roles=frozenset(parts.settings.mfa_required_roles),
        refresh_lifetime=timedelta(days=parts.settings.refresh_token_days),
        now=parts.now,
        new_id=parts.new_id,
    )


def lockout(parts: Parts) -> Lockout:
    return Lockout(attempts=RedisAttempts(parts.redis), sessions=parts.sessions)


def second_factors(parts: Parts, sessions: SessionService) -> SecondFactorService:
    return SecondFactorService(
        users=parts.users,
        sessions=sessions,
        passwords=parts.passwords,
        lockout=lockout(parts),
        audit=parts.audit,
        box=SecretsBox(
            parts.settings.jwt_secret_key,
            "second factor",
            parts.settings.jwt_secret_key_previous,
        ),
        required_roles=parts.settings.mfa_required_roles,
        now=parts.now,
    )


def accounts(
    parts: Parts,
    sessions: SessionService,
    second_factors: SecondFactorService,
    verification: VerificationService,
    registration: Registration,
) -> AccountService:
    return AccountService(
        users=parts.users,
        videos=parts.videos,
        sessions=sessions,
        passwords=parts.passwords,
        second_factors=second_factors,
        verification=verification,
        registration=registration,
        lockout=lockout(parts),
        audit=parts.audit,
        now=parts.now,
        new_id=parts.new_id,
    )
