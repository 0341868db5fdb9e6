"""The weekly quota (003): how much somebody may upload from one Sunday, 00:00 UTC, to the next.

It is reserved before bytes are taken, by one conditional update: uploads that begin together cannot
exceed it. Who is refused, fails, gives up or lets an upload expire has it back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.database import Within
from models.errors import QuotaExceeded
from models.quotas import Quotas
from models.uploads import Reservation
from services.configuration import ConfigurationService

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaService:
    quotas: Quotas
    configuration: ConfigurationService
    now: Callable[[], datetime]

    def reserve(self, user_id: str, size_bytes: int, within: Within | None = None) -> None:
        """Raises `QuotaExceeded` if that is more than is left of this week."""
        week, limit = week_of(self.now()), self.configuration.limits().weekly_upload_limit_bytes
        if not self.quotas.reserve(
            user_id, size_bytes, week=week, limit_bytes=limit, within=within
        ):
            raise _exceeded(limit, week)

    def check(self, user_id: str, size_bytes: int) -> None:
        """Raises as `reserve` would, and reserves nothing."""
        week, limit = week_of(self.now()), self.configuration.limits().weekly_upload_limit_bytes
        if limit is not None and self.quotas.used(user_id, week) + size_bytes > limit:
            raise _exceeded(limit, week)

    def release(self, user_id: str, reserved: Reservation, within: Within | None = None) -> None:
        """Give back what was taken this week; what was taken in an earlier one is forgotten."""
        if reserved.held_bytes:
            self.quotas.release(user_id, reserved.held_bytes, week=reserved.week, within=within)

    def cover(self, user_id: str, reserved: Reservation, upto: int, within: Within) -> Reservation:
        """Reserve more, or give some back, until a file is covered up to just there."""
        week = week_of(self.now())
        held = reserved.held_bytes if reserved.week == week else 0
        more = upto - reserved.covered_bytes
        if more > 0:
            self.reserve(user_id, more, within)
        elif more < 0:
            more = -min(-more, held)
            self.quotas.release(user_id, -more, week=week, within=within)
        return Reservation(covered_bytes=upto, held_bytes=held + more, week=week)

    def none_yet(self) -> Reservation:
        return Reservation(covered_bytes=0, held_bytes=0, week=week_of(self.now()))

    def reset(self) -> int:
        """Begin the week for all rows at once. Who uploads meanwhile begins it for themselves."""
        return self.quotas.reset(week_of(self.now()))


def week_of(moment: datetime) -> datetime:
    """The Sunday, 00:00 UTC, on which the week of `moment` began."""
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.isoweekday() % 7)


def _exceeded(limit_bytes: int | None, week: datetime) -> QuotaExceeded:
    return QuotaExceeded(
        f"This is more than is left of the {limit_bytes} bytes that you may upload in a week."
        f" A new week begins on {week + WEEK:%A, %Y-%m-%d} at 00:00 UTC."
    )
