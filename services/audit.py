"""Writing down what happens to accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.audit import Action, AuditEntry, AuditLog
from models.documents import identity
from services.adapters.logs import REQUEST_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    log: AuditLog
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def record(
        self,
        action: Action,
        *,
        user_id: str | None = None,
        actor_id: str | None = None,
        address: str = "",
        **details: str,
    ) -> None:
        """`user_id` is whose account it is; `actor_id` who did it. Never put a secret in here."""
        self.log.add(
            AuditEntry(
                **identity(self.new_id()),
                at=self.now(),
                action=action,
                user_id=user_id,
                actor_id=actor_id,
                address=address,
                request_id=REQUEST_ID.get(),
                details=details,
            )
        )
