"""What 003 and 004 call the states that 000 names `uploaded`, `processing`, `ready`, `error`."""

from __future__ import annotations

from models.video import ProcessingStatus

STATUS_WORDS = {
    ProcessingStatus.UPLOADED: "pending",
    ProcessingStatus.PROCESSING: "processing",
    ProcessingStatus.READY: "completed",
    ProcessingStatus.ERROR: "failed",
}
