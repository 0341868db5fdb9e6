"""FFmpeg's commands: poster, renditions with their sound, and the one-file MP4."""

from __future__ import annotations

import errno
import math
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from models.errors import BadMedia
from services.adapters.media import filters, growing
from services.adapters.media.confined import Finished, LimitReached, Limits, ToolFailed, run
from services.adapters.media.refusals import blame_limit, refusal
from services.adapters.media.scanning import FROM_STDIN
from services.adapters.media.tools import Tools
from services.processing.grid import KEY_FRAME_SECONDS, LEAD_SECONDS, Piece
from services.processing.ladder import MediaInfo, Rendition, fit, frame_rate

GIB = 1024**3
POSTER_RUNG = 720
POSTER_CANDIDATES = 30
# Far above the need of a slow machine: 4K60 in four renditions takes some 20 for each second.
CPU_SECONDS_PER_SECOND = 60
SAFE = ("-hide_banner", "-v", "error", "-nostdin", "-y", "-max_alloc", str(GIB))
# Uploads tell where they were filmed, and by whom.
NAMELESS = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact")
ANONYMOUS = (*NAMELESS, "-f", "mp4")
PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.25")
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

    def run(
        self,
        *arguments: str,
        on_line: Callable[[str], None] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """FFmpeg over the source. Raises `BadMedia`, or `ToolFailed` if it may yet succeed."""
        finished = self._try(*arguments, on_line=on_line, cwd=cwd)
        if finished.returncode == 0:
            return
        if self._is_damaged(finished.returncode):
            raise refusal("damaged") from failure(finished)
        raise failure(finished)

    def _try(
        self,
        *arguments: str,
        on_line: Callable[[str], None] | None = None,
        cwd: Path | None = None,
    ) -> Finished:
        threads = str(self.effort.threads)
        options = ("-filter_complex_threads", threads, "-threads", threads)
        command = (self.tools.ffmpeg, *SAFE, *options, "-max_pixels", str(8192 * 4352), *arguments)
        try:
            return run(command, self.limits, stdin=self.source, on_line=on_line, cwd=cwd)
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


def poster(job: Job, target: Path, seconds: int) -> None:
    """Write the best key frame of so many seconds; where there is none, the first frame."""
    with suppress(BadMedia):
        _picture(job, target, seconds, POSTER_CANDIDATES, "-skip_frame", "nokey")
    if not target.is_file():
        _picture(job, target, seconds, 1)
    if not target.is_file():
        raise refusal("damaged")


def _picture(job: Job, target: Path, seconds: int, candidates: int, *decoding: str) -> None:
    size = fit(job.info.width, job.info.height, POSTER_RUNG)
    job.run(
        *(*decoding, "-t", str(seconds), *FROM_STDIN, "-map", job.info.video_stream),
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
    rate = frame_rate(job.info)
    job.run(
        *(*PROGRESS, *FROM_STDIN),
        *(_pictures(job, targets, rate, ("-t", _seconds(job.info))) if targets else ()),
        *((*_sound(job), *ANONYMOUS, _url(audio)) if audio else ()),
        on_line=_progress(job.info.duration_seconds, on_progress),
    )


def encode_growing(
    job: Job,
    rendition: Rendition,
    targets: Sequence[Path],
    segments: Path,
    *,
    on_progress: Callable[[float], None],
) -> None:
    """As `encode`, picture and sound side by side, and both in `segments`, a folder beside them."""
    rate = frame_rate(job.info)
    graph, ends = filters.renditions_graph(job.info, (rendition,), rate)
    job.run(
        *(*PROGRESS, *FROM_STDIN, "-filter_complex", graph, "-map", *ends),
        *_x264(job, rendition, rate),
        *(_sound(job) if targets[1:] else ("-t", _seconds(job.info))),
        # Tee does not know that what is behind it wants this: without, each key frame repeats it.
        *("-flags", "+global_header", *NAMELESS, "-f", "tee"),
        growing.everywhere([target.name for target in targets], segments.name),
        on_line=_progress(job.info.duration_seconds, on_progress),
        cwd=segments.parent,
    )


def encode_piece(
    job: Job,
    piece: Piece,
    targets: dict[Rendition, Path],
    *,
    on_progress: Callable[[float], None],
) -> None:
    """Write these frames of every target, to be joined with the others by `joining.py`."""
    rate = frame_rate(job.info)
    starts_at = piece.starts_at(rate)
    lead_seconds = LEAD_SECONDS if piece.number else 0
    enter = ("-ss", f"{float(starts_at - lead_seconds):.6f}") if lead_seconds else ()
    job.run(
        *(*PROGRESS, *enter, *FROM_STDIN),
        *_pictures(job, targets, rate, ("-frames:v", str(piece.frames)), starts_at),
        on_line=_progress(float(piece.frames / rate), on_progress),
    )


def _progress(seconds: float, on_progress: Callable[[float], None]) -> Callable[[str], None]:
    """Understands what `PROGRESS` makes FFmpeg say."""

    def on_line(line: str) -> None:
        name, _, value = line.partition("=")
        if name == "out_time_us" and value.isdigit():
            on_progress(min(1.0, int(value) / 1e6 / seconds))

    return on_line


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


def _pictures(
    job: Job,
    targets: dict[Rendition, Path],
    rate: Fraction,
    until: tuple[str, str],
    starts_at: Fraction = Fraction(0),
) -> list[str]:
    lead_seconds = LEAD_SECONDS if starts_at else 0
    graph, ends = filters.renditions_graph(job.info, tuple(targets), rate, lead_seconds)
    outputs = zip(targets.items(), ends, strict=True)
    return [
        *("-filter_complex", graph),
        *(
            word
            for (rendition, target), end in outputs
            for word in (
                *("-map", end, *_x264(job, rendition, rate, starts_at), *until),
                *(*ANONYMOUS, _url(target)),
            )
        ),
    ]


def _x264(
    job: Job, rendition: Rendition, rate: Fraction, starts_at: Fraction = Fraction(0)
) -> tuple[str, ...]:
    """Renditions are cut into segments at the same key frames, so only forced ones exist."""
    most = rendition.max_bitrate_kbps
    # The first frame of a piece comes up to a frame after the key frame's nominal time.
    late_seconds = float(starts_at % KEY_FRAME_SECONDS)
    due = f"expr:gte(t+{late_seconds:.9f},n_forced*{KEY_FRAME_SECONDS})"
    return (
        *("-c:v", "libx264", "-preset", job.effort.preset, "-crf", str(job.effort.crf)),
        *("-profile:v", "high", "-maxrate", f"{most}k", "-bufsize", f"{2 * most}k"),
        *("-force_key_frames", due, "-sc_threshold", "0"),
        *("-g", str(math.ceil(rate * KEY_FRAME_SECONDS) + 1)),
        *("-threads", str(job.effort.threads)),
    )


def _sound(job: Job) -> tuple[str, ...]:
    return (
        *("-map", job.info.audio_stream, "-af", filters.sound_filters(job.info)),
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000", "-t", _seconds(job.info)),
    )


def _seconds(info: MediaInfo) -> str:
    return f"{info.duration_seconds:.6f}"


def _url(path: Path) -> str:
    """A path that FFmpeg takes for nothing else, whatever it is made of."""
    return f"file:{path}"
