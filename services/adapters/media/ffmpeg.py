"""FFmpeg, as the pipeline knows it: inspect, poster, encode (also in pieces), progressive.

How a stranger's file is read: `probing.py`. The commands: `encoding.py`. The pictures' way through
them: `filters.py`. What each child process may use: `confined.py`.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from config import Settings
from services.adapters.media import encoding, joining
from services.adapters.media.encoding import Effort, Job
from services.adapters.media.probing import Look, inspect, probe
from services.adapters.media.refusals import refusal
from services.adapters.media.streams import Streams, number
from services.adapters.media.tools import Tools
from services.adapters.media.unfinished import keep, unfinished
from services.processing.grid import Piece
from services.processing.inspection import Inspection
from services.processing.ladder import MediaInfo, Rendition, frame_rate

# More do not make x264 faster, and each costs memory.
MAX_THREADS = 16
AUDIO_NAME = "audio.mp4"
TOLERANCE = 0.05
TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ffmpeg:
    tools: Tools
    effort: Effort
    max_seconds: float

    @classmethod
    def from_settings(cls, settings: Settings, tools: Tools) -> Self:
        return cls(
            tools=tools,
            effort=Effort(
                threads=settings.ffmpeg_threads or fair_threads(settings.worker_processes),
                preset=settings.x264_preset,
                crf=settings.x264_crf,
            ),
            max_seconds=settings.max_video_seconds,
        )

    def inspect(self, source: Path) -> MediaInfo:
        """What a file is. Raises `BadMedia`, its reason one of `refusals.MESSAGES`."""
        return inspect(self.tools, source, max_seconds=self.max_seconds)

    @contextmanager
    def inspecting(self, source: Path) -> Iterator[Inspection]:
        """As `inspect`, but going on beside whoever begins with what the headers promise."""
        look, left = Look(self.tools, source, max_seconds=self.max_seconds), threading.Event()
        with ThreadPoolExecutor(1, "inspection") as beside:
            found = beside.submit(look.found, is_wanted=lambda: not left.is_set())
            try:
                yield Inspection(found, look.promised())
            finally:
                left.set()

    def poster(self, source: Path, info: MediaInfo, target: Path, *, seconds: int) -> None:
        """A JPEG of a telling frame of its first `seconds`, at most 1280x720 (720x1280).

        Raises `BadMedia`.
        """
        with unfinished(target.parent) as aside:
            encoding.poster(self._job(source, info), aside / target.name, seconds)
            keep(aside / target.name, target)

    def encode(
        self,
        source: Path,
        info: MediaInfo,
        renditions: tuple[Rendition, ...],
        folder: Path,
        *,
        with_audio: bool,
        on_progress: Callable[[float], None],
    ) -> None:
        """Write `<name>.mp4` for each rendition, and `audio.mp4`, in one decode.

        What is in `folder` already is complete and not made again. `on_progress` is told the share
        that is done, 0 to 1; it may raise, and FFmpeg is dead when that arrives. Raises `BadMedia`,
        or `ToolFailed` where another try may succeed.
        """
        missing = [r for r in renditions if not (folder / _name(r)).exists()]
        is_silent = not with_audio or (folder / AUDIO_NAME).exists()
        if missing or not is_silent:
            with unfinished(folder) as aside:
                targets = {rendition: aside / _name(rendition) for rendition in missing}
                audio = None if is_silent else aside / AUDIO_NAME
                encoding.encode(self._job(source, info), targets, audio, on_progress=on_progress)
                self._keep([*targets.values(), *([audio] if audio else [])], info, folder)
        on_progress(1.0)

    def encode_growing(
        self,
        source: Path,
        info: MediaInfo,
        rendition: Rendition,
        folder: Path,
        *,
        with_audio: bool,
        on_segments: Callable[[Path, float], None],
    ) -> None:
        """As `encode`, for one rendition that shall be playable before it is finished.

        `on_segments` is told a folder of segments and their playlist (`growing.py`), to which more
        are added as long as this lasts, and the share that is done; it may take segments away.
        """
        names = [_name(rendition), *([AUDIO_NAME] if with_audio else [])]
        if any((folder / name).exists() for name in names):
            self.encode(
                source, info, (rendition,), folder,
                with_audio=with_audio, on_progress=lambda _: None,
            )  # fmt: skip
        with unfinished(folder) as aside:
            growing = aside / "hls"
            growing.mkdir()
            if (folder / names[0]).exists():
                joining.segment(self.tools, [folder / name for name in names], growing)
            else:
                encoding.encode_growing(
                    self._job(source, info), rendition, [aside / name for name in names], growing,
                    on_progress=lambda done: on_segments(growing, done),
                )  # fmt: skip
                self._keep([aside / name for name in names], info, folder)
            on_segments(growing, 1.0)

    def join_parts(self, parts: list[Path], target: Path) -> None:
        """Write one MP4 of the parts of a live stream, in order."""
        joining.join_parts(self.tools, parts, target)

    def encode_piece(
        self,
        source: Path,
        info: MediaInfo,
        piece: Piece,
        renditions: tuple[Rendition, ...],
        folder: Path,
        *,
        on_progress: Callable[[float], None],
    ) -> None:
        """Write `<name>.mp4` for each rendition into `folder`, with just the piece's frames.

        Raises `BadMedia` where there are more or fewer, which encoding the whole may explain, or
        `ToolFailed` where another try may succeed.
        """
        targets = {rendition: folder / _name(rendition) for rendition in renditions}
        encoding.encode_piece(self._job(source, info), piece, targets, on_progress=on_progress)
        for made in targets.values():
            if joining.frames_in(self.tools, made) != piece.frames:
                raise refusal("damaged")

    def join(
        self,
        made: Sequence[tuple[Piece, Path]],
        info: MediaInfo,
        rendition: Rendition,
        folder: Path,
    ) -> None:
        """Write the `<name>.mp4` that `encode` would have, from all its pieces."""
        with unfinished(folder) as aside:
            joining.join(self.tools, made, frame_rate(info), aside / _name(rendition))
            keep(aside / _name(rendition), folder / _name(rendition))

    def progressive(self, video: Path, audio: Path | None, target: Path) -> None:
        """One MP4 to download or to play by byte ranges, from an encoded picture and sound."""
        with unfinished(target.parent) as aside:
            encoding.mux(self.tools, video, audio, aside / target.name)
            keep(aside / target.name, target)

    def _job(self, source: Path, info: MediaInfo) -> Job:
        return Job(tools=self.tools, effort=self.effort, source=source, info=info)

    def _keep(self, made: Sequence[Path], info: MediaInfo, folder: Path) -> None:
        """FFmpeg succeeds over a file that it could read half of; that is not kept."""
        for path in made:
            if not _is_complete(probe(self.tools, path), info.duration_seconds):
                raise refusal("damaged")
            keep(path, folder / path.name)


def fair_threads(workers: int) -> int:
    """What each of so many workers may have of this machine's processors."""
    if sys.platform == "linux":
        processors = len(os.sched_getaffinity(0))
    else:
        processors = os.cpu_count() or 1
    return max(1, min(processors // workers, MAX_THREADS))


def _is_complete(streams: Streams, expected_seconds: float) -> bool:
    missing_seconds = abs(streams.declared_seconds - expected_seconds)
    tolerated_seconds = max(TOLERANCE_SECONDS, TOLERANCE * expected_seconds)
    found = streams.answer.get("streams") or [{}]
    return missing_seconds <= tolerated_seconds and number(found[0].get("nb_frames")) > 0


def _name(rendition: Rendition) -> str:
    return f"{rendition.name}.mp4"
