"""Wiring: accounts, sessions, and all else about who somebody is."""

from __future__ import annotations

from datetime import timedelta

from services.accounts import AccountService
from services.adapters.attempts import RedisAttempts
from services.container.parts import Parts
from services.lockout import Lockout
from services.sessions import SessionService


def sessions(parts: Parts) -> SessionService:
    return SessionService(
        sessions=parts.sessions,
        users=parts.users,
        live=parts.live,
        tokens=parts.tokens,
        audit=parts.audit,
        refresh_lifetime=timedelta(days=parts.settings.refresh_token_days),
        now=parts.now,
        new_id=parts.new_id,
    )


def accounts(parts: Parts, sessions: SessionService) -> AccountService:
    return AccountService(
        users=parts.users,
        videos=parts.videos,
        sessions=sessions,
        passwords=parts.passwords,
        lockout=Lockout(attempts=RedisAttempts(parts.redis), sessions=parts.sessions),
        audit=parts.audit,
        now=parts.now,
        new_id=parts.new_id,
    )
