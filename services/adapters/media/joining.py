"""Encoded pieces become one file again, without a frame lost, doubled or encoded anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from services.adapters.media import growing
from services.adapters.media.confined import Limits, ToolFailed, run
from services.adapters.media.encoding import ANONYMOUS, GIB, NAMELESS, SAFE, failure
from services.adapters.media.probing import probe
from services.adapters.media.streams import number
from services.adapters.media.tools import Tools
from services.processing.grid import Piece

HEAD_BYTES = 64 * 1024
ENCODED_AGAIN = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-c:a", "aac")
LIVE_LIMITS = Limits(
    cpu_seconds=24 * 3600, memory_bytes=2 * GIB, file_bytes=256 * GIB, wall_seconds=12 * 3600
)


def join(tools: Tools, made: Sequence[tuple[Piece, Path]], rate: Fraction, target: Path) -> None:
    """Write `target` from pieces in their order. Raises `ToolFailed`: they are of our making."""
    inputs = _concatenated(_entries(made, rate), target)
    size_bytes = sum(path.stat().st_size for _, path in made)
    finished = run(
        (tools.ffmpeg, *SAFE, *inputs, "-map", "0:v", "-c", "copy", *ANONYMOUS, f"file:{target}"),
        _limits(size_bytes),
    )
    if finished.returncode != 0:
        raise failure(finished)
    frames = sum(piece.frames for piece, _ in made)
    if (found := frames_in(tools, target)) != frames:
        raise ToolFailed(f"{target.name} has {found} frames instead of {frames}")


def join_parts(tools: Tools, parts: Sequence[Path], target: Path) -> None:
    """Write `target` from the parts of a live stream, in order, with picture and sound.

    They are copied where all are encoded alike, which they are unless an encoder came back with
    other settings: then all is encoded once more, as nothing else could play it.
    """
    inputs = _concatenated(map(_entry, parts), target)
    is_alike = len({_configuration(path) for path in parts}) == 1
    coded = ("-c", "copy") if is_alike else ENCODED_AGAIN
    size_bytes = sum(path.stat().st_size for path in parts)
    finished = run(
        (
            *(tools.ffmpeg, *SAFE, *inputs, "-map", "0:v:0", "-map", "0:a:0?", *coded),
            *(*ANONYMOUS, "-movflags", "+faststart", f"file:{target}"),
        ),
        LIVE_LIMITS if is_alike else replace(LIVE_LIMITS, file_bytes=4 * size_bytes + GIB),
    )
    if finished.returncode != 0:
        raise failure(finished)


def segment(tools: Tools, inputs: Sequence[Path], folder: Path) -> None:
    """Write the segments of a picture, and its sound, that are encoded already."""
    finished = run(
        (
            *(tools.ffmpeg, *SAFE),
            *(word for path in inputs for word in _input(path)),
            *(word for n, _ in enumerate(inputs) for word in ("-map", str(n))),
            *("-c", "copy", *NAMELESS, *growing.only_segments()),
        ),
        _limits(sum(path.stat().st_size for path in inputs)),
        cwd=folder,
    )
    if finished.returncode != 0:
        raise failure(finished)


def frames_in(tools: Tools, made: Path) -> int:
    found = probe(tools, made).answer.get("streams") or [{}]
    return int(number(found[0].get("nb_frames")))


def _configuration(part: Path) -> bytes:
    """What decoders are told before the first picture of a part."""
    with part.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    start = head.find(b"avc1")
    return head[start : head.find(b"moof")] if start >= 0 else b""


def _concatenated(entries: Iterable[str], target: Path) -> tuple[str, ...]:
    """What FFmpeg is told to read them one after the other; its list lies beside `target`."""
    listed = target.with_name(f"{target.name}.txt")
    listed.write_text("".join(["ffconcat version 1.0\n", *entries]))
    return ("-f", "concat", "-safe", "0", "-protocol_whitelist", "file", "-i", f"file:{listed}")


def _entry(path: Path) -> str:
    quoted = str(path).replace("'", "'\\''")
    return f"file 'file:{quoted}'\n"


def _entries(made: Sequence[tuple[Piece, Path]], rate: Fraction) -> list[str]:
    """Of pieces. A file's own duration is rounded; those given here add up to the whole."""
    lines, ends_at = list[str](), _microseconds(made[0][0].starts_at(rate))
    for piece, path in made:
        starts_at = ends_at
        ends_at = _microseconds((piece.first_frame + piece.frames) / rate)
        lines.append(f"{_entry(path)}duration {ends_at - starts_at}us\n")
    return lines


def _microseconds(seconds: Fraction) -> int:
    return round(seconds * 1_000_000)


def _input(path: Path) -> tuple[str, ...]:
    return ("-protocol_whitelist", "file", "-i", f"file:{path}")


def _limits(size_bytes: int) -> Limits:
    return Limits(
        cpu_seconds=600, memory_bytes=2 * GIB, file_bytes=size_bytes + GIB, wall_seconds=1800
    )
