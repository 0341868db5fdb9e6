"""What an uploaded file is, and whether it can become a video: ffprobe, policy, and a scan."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from services.adapters.media.confined import Finished, LimitReached, Limits, ToolFailed, run
from services.adapters.media.refusals import blame_limit, blame_signal, refusal
from services.adapters.media.scanning import FROM_STDIN, Scan, Span, scan
from services.adapters.media.streams import ENTRIES, Streams, known
from services.adapters.media.tools import Tools
from services.processing.ladder import MediaInfo

LIMITS = Limits(cpu_seconds=20, memory_bytes=2 * 1024**3, file_bytes=0, wall_seconds=60)
# A file is cut off when it lacks a tenth of what its header promises, and more than a second.
COMPLETE = 0.9
MISSING_SECONDS = 1
# Headers know that the last sound packet is not played to its end; packets do not.
PADDING_SECONDS = 0.1
HEAD_BYTES = 512
OTHER_MEDIA = (
    b"FLV", b"OggS", b"ID3", b"fLaC", b"\x30\x26\xb2\x75", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3",
)  # fmt: skip
TS_PACKET_BYTES = 188


def inspect(tools: Tools, source: Path, *, max_seconds: float) -> MediaInfo:
    """What the file holds. Raises `BadMedia` for what cannot become a video."""
    container = _container(source)
    streams = probe(tools, source)
    found = [stream for stream in (streams.picture.stream, streams.sound) if stream]
    _check_length(streams.declared_seconds, max_seconds)
    scanned = scan(tools, source, tuple(f"0:{stream['index']}" for stream in found))
    promised_seconds = _avi_seconds(source) if container == "avi" else streams.declared_seconds
    span = _picture_span(scanned, promised_seconds)
    duration_seconds = _real_seconds(scanned, streams.declared_seconds)
    _check_length(duration_seconds, max_seconds)
    return _described(
        streams,
        span,
        has_sound=scanned.sound is not None,
        duration_seconds=duration_seconds,
        container=container,
        size_bytes=source.stat().st_size,
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


def _described(
    streams: Streams,
    span: Span,
    *,
    has_sound: bool,
    duration_seconds: float,
    container: str,
    size_bytes: int,
) -> MediaInfo:
    picture, sound = streams.picture, streams.sound if has_sound else None
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
        container=container,
        rotation_degrees=picture.rotation_degrees,
        size_bytes=size_bytes,
        color_space=known(picture.stream.get("color_space")),
        picture_seconds=min(span.end_seconds, duration_seconds),
        longest_gap_seconds=span.longest_gap_seconds,
        video_stream=f"0:{picture.stream['index']}",
        audio_stream=f"0:{sound['index']}" if sound else "0:a:0",
        sounds=streams.sounds if sound else (),
    )


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
    is_padded = 0 <= scanned.end_seconds - declared_seconds < PADDING_SECONDS
    return declared_seconds if is_padded else scanned.end_seconds


def _avi_seconds(source: Path) -> float:
    """What the header of a cut-off AVI promises, which ffprobe adapts to what is there; else 0."""
    with source.open("rb") as opened:
        head = opened.read(HEAD_BYTES).ljust(HEAD_BYTES, b"\0")
    (riff_bytes,) = struct.unpack_from("<I", head, 4)
    if head[24:28] != b"avih" or source.stat().st_size >= riff_bytes:
        return 0.0
    (frame_microseconds,), (frames,) = (struct.unpack_from("<I", head, at) for at in (32, 48))
    return frame_microseconds * frames / 1e6
