"""Which renditions a video gets: sizes, bit rates and frame rate, from what its source is.

A rung R is a box of R x 16/9 by R pixels, upright for portrait. The picture is fitted into the box
and never enlarged, so "720p" is 1280x720, 960x720, 1280x534 or 720x1280.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

WIDE = Fraction(16, 9)
# A source counts as reaching a rung that it misses by no more: 1078 lines, or 852 columns.
TOLERANCE = 0.98
# Rung and the most kilobits per second its 16:9 picture may take.
BITRATES = ((360, 800), (480, 1400), (720, 2800), (1080, 5000), (1440, 9000), (2160, 16000))
MIN_BITRATE_KBPS = 100
FAST_FPS = 40
FAST_FACTOR = 1.5
MAX_FPS = 60
MIN_FPS = 1
STANDARD_RATES = tuple(
    Fraction(rate)
    for rate in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60")
)
SNAP = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSound:
    """One of a source's sounds: FFmpeg's specifier, and what the container says of it."""

    stream: str
    language: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """What a source is. `width` and `height` are as displayed: rotated, with square pixels.

    Durations count from the earliest sample. `video_stream` and `audio_stream` are FFmpeg's stream
    specifiers. `picture_seconds` is how long the picture lasts where the sound outlasts it, and
    `longest_gap_seconds` how long one frame of it stays at most; None where that is not known.
    """

    duration_seconds: float
    width: int
    height: int
    fps: float
    video_codec: str
    audio_codec: str | None
    pixel_format: str
    hdr: bool
    interlaced: bool
    container: str
    rotation_degrees: int
    size_bytes: int
    color_space: str | None = None
    picture_seconds: float | None = None
    longest_gap_seconds: float | None = None
    video_stream: str = "0:v:0"
    audio_stream: str = "0:a:0"
    # All of them, the one above as well.
    sounds: tuple[SourceSound, ...] = ()

    @property
    def has_audio(self) -> bool:
        return self.audio_codec is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One encoding of the picture. `name` is that of its rung: `720p`."""

    name: str
    nominal_height: int
    width: int
    height: int
    max_bitrate_kbps: int


def ladder(info: MediaInfo, heights: tuple[int, ...]) -> tuple[Rendition, ...]:
    """The renditions to make of this source, lowest first; never none, never enlarged."""
    reached = [rung for rung in sorted(set(heights)) if _reaches(info, rung)]
    return tuple(_rendition(info, rung) for rung in reached or [_own_rung(info)])


def fit(width: int, height: int, rung: int) -> tuple[int, int]:
    """The size of a picture inside the rung's box: even numbers, aspect kept, never larger."""
    box_width, box_height = _box(width, height, rung)
    scale = min(box_width / width, box_height / height, 1)
    return _even(width, scale), _even(height, scale)


def frame_rate(info: MediaInfo) -> Fraction:
    """The constant rate to encode at: the source's average, tidied, and at most 60."""
    fps = min(max(info.fps, MIN_FPS), MAX_FPS)
    nearest = min(STANDARD_RATES, key=lambda rate: abs(rate - fps))
    if abs(nearest - fps) <= nearest * SNAP:
        return nearest
    return Fraction(f"{fps:.3f}")


def _box(width: int, height: int, rung: int) -> tuple[Fraction, Fraction]:
    long, short = rung * WIDE, Fraction(rung)
    return (long, short) if width >= height else (short, long)


def _reaches(info: MediaInfo, rung: int) -> bool:
    box_width, box_height = _box(info.width, info.height, rung)
    return max(info.width / box_width, info.height / box_height) >= TOLERANCE


def _own_rung(info: MediaInfo) -> int:
    """The rung whose box a small source just fills."""
    long, short = max(info.width, info.height), min(info.width, info.height)
    return max(2, round(max(short, long / WIDE)))


def _even(length: int, scale: Fraction | int) -> int:
    """Rounded to the nearest even number, unless that would enlarge."""
    return max(2, min(round(length * scale / 2), length // 2) * 2)


def _rendition(info: MediaInfo, rung: int) -> Rendition:
    width, height = fit(info.width, info.height, rung)
    bitrate_kbps = _bitrate_kbps(width * height)
    if info.fps > FAST_FPS:
        bitrate_kbps *= FAST_FACTOR
    return Rendition(
        name=f"{rung}p",
        nominal_height=rung,
        width=width,
        height=height,
        max_bitrate_kbps=max(MIN_BITRATE_KBPS, 10 * round(bitrate_kbps / 10)),
    )


def _bitrate_kbps(pixels: int) -> float:
    """On straight lines between the rungs of `BITRATES`, and on the last one beyond them."""
    points = [(0.0, 0.0), *((float(rung * rung * WIDE), float(kbps)) for rung, kbps in BITRATES)]
    spans = list(pairwise(points))
    (from_pixels, low), (to_pixels, high) = next(
        (span for span in spans if pixels <= span[1][0]), spans[-1]
    )
    return low + (high - low) * (pixels - from_pixels) / (to_pixels - from_pixels)
