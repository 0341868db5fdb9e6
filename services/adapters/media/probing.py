"""What an uploaded file is, and whether it can become a video: ffprobe, policy, and a scan."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

from services.adapters.media.boxes import is_whole
from services.adapters.media.confined import Finished, LimitReached, Limits, ToolFailed, run
from services.adapters.media.refusals import blame_limit, blame_signal, refusal
from services.adapters.media.scanning import FROM_STDIN, Scan, Span, scan
from services.adapters.media.streams import ENTRIES, Streams, known, number
from services.adapters.media.tools import Tools
from services.processing.inspection import TAIL_SECONDS
from services.processing.ladder import MediaInfo

LIMITS = Limits(cpu_seconds=20, memory_bytes=2 * 1024**3, file_bytes=0, wall_seconds=60)
# A file is cut off when it lacks a tenth of what its header promises, and more than a second.
COMPLETE = 0.9
MISSING_SECONDS = 1
# Headers know that the last sound packet is not played to its end; packets do not.
PADDING_SECONDS = 0.1
# Headers may count in milliseconds.
ROUNDING_SECONDS = 0.001
HEAD_BYTES = 512
# Files whose headers say of each stream how many frames it has, and how long it lasts.
COUNTED = {"mp4", "mov"}
OTHER_MEDIA = (
    b"FLV", b"OggS", b"ID3", b"fLaC", b"\x30\x26\xb2\x75", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3",
)  # fmt: skip
TS_PACKET_BYTES = 188


def inspect(tools: Tools, source: Path, *, max_seconds: float) -> MediaInfo:
    """What the file holds. Raises `BadMedia` for what cannot become a video."""
    return Look(tools, source, max_seconds=max_seconds).found()


class Look:
    """A file whose headers were read. Raises `BadMedia` for what cannot become a video."""

    def __init__(self, tools: Tools, source: Path, *, max_seconds: float) -> None:
        self._tools, self._source, self._max_seconds = tools, source, max_seconds
        self._container = _container(source)
        self._streams = probe(tools, source)
        picture, sound = self._streams.picture, self._streams.sound
        self._played = [stream for stream in (picture.stream, sound) if stream]
        _check_length(self._declared_seconds, max_seconds)

    def promised(self) -> MediaInfo | None:
        """What the headers say, of a whole file whose headers count its frames; else None."""
        if self._container not in COUNTED or not is_whole(self._source):
            return None
        seconds = self._declared_seconds
        picture = self._streams.picture.stream
        are_counted = all(int(number(s.get("nb_frames"))) > 0 for s in self._played)
        if not are_counted or number(picture.get("duration")) < seconds - TAIL_SECONDS:
            return None
        # It lasts to the end, as far as one can tell.
        span = Span(start_seconds=0, end_seconds=seconds, longest_gap_seconds=None)
        return self._described(span, has_sound=len(self._played) > 1, duration_seconds=seconds)

    def found(self, *, is_wanted: Callable[[], bool] = lambda: True) -> MediaInfo:
        """What is in the file, all of which is read, for as long as that `is_wanted`."""
        indexes = tuple(f"0:{stream['index']}" for stream in self._played)
        scanned = scan(self._tools, self._source, indexes, is_wanted=is_wanted)
        is_avi = self._container == "avi"
        promised_seconds = _avi_seconds(self._source) if is_avi else self._declared_seconds
        span = _picture_span(scanned, promised_seconds)
        duration_seconds = _real_seconds(scanned, self._declared_seconds)
        _check_length(duration_seconds, self._max_seconds)
        has_sound = scanned.sound is not None
        return self._described(span, has_sound=has_sound, duration_seconds=duration_seconds)

    @property
    def _declared_seconds(self) -> float:
        return self._streams.declared_seconds

    def _described(self, span: Span, *, has_sound: bool, duration_seconds: float) -> MediaInfo:
        picture, sound = self._streams.picture, self._streams.sound if has_sound else None
        width, height = picture.size
        return MediaInfo(
            duration_seconds=duration_seconds,
            width=width,
            height=height,
            fps=picture.fps(span.packets_per_second),
            video_codec=picture.stream["codec_name"],
            audio_codec=sound["codec_name"] if sound else None,
            pixel_format=picture.stream.get("pix_fmt", "unknown"),
            hdr=picture.is_hdr,
            interlaced=picture.is_interlaced,
            container=self._container,
            rotation_degrees=picture.rotation_degrees,
            size_bytes=self._source.stat().st_size,
            color_space=known(picture.stream.get("color_space")),
            picture_seconds=min(span.end_seconds, duration_seconds),
            longest_gap_seconds=span.longest_gap_seconds,
            video_stream=f"0:{picture.stream['index']}",
            audio_stream=f"0:{sound['index']}" if sound else "0:a:0",
            sounds=self._streams.sounds if sound else (),
        )


def probe(tools: Tools, source: Path) -> Streams:
    """What ffprobe finds in a file. Raises `BadMedia` where it cannot read it."""
    command = (
        *(tools.ffprobe, "-v", "error", "-probesize", "20M", "-analyzeduration", "10M"),
        *("-show_entries", ENTRIES, "-of", "json", *FROM_STDIN),
    )
    try:
        finished = run(command, LIMITS, stdin=source)
    except LimitReached as reached:
        raise blame_limit(reached) from reached
    if finished.returncode != 0:
        raise _unreadable(finished) from ToolFailed(f"ffprobe: {finished.stderr_tail[-1000:]}")
    return Streams(json.loads(finished.stdout))


def _container(source: Path) -> str:
    """The kind of file by its first bytes: FFmpeg never sees one that is not accepted."""
    with source.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    if not head:
        raise refusal("empty")
    if head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}:
        return "mov" if head[4:8] != b"ftyp" or head[8:12] == b"qt  " else "mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "webm" if b"webm" in head[:64] else "mkv"
    is_stream = head[:1] == head[TS_PACKET_BYTES : TS_PACKET_BYTES + 1] == b"G"
    is_media = is_stream or head.startswith(OTHER_MEDIA)
    raise refusal("unsupported_format" if is_media else "not_a_video")


def _unreadable(finished: Finished) -> Exception:
    if finished.returncode < 0:
        return blame_signal(finished.returncode)
    errors = finished.stderr_tail
    if "Cannot allocate memory" in errors:
        return refusal("too_slow")
    if "not on whitelist" in errors:
        return refusal("unsupported_format")
    # The index of an MP4 comes last, unless it was made for the web: a cut-off file has none.
    if "moov atom not found" in errors or "End of file" in errors:
        return refusal("truncated")
    return refusal("damaged")


def _check_length(seconds: float, max_seconds: float) -> None:
    if seconds > max_seconds:
        raise refusal("too_long", minutes=int(max_seconds // 60))


def _picture_span(scanned: Scan, promised_seconds: float) -> Span:
    """Where the picture lies, in a file that holds about as much as it promises."""
    missing_seconds = promised_seconds - scanned.end_seconds
    if scanned.end_seconds < promised_seconds * COMPLETE and missing_seconds > MISSING_SECONDS:
        raise refusal("truncated")
    if scanned.picture is None or scanned.end_seconds <= 0:
        raise refusal("damaged")
    return scanned.picture


def _real_seconds(scanned: Scan, declared_seconds: float) -> float:
    longer_seconds = scanned.end_seconds - declared_seconds
    is_as_declared = -ROUNDING_SECONDS <= longer_seconds < PADDING_SECONDS
    return declared_seconds if is_as_declared else scanned.end_seconds


def _avi_seconds(source: Path) -> float:
    """What the header of a cut-off AVI promises, which ffprobe adapts to what is there; else 0."""
    with source.open("rb") as opened:
        head = opened.read(HEAD_BYTES).ljust(HEAD_BYTES, b"\0")
    (riff_bytes,) = struct.unpack_from("<I", head, 4)
    if head[24:28] != b"avih" or source.stat().st_size >= riff_bytes:
        return 0.0
    (frame_microseconds,), (frames,) = (struct.unpack_from("<I", head, at) for at in (32, 48))
    return frame_microseconds * frames / 1e6
