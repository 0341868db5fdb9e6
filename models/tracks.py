"""Tracks beside the picture: captions, and sound in several languages. They lie in their video.

A sound that was uploaded goes one way; its segments are there once it is ready:

    waiting --encoded--> ready
            --refused--> failed, with a reason for the video's owner
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TextKind(StrEnum):
    """Subtitles translate what is said; captions are for who does not hear the rest either."""

    SUBTITLES = "subtitles"
    CAPTIONS = "captions"


class TrackState(StrEnum):
    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A text track. `language` is a BCP 47 tag; what it says never changes under one `id`."""

    id: str
    language: str
    label: str
    kind: TextKind = TextKind.SUBTITLES
    # Shown without being asked for.
    is_default: bool = False
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrack:
    """A sound to choose. `language` is a BCP 47 tag, or empty where nobody said which it is."""

    id: str
    language: str
    label: str
    # The sound that is packaged with the picture; the others have a folder of their own.
    is_main: bool = False
    # It came with the video, rather than after it.
    is_of_source: bool = False
    state: TrackState = TrackState.READY
    error_code: str | None = None
    error_message: str | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackWork:
    """How far the manifests are behind the tracks.

    Every change of a track makes a new revision. `due_at` is when somebody should write manifests
    (again); None once those of the revision are written. From `tidy_at` on nobody can be watching
    by older ones any more.
    """

    revision: int = 0
    attempts: int = 0
    due_at: datetime | None = None
    tidy_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """Manifests that name all tracks: in `folder`, over the renditions in the folder `base`.

    `captions` are the ids of those that are packaged, and named.
    """

    folder: str
    base: str
    captions: tuple[str, ...] = ()
