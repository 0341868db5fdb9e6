"""What ffprobe says about a file's streams, turned into facts: which to play, how large, how fast.

Pure: numbers and words of strangers go in, so nothing is taken to be there or to make sense.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from services.adapters.media.refusals import refusal
from services.processing.ladder import SourceSound

# What `Streams` reads of ffprobe's answer.
ENTRIES = (
    "format=duration"
    ":stream=index,codec_type,codec_name,width,height,pix_fmt,field_order,avg_frame_rate"
    ",r_frame_rate,sample_aspect_ratio,color_space,color_transfer,channels,duration,nb_frames"
    ":stream_disposition=default,attached_pic,timed_thumbnails:stream_side_data=rotation"
    ":stream_tags=language,title"
)
MAX_PIXELS = 8192 * 4320
HDR_TRANSFERS = {"smpte2084", "arib-std-b67"}
INTERLACED_ORDERS = {"tt", "bb", "tb", "bt"}
# A camera that dropped a few frames still means its nominal rate.
NEARLY_NOMINAL = 0.9
FALLBACK_FPS = 25.0


@dataclass(frozen=True, slots=True)
class Streams:
    """ffprobe's answer, of which `picture` and `sound` are what a player would choose."""

    answer: dict[str, Any]

    @property
    def declared_seconds(self) -> float:
        return number(self.answer.get("format", {}).get("duration"))

    @property
    def picture(self) -> Picture:
        """Raises `BadMedia`. Covers and thumbnails are not meant."""
        moving = [
            stream
            for stream in self._of("video")
            if not stream["disposition"]["attached_pic"]
            and not stream["disposition"]["timed_thumbnails"]
        ]
        if not moving:
            raise refusal("no_video_stream")
        return Picture(_preferred(moving)).checked()

    @property
    def sound(self) -> dict[str, Any] | None:
        return _preferred(self._heard) if self._heard else None

    @property
    def sounds(self) -> tuple[SourceSound, ...]:
        """Every sound, as the container names it."""
        return tuple(
            SourceSound(
                stream=f"0:{stream['index']}",
                language=stream.get("tags", {}).get("language", ""),
                title=stream.get("tags", {}).get("title", ""),
            )
            for stream in self._heard
        )

    @property
    def _heard(self) -> list[dict[str, Any]]:
        return [s for s in self._of("audio") if s.get("channels") and known(s.get("codec_name"))]

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [s for s in self.answer.get("streams", ()) if s.get("codec_type") == kind]


@dataclass(frozen=True, slots=True)
class Picture:
    """A video stream, as ffprobe describes it."""

    stream: dict[str, Any]

    def checked(self) -> Picture:
        pixels = self.stream.get("width", 0) * self.stream.get("height", 0)
        if pixels > MAX_PIXELS:
            raise refusal("too_large_picture")
        if known(self.stream.get("codec_name")) is None:
            raise refusal("unsupported_format")
        if pixels <= 0:
            raise refusal("damaged")
        return self

    @property
    def rotation_degrees(self) -> int:
        """The clockwise turn that shows it upright."""
        turns = (side.get("rotation") for side in self.stream.get("side_data_list", ()))
        return round(-next((turn for turn in turns if turn is not None), 0)) % 360

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as shown: with square pixels, and upright."""
        width, height = self.stream["width"], self.stream["height"]
        aspect = _fraction(self.stream.get("sample_aspect_ratio", "").replace(":", "/"))
        width = max(1, round(width * (aspect or 1)))
        is_on_its_side = round(self.rotation_degrees / 90) % 2 == 1
        return (height, width) if is_on_its_side else (width, height)

    @property
    def is_hdr(self) -> bool:
        return self.stream.get("color_transfer") in HDR_TRANSFERS

    @property
    def is_interlaced(self) -> bool:
        return self.stream.get("field_order") in INTERLACED_ORDERS

    def fps(self, counted: float) -> float:
        """Frames per second; `counted` are those of the packets, which headers may contradict."""
        average = float(_fraction(self.stream.get("avg_frame_rate", "")))
        if counted and not counted / 2 < average < counted * 2:
            average = counted
        nominal = float(_fraction(self.stream.get("r_frame_rate", "")))
        is_nominal = nominal * NEARLY_NOMINAL <= average <= nominal * (2 - NEARLY_NOMINAL)
        return (nominal if is_nominal else average) or FALLBACK_FPS


def known(value: str | None) -> str | None:
    """There are several ways of not knowing in ffprobe."""
    return None if value in {None, "", "unknown", "none"} else value


def number(text: str | None) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _preferred(streams: list[dict[str, Any]]) -> dict[str, Any]:
    return next((stream for stream in streams if stream["disposition"]["default"]), streams[0])


def _fraction(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return Fraction(0)
