"""What storage should hold of a video, and how that differs from what it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.video import ProcessingStatus, Video
from services.adapters.media.packager import MASTER
from services.adapters.storage import Entry
from services.library.holdings import Holding
from services.videos.keys import (
    caption_key,
    chunks_key,
    kept_key,
    keys_of,
    playback_key,
    poster_key,
    source_key,
    thumbnails_key,
)

SETTLED = frozenset({ProcessingStatus.READY, ProcessingStatus.ERROR})


class Kind(StrEnum):
    # MongoDB points at it.
    MISSING = "missing"
    # Nothing does.
    ORPHANED = "orphaned"
    # It is there, and not what was stored.
    WRONG_SIZE = "wrong size"
    # It lies where CLUTCH keeps nothing.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference: a file, or a folder of `files`."""

    kind: Kind
    key: str
    video_id: str = ""
    size_bytes: int = 0
    files: int = 1
    # Of the newest of them.
    modified_at: datetime | None = None
    expected_bytes: int | None = None


def judged(holding: Holding, video: Video | None, *, is_awaited: bool) -> list[Finding]:
    """What differs; `is_awaited` is whether an upload under way may have put something there."""
    found = list(_orphans(holding, video, is_awaited=is_awaited))
    if video is not None and _is_kept(video):
        orphaned = sum(finding.size_bytes for finding in found)
        found += _missing(holding, video)
        found += _outweighed(holding, video, orphaned)
    return found


def _orphans(holding: Holding, video: Video | None, *, is_awaited: bool) -> Iterator[Finding]:
    for key in keys_of(holding.video_id):
        below = [entry for entry in holding.entries if entry.key.startswith(key)]
        if below and _is_orphaned(key, video, is_awaited=is_awaited):
            yield _finding(Kind.ORPHANED, key, holding.video_id, below)


def _is_orphaned(key: str, video: Video | None, *, is_awaited: bool) -> bool:
    if video is None:
        return not is_awaited
    if video.erased_at is not None:
        return True
    if key == source_key(video.id):
        return video.source is None and not is_awaited
    passing = (chunks_key(video.id), kept_key(video.id))
    return key in passing and video.processing_status in SETTLED


def _missing(holding: Holding, video: Video) -> Iterator[Finding]:
    stored = holding.sizes()
    for key, size_bytes in _expected(video).items():
        if key not in stored:
            yield Finding(kind=Kind.MISSING, key=key, video_id=video.id, expected_bytes=size_bytes)
        elif size_bytes is not None and stored[key] != size_bytes:
            yield Finding(
                kind=Kind.WRONG_SIZE,
                key=key,
                video_id=video.id,
                size_bytes=stored[key],
                expected_bytes=size_bytes,
            )


def _expected(video: Video) -> dict[str, int | None]:
    """What must be there, and how many bytes it must have where that is known."""
    found: dict[str, int | None] = {}
    if video.source is not None:
        found[video.source.key] = video.source.size_bytes
    # A demo catalogue has rows that play nothing.
    if video.playback_version and video.renditions and video.external is None:
        found[f"{playback_key(video.id)}/{video.playback_version}/{MASTER}"] = None
    if video.progressive:
        found[video.progressive] = None
    if video.has_poster:
        found[poster_key(video.id)] = None
    if shown := video.thumbnail:
        folder = f"{thumbnails_key(video.id)}/{shown.version}"
        found |= dict.fromkeys((f"{folder}/{side}.jpg" for side in shown.sides), None)
    return found | dict.fromkeys((caption_key(video.id, c.id) for c in video.captions), None)


def _outweighed(holding: Holding, video: Video, orphaned_bytes: int) -> Iterator[Finding]:
    """All of a video together, which was weighed when it was settled."""
    size_bytes = holding.size_bytes - orphaned_bytes
    is_weighed = video.processing_status in SETTLED and video.stored_bytes > 0
    if is_weighed and size_bytes != video.stored_bytes:
        yield Finding(
            kind=Kind.WRONG_SIZE,
            key=f"*/{video.id}",
            video_id=video.id,
            size_bytes=size_bytes,
            files=len(holding.entries),
            expected_bytes=video.stored_bytes,
        )


def _is_kept(video: Video) -> bool:
    """Whether its media is there to stay: a deleted video's is, while it can be restored."""
    return video.erased_at is None and video.condemned_at is None


def _finding(kind: Kind, key: str, video_id: str, entries: list[Entry]) -> Finding:
    return Finding(
        kind=kind,
        key=entries[0].key if len(entries) == 1 else key,
        video_id=video_id,
        size_bytes=sum(entry.size_bytes for entry in entries),
        files=len(entries),
        modified_at=max(entry.modified_at for entry in entries),
    )
