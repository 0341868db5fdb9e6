"""One part of a live stream, as it is sent: FFmpeg's segments go to storage, then the playlist.

The playlist comes last, so what it names is there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.errors import BadMedia
from services.adapters.media import growing
from services.adapters.media.packager import MASTER, single_master
from services.adapters.storage import Storage
from services.live.segments import (
    Segment,
    init_name,
    live_key,
    live_playlist,
    segments_among,
)
from services.processing.ladder import Rendition

SEGMENT = re.compile(r"#EXTINF:(?P<seconds>[0-9.]+),\n(?:#[^\n]*\n)*(?P<name>[^#\s]+)")
# A picture of an MP4's `avc1`: where its size is, behind that name.
SIZE_AT = 28
UNPLAYABLE = "Send H.264 video, and AAC sound: players know no other here."
# A stream's rate is not even; players want to know the most.
PEAK = 1.5


@dataclass(slots=True, kw_only=True)
class LiveVersion:
    """The part number `part`, which FFmpeg writes into `folder`."""

    storage: Storage
    video_id: str
    part: int
    folder: Path
    # Of this part and those before it.
    segments: list[Segment]
    rendition: Rendition | None = None
    received_bytes: int = 0
    _taken: set[str] = field(default_factory=set)

    @classmethod
    def begin(cls, storage: Storage, video_id: str, part: int, folder: Path) -> LiveVersion:
        """After whatever parts there were."""
        return cls(
            storage=storage,
            video_id=video_id,
            part=part,
            folder=folder,
            segments=stored_segments(storage, video_id),
        )

    @property
    def can_be_played(self) -> bool:
        """Chromium's own player fails with fewer."""
        return len(self.segments) >= growing.ENOUGH_SEGMENTS

    def take(self) -> bool:
        """Publish what FFmpeg has finished since; whether there was anything.

        Raises `BadMedia` for a stream that players could not play.
        """
        new = [named for named in self._written() if named[1] not in self._taken]
        for seconds, name in new:
            self._take(name, seconds)
        if new:
            publish_playlist(self.storage, self.video_id, self.folder, self.segments)
        return bool(new)

    def _written(self) -> list[tuple[float, str]]:
        text = growing.Growing.read(self.folder / growing.PLAYLIST).text
        found = SEGMENT.finditer(text)
        return [(float(named["seconds"]), named["name"]) for named in found]

    def _take(self, name: str, seconds: float) -> None:
        path = self.folder / name
        size_bytes = path.stat().st_size
        if self.rendition is None:
            self.rendition = self._begin(size_bytes / seconds if seconds else 0.0)
        segment = Segment(self.part, len(self._taken), seconds)
        self.storage.adopt(path, f"{live_key(self.video_id)}/{segment.name}")
        self._taken.add(name)
        self.segments.append(segment)
        self.received_bytes += size_bytes

    def _begin(self, bytes_per_second: float) -> Rendition:
        init = (self.folder / growing.INIT).read_bytes()
        rendition = _rendition(init, bytes_per_second)
        key = live_key(self.video_id)
        self.storage.copy(self.folder / growing.INIT, f"{key}/{init_name(self.part)}")
        text = growing.master(rendition, init, has_audio=b"mp4a" in init)
        for name in (MASTER, single_master(rendition.name)):
            _store(self.storage, f"{key}/{name}", text, self.folder)
        return rendition


def stored_segments(storage: Storage, video_id: str) -> list[Segment]:
    found = storage.entries(f"{live_key(video_id)}/")
    return segments_among(Path(entry.key).name for entry in found)


def publish_playlist(
    storage: Storage,
    video_id: str,
    folder: Path,
    segments: Sequence[Segment],
    *,
    has_ended: bool = False,
) -> None:
    """`folder` is where it is written before it is stored."""
    text = live_playlist(segments, has_ended=has_ended)
    _store(storage, f"{live_key(video_id)}/{growing.PLAYLIST}", text, folder)


def _store(storage: Storage, key: str, text: str, folder: Path) -> None:
    written = folder / f"published-{Path(key).name}"
    written.write_text(text)
    storage.adopt(written, key)


def _rendition(init: bytes, bytes_per_second: float) -> Rendition:
    if b"avcC" not in init:
        raise BadMedia("not_h264", UNPLAYABLE)
    at = init.index(b"avc1") + SIZE_AT
    width, height = (int.from_bytes(init[start : start + 2]) for start in (at, at + 2))
    lines = min(width, height)
    return Rendition(
        name=f"{lines}p",
        nominal_height=lines,
        width=width,
        height=height,
        max_bitrate_kbps=max(1, round(bytes_per_second * 8 / 1000 * PEAK)),
    )
