"""FFmpeg, as the pipeline knows it: inspect, poster, encode, progressive.

How a stranger's file is read: `probing.py`. The commands: `encoding.py`. The pictures' way through
them: `filters.py`. What each child process may use: `confined.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from config import Settings
from services.adapters.media import encoding
from services.adapters.media.encoding import Effort, Job
from services.adapters.media.probing import inspect, probe
from services.adapters.media.refusals import refusal
from services.adapters.media.streams import Streams, number
from services.adapters.media.tools import Tools
from services.adapters.media.unfinished import keep, unfinished
from services.processing.ladder import MediaInfo, Rendition

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
                threads=settings.ffmpeg_threads or min(os.cpu_count() or 1, MAX_THREADS),
                preset=settings.x264_preset,
                crf=settings.x264_crf,
            ),
            max_seconds=settings.max_video_seconds,
        )

    def inspect(self, source: Path) -> MediaInfo:
        """What a file is. Raises `BadMedia`, its reason one of `refusals.MESSAGES`."""
        return inspect(self.tools, source, max_seconds=self.max_seconds)

    def poster(self, source: Path, info: MediaInfo, target: Path) -> None:
        """A JPEG of a telling frame, at most 1280x720 (720x1280). Raises `BadMedia`."""
        with unfinished(target.parent) as aside:
            encoding.poster(self._job(source, info), aside / target.name)
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
                for made in [*targets.values(), *([audio] if audio else [])]:
                    self._check(made, info)
                    keep(made, folder / made.name)
        on_progress(1.0)

    def progressive(self, video: Path, audio: Path | None, target: Path) -> None:
        """One MP4 to download or to play by byte ranges, from an encoded picture and sound."""
        with unfinished(target.parent) as aside:
            encoding.mux(self.tools, video, audio, aside / target.name)
            keep(aside / target.name, target)

    def _job(self, source: Path, info: MediaInfo) -> Job:
        return Job(tools=self.tools, effort=self.effort, source=source, info=info)

    def _check(self, made: Path, info: MediaInfo) -> None:
        """FFmpeg succeeds over a file that it could read half of."""
        if not _is_complete(probe(self.tools, made), info.duration_seconds):
            raise refusal("damaged")


def _is_complete(streams: Streams, expected_seconds: float) -> bool:
    missing_seconds = abs(streams.declared_seconds - expected_seconds)
    tolerated_seconds = max(TOLERANCE_SECONDS, TOLERANCE * expected_seconds)
    found = streams.answer.get("streams") or [{}]
    return missing_seconds <= tolerated_seconds and number(found[0].get("nb_frames")) > 0


def _name(rendition: Rendition) -> str:
    return f"{rendition.name}.mp4"
