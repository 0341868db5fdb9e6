"""Reads a file's packets without decoding them: how long picture and sound really last.

A header says what a file was meant to hold; half an upload has the same header.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from services.adapters.media.confined import LimitReached, Limits, ToolFailed, run
from services.adapters.media.refusals import blame_limit, blame_signal
from services.adapters.media.tools import Tools

# How FFmpeg is given a stranger's file. Opened by us, as standard input, it cannot be a playlist
# that names others: with `file` among the protocols, local files could be read through one.
FROM_STDIN = (
    *("-protocol_whitelist", "fd", "-format_whitelist", "mov,matroska,avi"),
    *("-fd", "0", "-i", "fd:"),
)
LIMITS = Limits(
    cpu_seconds=120, memory_bytes=2 * 1024**3, file_bytes=0, wall_seconds=900
)  # fmt: skip
UNKNOWN = str(-(2**63))


@dataclass(slots=True, kw_only=True)
class Span:
    """Where a stream's packets lie, in seconds from the file's first sample.

    The longest gap is between decoding times; None if there is a packet without one.
    """

    start_seconds: float
    end_seconds: float
    packets: int = 0
    longest_gap_seconds: float | None = 0.0
    _decoded_at: float | None = None

    @property
    def packets_per_second(self) -> float:
        lasting_seconds = self.end_seconds - self.start_seconds
        return self.packets / lasting_seconds if lasting_seconds > 0 else 0.0

    def take(self, at: float, lasting: float) -> None:
        self.start_seconds = min(self.start_seconds, at)
        self.end_seconds = max(self.end_seconds, at + lasting)
        self.packets += 1

    def decode(self, at: float | None) -> None:
        """Note when a packet is to be decoded."""
        if at is None or self.longest_gap_seconds is None:
            self.longest_gap_seconds = None
            return
        gap_seconds = at - (at if self._decoded_at is None else self._decoded_at)
        self.longest_gap_seconds = max(self.longest_gap_seconds, gap_seconds)
        self._decoded_at = at


@dataclass(slots=True)
class Scan:
    """The packets of the picture and of the sound; None where there is not a single one."""

    spans: dict[str, Span] = field(default_factory=dict)
    _time_bases: dict[str, float] = field(default_factory=dict)

    @property
    def picture(self) -> Span | None:
        return self.spans.get("0")

    @property
    def sound(self) -> Span | None:
        return self.spans.get("1")

    @property
    def was_opened(self) -> bool:
        return bool(self._time_bases)

    @property
    def end_seconds(self) -> float:
        return max((span.end_seconds for span in self.spans.values()), default=0.0)

    def take(self, line: str) -> None:
        """One line of FFmpeg's `framecrc`: `#tb 0: 1/12800`, or stream, dts, pts, duration ..."""
        if line.startswith("#tb "):
            stream, _, time_base = line.removeprefix("#tb ").partition(": ")
            self._time_bases[stream] = float(Fraction(time_base))
        elif line and not line.startswith("#"):
            stream, dts, pts, duration, *_ = (word.strip() for word in line.split(",", 5))
            unit = self._time_bases[stream]
            at = int(dts if pts == UNKNOWN else pts) * unit
            span = self.spans.setdefault(stream, Span(start_seconds=at, end_seconds=at))
            span.take(at, int(duration) * unit)
            span.decode(None if dts == UNKNOWN else int(dts) * unit)


class NotWanted(Exception):
    """Nobody waits for what would be found."""


def scan(
    tools: Tools,
    source: Path,
    streams: tuple[str, ...],
    *,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Scan:
    """Read every packet of the picture (the first of `streams`) and of the sound (the second).

    Raises `BadMedia` (`too_slow`, `damaged`), `ToolFailed`, or `NotWanted` as soon as it is not. A
    file that breaks off is no error here: the spans tell.
    """
    found = Scan()

    def on_line(line: str) -> None:
        if not is_wanted():
            raise NotWanted
        found.take(line)

    command = (
        *(tools.ffmpeg, "-hide_banner", "-v", "error", "-nostdin", *FROM_STDIN),
        *(word for stream in streams for word in ("-map", stream)),
        # A picture that begins without a key frame would otherwise not be counted.
        *("-c", "copy", "-copyinkf:v", "-f", "framecrc", "-"),
    )
    try:
        finished = run(command, LIMITS, stdin=source, on_line=on_line)
    except LimitReached as reached:
        raise blame_limit(reached) from reached
    if finished.returncode < 0:
        raise blame_signal(finished.returncode)
    if not found.was_opened:
        # Ffprobe could read it, so it is not the file.
        raise ToolFailed(f"ffmpeg ended with {finished.returncode}: {finished.stderr_tail[-500:]}")
    return found
