"""The audit log: what happened to accounts, for an admin who has to find out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pymongo import DESCENDING, IndexModel
from pymongo.collection import Collection

from models.documents import After, Document, Entity, from_doc, to_doc

YEAR_SECONDS = 365 * 24 * 3600


class Action(StrEnum):
    SIGNED_UP = "signed_up"
    SIGNED_UP_AGAIN = "signed_up_again"
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    LOCKED_OUT = "locked_out"
    SESSION_ENDED = "session_ended"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105 - not a password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - not a password
    PASSWORD_RESET_REQUESTED = "password_reset_requested"  # noqa: S105 - not a password
    PASSWORD_RESET = "password_reset"  # noqa: S105 - not a password
    EMAIL_CHANGED = "email_changed"
    EMAIL_VERIFIED = "email_verified"
    MFA_ENABLED = "mfa_enabled"
    MFA_DISABLED = "mfa_disabled"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    IDENTITY_LINKED = "identity_linked"
    ROLE_CHANGED = "role_changed"
    DEACTIVATED = "deactivated"
    ACTIVATED = "activated"
    DELETED = "deleted"
    EXPORTED = "exported"
    INVITED = "invited"
    INVITATION_REVOKED = "invitation_revoked"
    CONFIGURATION_CHANGED = "configuration_changed"
    VIDEO_DELETED = "video_deleted"
    VIDEO_RESTORED = "video_restored"
    WEBHOOK_ADDED = "webhook_added"
    WEBHOOK_REMOVED = "webhook_removed"
    WEBHOOK_SECRET_REPLACED = "webhook_secret_replaced"  # noqa: S105 - not a password
    PROCESSING_CANCELLED = "processing_cancelled"
    PROCESSING_RETRIED = "processing_retried"
    COMMENT_HIDDEN = "comment_hidden"
    COMMENT_SHOWN = "comment_shown"
    COMMENT_DELETED = "comment_deleted"
    REPORT_RESOLVED = "report_resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry(Entity):
    """`user_id` is whose account it is, `actor_id` who did it (none: nobody who is signed in)."""

    at: datetime
    action: Action
    user_id: str | None = None
    actor_id: str | None = None
    address: str = ""
    # Finds the line in the log that belongs to this.
    request_id: str | None = None
    details: dict[str, str] = field(default_factory=dict)


class AuditLog:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel([("at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("user_id", 1), ("at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("action", 1), ("at", DESCENDING), ("_id", DESCENDING)]),
        # A TTL index has one key.
        IndexModel("at", expireAfterSeconds=YEAR_SECONDS),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, entry: AuditEntry) -> None:
        self.collection.insert_one(to_doc(entry))

    def newest(
        self,
        *,
        user_id: str | None = None,
        action: Action | None = None,
        after: After | None = None,
        limit: int,
    ) -> list[AuditEntry]:
        """The newest first; `after` is the time and `oid` of the last one of the page before."""
        where: Document = {"user_id": user_id} if user_id else {}
        where |= {"action": action} if action else {}
        where |= after.beyond("at") if after else {}
        order = [("at", DESCENDING), ("_id", DESCENDING)]
        found = self.collection.find(where).sort(order).limit(limit)
        return [from_doc(AuditEntry, doc) for doc in found]

    def every_one_of(self, user_id: str) -> Iterator[AuditEntry]:
        """For the export of somebody's data: as many as there are, few at a time in memory."""
        found = self.collection.find({"user_id": user_id}).sort("at", DESCENDING)
        return (from_doc(AuditEntry, doc) for doc in found.batch_size(200))

    def forget_all_of(self, user_id: str) -> None:
        """For a person who is deleted: what happened stays, from where and with what does not."""
        values = {"address": "", "details": {}}
        self.collection.update_many({"user_id": user_id}, {"$set": values})
