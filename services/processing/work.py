"""What the steps of one run share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from models.video import Video
from services.processing import ladder
from services.processing.heartbeat import Heartbeat, LostLease

T = TypeVar("T")
# Doubled with each attempt that failed.
BACKOFF_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A video under a lease, its source as a local file, and a folder to work in."""

    video: Video
    lease: str
    source: Path
    folder: Path
    info: ladder.MediaInfo
    heartbeat: Heartbeat


def hold(still_ours: T | None) -> T:
    """What an update under the lease answered; raises `LostLease` if it changed nothing."""
    if not still_ours:
        raise LostLease
    return still_ours


def version_name(video: Video, number: int) -> str:
    """The folder of a published version: v0 is early, v1 the lowest rendition, v2 all of them.

    Each edition of a video has folders of its own, because what is published is never changed.
    """
    edition = video.processing.edition
    return f"e{edition}v{number}" if edition else f"v{number}"
