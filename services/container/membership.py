"""Wiring: who may register, invitations, administration, and the end of an account."""

from __future__ import annotations

from collections.abc import Callable

from models.database import Transactions
from services.accounts.invitations import InvitationService
from services.accounts.registration import Registration
from services.accounts.second_factor import SecondFactorService
from services.accounts.sessions import SessionService
from services.container.accounts import lockout
from services.container.parts import Parts
from services.mailing import MailService
from services.people.administration import AdministrationService
from services.people.deletion import DeletionService
from services.people.export import ExportService
from services.people.operating import OperatingService


def registration(parts: Parts) -> Registration:
    return Registration(
        mode=parts.settings.registration_mode,
        users=parts.users,
        invitations=parts.invitations,
        transactions=Transactions(parts.mongo),
        now=parts.now,
    )


def invitations(
    parts: Parts, registration: Registration, mailing: MailService
) -> InvitationService:
    return InvitationService(
        invitations=parts.invitations,
        registration=registration,
        users=parts.users,
        mailing=mailing,
        audit=parts.audit,
        base_url=parts.settings.base_url,
        now=parts.now,
        new_id=parts.new_id,
    )


def administration(parts: Parts, sessions: SessionService) -> AdministrationService:
    return AdministrationService(
        users=parts.users,
        sessions=sessions,
        log=parts.audit_log,
        audit=parts.audit,
        now=parts.now,
    )


def deletion(
    parts: Parts, sessions: SessionService, second_factors: SecondFactorService
) -> DeletionService:
    return DeletionService(
        users=parts.users,
        videos=parts.videos,
        mails=parts.mails,
        sessions=sessions,
        storage=parts.storage,
        queue=parts.queue,
        events=parts.events,
        passwords=parts.passwords,
        second_factors=second_factors,
        lockout=lockout(parts),
        audit=parts.audit,
        forgetting=_each(parts, "forget_all_of"),
        forgetting_videos=_each(parts, "forget_video"),
        now=parts.now,
    )


def _each(parts: Parts, name: str) -> tuple[Callable[[str], object], ...]:
    """This method of every repository that has it."""
    known = (getattr(repository, name, None) for repository in parts.repositories)
    return tuple(method for method in known if method)


def export(parts: Parts) -> ExportService:
    return ExportService(
        users=parts.users,
        sessions=parts.sessions,
        invitations=parts.invitations,
        videos=parts.videos,
        broadcasts=parts.broadcasts,
        history=parts.history,
        comments=parts.comments,
        playlists=parts.playlists,
        playlist_items=parts.playlist_items,
        shares=parts.shares,
        notifications=parts.notifications,
        log=parts.audit_log,
        audit=parts.audit,
        now=parts.now,
    )


def operating(parts: Parts, sessions: SessionService) -> OperatingService:
    return OperatingService(
        users=parts.users,
        sessions=sessions,
        passwords=parts.passwords,
        lockout=lockout(parts),
        audit=parts.audit,
        now=parts.now,
        new_id=parts.new_id,
    )
