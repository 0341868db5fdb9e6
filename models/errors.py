"""Everything that can go wrong, said in the domain's words.

These classes know nothing of HTTP: each API family gives them its own status and body
(`blueprints/http/dialect.py`). Raise one of these, or let a bug be a bug; there is no third kind.

    ClutchError
      Unauthorized          who you are is not known, or no longer
        SecondFactorNeeded  the password is right, and a code is asked for
      Forbidden             you are known, and may not
        EmailNotVerified    not before the address is verified
        SecondFactorMissing not before a second factor is set up
        QuotaExceeded       003: not this week any more
        StreamLimitReached  not while so much else of yours plays
      GeoBlocked            not from where you are
      NotFound              it is not there, or you may not know that it is
      Invalid               the request itself is wrong
        MissingToken        001: a playback token belongs in the query string
        UnsupportedFormat   003: not a kind of file that is accepted
        TooLarge
        ChecksumMismatch    what arrived is not what was sent
        InvitationInvalid   003: unknown, used, revoked, or for another address
      Expired               it was yours for a while, and that is over
        InvitationExpired   003
      Conflict
        Locked              somebody else is at it just now
        Stale               it was changed since you looked
      RateLimited
      Unavailable           something CLUTCH needs does not answer; trying again may help
        Busy                others change the same, and it did not come to an end
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ClutchError(Exception):
    """An expected failure. `code` is stable, and clients may match on it."""

    code = "SERVER_ERROR"

    def __init__(self, message: str, *, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields or {}
        # What a client may want to show or act on, beside the message.
        self.details: Mapping[str, Any] = {}


class Unauthorized(ClutchError):
    code = "UNAUTHORIZED"


class SecondFactorNeeded(Unauthorized):
    code = "MFA_REQUIRED"


class Forbidden(ClutchError):
    code = "FORBIDDEN"


class EmailNotVerified(Forbidden):
    code = "EMAIL_NOT_VERIFIED"


class SecondFactorMissing(Forbidden):
    code = "MFA_ENROLMENT_REQUIRED"


class QuotaExceeded(Forbidden):
    code = "QUOTA_EXCEEDED"


class StreamLimitReached(Forbidden):
    code = "STREAM_LIMIT_REACHED"

    def __init__(
        self,
        message: str,
        *,
        fields: dict[str, list[str]] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, fields=fields)
        self.details = details or {}


class GeoBlocked(ClutchError):
    code = "GEO_BLOCKED"


class NotFound(ClutchError):
    code = "NOT_FOUND"


class Invalid(ClutchError):
    code = "VALIDATION_ERROR"


class MissingToken(Invalid):
    pass


class UnsupportedFormat(Invalid):
    code = "FILE_FORMAT_NOT_SUPPORTED"


class TooLarge(Invalid):
    code = "PAYLOAD_TOO_LARGE"


class ChecksumMismatch(Invalid):
    code = "CHECKSUM_MISMATCH"


class InvitationInvalid(Invalid):
    code = "INVITATION_INVALID"


class Expired(ClutchError):
    code = "GONE"


class InvitationExpired(Expired):
    code = "INVITATION_EXPIRED"


class Conflict(ClutchError):
    code = "CONFLICT"


class Locked(Conflict):
    code = "LOCKED"


class Stale(Conflict):
    code = "PRECONDITION_FAILED"


class RateLimited(ClutchError):
    code = "RATE_LIMITED"

    def __init__(
        self,
        message: str,
        *,
        fields: dict[str, list[str]] | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message, fields=fields)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(ClutchError):
    code = "SERVICE_UNAVAILABLE"


class Busy(Unavailable):
    pass


class BadMedia(Exception):
    """A file that no retry will turn into a video.

    `reason` is a stable word (`not_a_video`, `truncated`, ...); the message is for its owner.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
