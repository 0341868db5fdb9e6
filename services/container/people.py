"""Wiring: people's profiles, what they watched and when they were active."""

from __future__ import annotations

from typing import Any

from services.accounts.sessions import SessionService
from services.accounts.verification import VerificationService
from services.container.accounts import lockout
from services.container.parts import Parts
from services.people.history import HistoryService
from services.people.people import PeopleService
from services.remembered import Remembered

NOTED_SECONDS = 60
# How long who pauses their history may wait for it.
PAUSED_SECONDS = 5


def history(parts: Parts) -> HistoryService:
    paused: Remembered[str, bool] = Remembered(seconds=PAUSED_SECONDS)

    def is_paused(user_id: str) -> bool:
        return paused.one(user_id, lambda: parts.recipients.pauses_history(user_id))

    return HistoryService(
        history=parts.history,
        videos=parts.videos,
        noted=Remembered(seconds=NOTED_SECONDS),
        is_paused=is_paused,
        now=parts.now,
        new_id=parts.new_id,
    )


def people(
    parts: Parts,
    sessions: SessionService,
    history: HistoryService,
    verification: VerificationService,
) -> dict[str, Any]:
    """All of it, by the names that `Services` has for it."""
    return {"people": _people(parts, sessions, history, verification), "history": history}


def _people(
    parts: Parts,
    sessions: SessionService,
    history: HistoryService,
    verification: VerificationService,
) -> PeopleService:
    return PeopleService(
        users=parts.users,
        videos=parts.videos,
        follows=parts.follows,
        sessions=sessions,
        history=history,
        passwords=parts.passwords,
        lockout=lockout(parts),
        verification=verification,
        audit=parts.audit,
        now=parts.now,
    )
