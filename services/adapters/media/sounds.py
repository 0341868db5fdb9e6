"""Sounds that are uploaded to go with a video: measured, brought to its length, encoded as AAC."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from models.errors import BadMedia
from services.adapters.media.confined import Finished, LimitReached, Limits, ToolFailed, run
from services.adapters.media.encoding import ANONYMOUS, SAFE, failure
from services.adapters.media.filters import SOUND
from services.adapters.media.tools import Tools
from services.adapters.media.unfinished import keep, unfinished

# As `scanning.FROM_STDIN`, for files that hold sound.
FROM_STDIN = (
    *("-protocol_whitelist", "fd", "-format_whitelist", "mov,matroska,mp3,wav,flac,ogg,aac"),
    *("-fd", "0", "-i", "fd:"),
)
ENCODED = ("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000")
# How far a sound's length may be from the video's: leaders and rounding, not another cut.
TOLERANCE, TOLERANCE_SECONDS = 0.02, 2.0
CPU_SECONDS = 600
MESSAGES = {
    "not_a_sound": "There is no sound in this file that can be read."
    " Please upload MP3, AAC, M4A, WAV, FLAC, Ogg or Matroska.",
    "wrong_length": "The sound lasts {sound:.1f} s and the video {video:.1f} s."
    " Please upload one that is as long as the video.",
}
HEADS = (b"ID3", b"RIFF", b"fLaC", b"OggS", b"\x1a\x45\xdf\xa3")
SYNC = 0xFFE0


@dataclass(frozen=True, slots=True)
class Sounds:
    tools: Tools

    def encode(self, source: Path, target: Path, video_seconds: float) -> None:
        """Write the first sound of a stranger's file as an MP4 that is as long as the video.

        Raises `BadMedia` (`not_a_sound`, `wrong_length`), or `ToolFailed` if it may yet succeed.
        """
        found_seconds = self._measure(source, video_seconds)
        tolerated = max(TOLERANCE_SECONDS, TOLERANCE * video_seconds)
        if abs(found_seconds - video_seconds) > tolerated:
            message = MESSAGES["wrong_length"].format(sound=found_seconds, video=video_seconds)
            raise BadMedia("wrong_length", message)
        filters = f"{SOUND},apad=whole_dur={video_seconds:.6f}"
        with unfinished(target.parent) as aside:
            made = aside / target.name
            arguments = ("-af", filters, *ENCODED, "-t", f"{video_seconds:.6f}", *ANONYMOUS)
            finished = self._run(source, video_seconds, *arguments, f"file:{made}")
            if finished.returncode != 0:
                # What was read to its end a moment ago is not to blame.
                raise failure(finished)
            keep(made, target)

    def _measure(self, source: Path, video_seconds: float) -> float:
        """By decoding it: what headers of sounds say about their length is often a guess."""
        # A little longer than what could be accepted is all there is to know.
        most = f"{video_seconds * (1 + 2 * TOLERANCE) + 2 * TOLERANCE_SECONDS:.3f}"
        finished = self._run(
            source, video_seconds, "-t", most, "-progress", "pipe:1", "-f", "null", "-"
        )
        if finished.returncode < 0:
            raise failure(finished)
        lines = finished.stdout.decode(errors="replace").splitlines()
        times = [line.partition("=")[2] for line in lines if line.startswith("out_time_us=")]
        seconds = int(times[-1]) / 1e6 if times and times[-1].isdigit() else 0.0
        if finished.returncode != 0 or seconds <= 0:
            raise BadMedia("not_a_sound", MESSAGES["not_a_sound"])
        return seconds

    def _run(self, source: Path, seconds: float, *arguments: str) -> Finished:
        limits = Limits(
            cpu_seconds=CPU_SECONDS + math.ceil(seconds),
            memory_bytes=2 * 1024**3,
            file_bytes=1024**3,
            wall_seconds=2 * CPU_SECONDS + 4 * math.ceil(seconds),
        )
        command = (self.tools.ffmpeg, *SAFE, *FROM_STDIN, "-map", "0:a:0", *arguments)
        try:
            return run(command, limits, stdin=source)
        except LimitReached as reached:
            if reached.limit in {"cpu_seconds", "output"}:
                raise BadMedia("not_a_sound", MESSAGES["not_a_sound"]) from reached
            raise ToolFailed(str(reached)) from reached


def may_be_sound(head: bytes) -> bool:
    """Whether a file begins as one with sound in it does: a first look, as at uploads."""
    is_mp4 = head[4:8] == b"ftyp"
    is_frames = len(head) > 1 and int.from_bytes(head[:2]) & SYNC == SYNC
    return is_mp4 or is_frames or head.startswith(HEADS)
