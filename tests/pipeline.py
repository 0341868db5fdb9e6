"""The media adapters at work on small pictures, and a look at what they made."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config import Settings
from services.adapters.media.ffmpeg import Ffmpeg
from services.adapters.media.packager import Packager
from services.processing.ladder import MediaInfo, Rendition, frame_rate, ladder
from tests.samples import TOOLS

HEIGHTS = (180, 360)
FFMPEG = Ffmpeg.from_settings(Settings(x264_preset="ultrafast"), TOOLS)


@dataclass(frozen=True, kw_only=True)
class Made:
    """What the pipeline makes of one source."""

    source: Path
    info: MediaInfo
    renditions: tuple[Rendition, ...]
    folder: Path
    progress: list[float]

    @property
    def packaged(self) -> Path:
        return self.folder / "v1"

    @property
    def frame_seconds(self) -> float:
        return 1 / float(frame_rate(self.info))


def make(source: Path, folder: Path, heights: tuple[int, ...] = HEIGHTS) -> Made:
    info = FFMPEG.inspect(source)
    renditions = ladder(info, heights)
    progress: list[float] = []
    FFMPEG.poster(source, info, folder / "poster.jpg", seconds=60)
    FFMPEG.encode(
        source, info, renditions, folder, with_audio=info.has_audio, on_progress=progress.append
    )
    Packager(TOOLS).package(renditions, folder, info.has_audio, folder / "v1")
    return Made(
        source=source, info=info, renditions=renditions, folder=folder, progress=progress
    )  # fmt: skip


def encode(
    source: Path,
    folder: Path,
    ffmpeg: Ffmpeg = FFMPEG,
    on_progress: Callable[[float], None] = lambda _: None,
) -> None:
    info = FFMPEG.inspect(source)
    ffmpeg.encode(
        source, info, ladder(info, HEIGHTS), folder,
        with_audio=info.has_audio, on_progress=on_progress,
    )  # fmt: skip


def ffprobe(path: Path, *arguments: str) -> list[str]:
    command = [TOOLS.ffprobe, "-v", "error", *arguments, "-of", "csv=p=0", path]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=30, text=True)
    return [line.strip(",") for line in answer.stdout.split()]


def key_frames(path: Path) -> list[float]:
    only_key_frames = ("-select_streams", "v", "-skip_frame", "nokey")
    return [float(at) for at in ffprobe(path, *only_key_frames, "-show_entries", "frame=pts_time")]


def durations(playlist: Path) -> list[float]:
    return [float(found) for found in re.findall(r"#EXTINF:([0-9.]+)", playlist.read_text())]


def first_colour(path: Path) -> tuple[int, ...]:
    """The average colour of the first frame."""
    command = [TOOLS.ffmpeg, "-v", "error", "-i", path, "-frames:v", "1"]
    to_pixel = "scale=1:1:flags=area:out_range=pc,format=rgb24"
    answer = subprocess.run(
        [*command, "-vf", to_pixel, "-f", "rawvideo", "-"],
        capture_output=True,
        check=True,
        timeout=30,
    )
    return tuple(answer.stdout[:3])


def onset(path: Path, *detector: str) -> float:
    """When FFmpeg's silencedetect or blackdetect says that something begins."""
    command = [TOOLS.ffmpeg, "-copyts", "-i", path, *detector, "-f", "null", "-"]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=30, text=True)
    found = re.search(r"(?:silence_end: |black_end:)([0-9.]+)", answer.stderr)
    assert found, answer.stderr
    return float(found[1])


def program(path: Path, script: str) -> Path:
    """A stand-in for one of the tools that behaves as badly as the script says."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
