"""FFmpeg's commands: poster, renditions with their sound, and the one-file MP4."""

from __future__ import annotations

import errno
import math
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from models.errors import BadMedia
from services.adapters.media import filters
from services.adapters.media.confined import Finished, LimitReached, Limits, ToolFailed, run
from services.adapters.media.refusals import blame_limit, refusal
from services.adapters.media.scanning import FROM_STDIN
from services.adapters.media.tools import Tools
from services.processing.ladder import MediaInfo, Rendition, fit, frame_rate

GIB = 1024**3
KEY_FRAME_SECONDS = 2
POSTER_RUNG = 720
POSTER_SECONDS = 60
POSTER_CANDIDATES = 30
# Far above the need of a slow machine: 4K60 in four renditions takes some 20 for each second.
CPU_SECONDS_PER_SECOND = 60
SAFE = ("-hide_banner", "-v", "error", "-nostdin", "-y", "-max_alloc", str(GIB))
# Uploads tell where they were filmed, and by whom.
ANONYMOUS = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-f", "mp4")
# FFmpeg's words for a file that it cannot decode: AVERROR_INVALIDDATA, and too many errors.
DAMAGED = {183, 69}
# What the machine lacks. FFmpeg ends with 256 - errno.
LACKS = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT,
    errno.EIO, errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How hard to try: x264's preset and CRF, and the threads that each codec may have."""

    threads: int
    preset: str
    crf: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A source, and what is known and wanted of everything made from it."""

    tools: Tools
    effort: Effort
    source: Path
    info: MediaInfo

    @property
    def limits(self) -> Limits:
        """A bound for what goes wrong, by the length of the video; no honest one comes near."""
        seconds = math.ceil(self.info.duration_seconds)
        return Limits(
            cpu_seconds=600 + CPU_SECONDS_PER_SECOND * seconds,
            memory_bytes=8 * GIB,
            file_bytes=GIB // 16 + 8 * 1024**2 * seconds,
            wall_seconds=1800 + CPU_SECONDS_PER_SECOND * seconds,
        )

    def run(self, *arguments: str, on_line: Callable[[str], None] | None = None) -> None:
        """FFmpeg over the source. Raises `BadMedia`, or `ToolFailed` if it may yet succeed."""
        finished = self._try(*arguments, on_line=on_line)
        if finished.returncode == 0:
            return
        if self._is_damaged(finished.returncode):
            raise refusal("damaged")
        raise failure(finished)

    def _try(self, *arguments: str, on_line: Callable[[str], None] | None = None) -> Finished:
        threads = str(self.effort.threads)
        options = ("-filter_complex_threads", threads, "-threads", threads)
        command = (self.tools.ffmpeg, *SAFE, *options, "-max_pixels", str(8192 * 4352), *arguments)
        try:
            return run(command, self.limits, stdin=self.source, on_line=on_line)
        except LimitReached as reached:
            raise blame_limit(reached) from reached

    def _is_damaged(self, returncode: int) -> bool:
        """Whether the file is to blame. An upload is lost by this, so doubt is worth a decoding."""
        if returncode in DAMAGED:
            return True
        if 256 - returncode in LACKS or returncode == -signal.SIGKILL:
            return False
        streams = (self.info.video_stream, *[self.info.audio_stream] * self.info.has_audio)
        maps = (word for stream in streams for word in ("-map", stream))
        return self._try(*FROM_STDIN, *maps, "-f", "null", "-").returncode != 0


def poster(job: Job, target: Path) -> None:
    """Write the best of the first key frames; where there is none to be had, the first frame."""
    with suppress(BadMedia):
        _picture(job, target, POSTER_CANDIDATES, "-skip_frame", "nokey")
    if not target.is_file():
        _picture(job, target, 1)
    if not target.is_file():
        raise refusal("damaged")


def _picture(job: Job, target: Path, candidates: int, *decoding: str) -> None:
    size = fit(job.info.width, job.info.height, POSTER_RUNG)
    job.run(
        *(*decoding, "-t", str(POSTER_SECONDS), *FROM_STDIN, "-map", job.info.video_stream),
        *("-vf", filters.poster_filters(job.info, *size, candidates)),
        *("-map_metadata", "-1", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3"),
        *("-f", "image2", "-update", "1", _url(target)),
    )


def encode(
    job: Job,
    targets: dict[Rendition, Path],
    audio: Path | None,
    *,
    on_progress: Callable[[float], None],
) -> None:
    """Write every target, and the sound if `audio` names a file for it, in one decode."""

    def on_line(line: str) -> None:
        name, _, value = line.partition("=")
        if name == "out_time_us" and value.isdigit():
            on_progress(min(1.0, int(value) / 1e6 / job.info.duration_seconds))

    job.run(
        *("-progress", "pipe:1", "-stats_period", "0.5", *FROM_STDIN),
        *(_pictures(job, targets) if targets else ()),
        *(_sound(job, audio) if audio else ()),
        on_line=on_line,
    )


def mux(tools: Tools, video: Path, audio: Path | None, target: Path) -> None:
    """Picture and sound into one MP4 whose index comes first, without encoding again."""
    inputs = [path for path in (video, audio) if path]
    size_bytes = sum(path.stat().st_size for path in inputs)
    command = (
        *(tools.ffmpeg, *SAFE),
        *(word for path in inputs for word in ("-protocol_whitelist", "file", "-i", _url(path))),
        *(word for n, _ in enumerate(inputs) for word in ("-map", str(n))),
        *("-c", "copy", "-movflags", "+faststart", *ANONYMOUS, _url(target)),
    )
    limits = Limits(
        cpu_seconds=600, memory_bytes=2 * GIB, file_bytes=size_bytes + GIB, wall_seconds=1800
    )
    finished = run(command, limits)
    if finished.returncode != 0:
        raise failure(finished)


def failure(finished: Finished) -> ToolFailed:
    """For the log: no upload is to blame, and nobody but the operator reads it."""
    return ToolFailed(f"ffmpeg ended with {finished.returncode}: {finished.stderr_tail[-1000:]}")


def _pictures(job: Job, targets: dict[Rendition, Path]) -> list[str]:
    rate = frame_rate(job.info)
    graph, ends = filters.renditions_graph(job.info, tuple(targets), rate)
    outputs = zip(targets.items(), ends, strict=True)
    return [
        *("-filter_complex", graph),
        *(
            word
            for (rendition, target), end in outputs
            for word in ("-map", end, *_x264(job, rendition, rate), _url(target))
        ),
    ]


def _x264(job: Job, rendition: Rendition, rate: Fraction) -> tuple[str, ...]:
    """Renditions are cut into segments at the same key frames, so only forced ones exist."""
    most = rendition.max_bitrate_kbps
    return (
        *("-c:v", "libx264", "-preset", job.effort.preset, "-crf", str(job.effort.crf)),
        *("-profile:v", "high", "-maxrate", f"{most}k", "-bufsize", f"{2 * most}k"),
        *("-force_key_frames", f"expr:gte(t,n_forced*{KEY_FRAME_SECONDS})", "-sc_threshold", "0"),
        *("-g", str(math.ceil(rate * KEY_FRAME_SECONDS) + 1)),
        *("-threads", str(job.effort.threads), "-t", _seconds(job.info), *ANONYMOUS),
    )


def _sound(job: Job, target: Path) -> tuple[str, ...]:
    return (
        *("-map", job.info.audio_stream, "-af", filters.sound_filters(job.info)),
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"),
        *("-t", _seconds(job.info), *ANONYMOUS, _url(target)),
    )


def _seconds(info: MediaInfo) -> str:
    return f"{info.duration_seconds:.6f}"


def _url(path: Path) -> str:
    """A path that FFmpeg takes for nothing else, whatever it is made of."""
    return f"file:{path}"
