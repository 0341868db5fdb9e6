"""The media of a live stream: one file per segment, whose name says all that a playlist needs.

Storage is thereby the only record of what was sent: whichever process goes on with a stream, or
makes its replay, lists the folder. Each time somebody begins to send is a part of its own, with an
`init` of its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.live import LIVE_VERSION
from services.adapters.media.growing import END
from services.videos.keys import playback_key

MICROSECONDS = 1_000_000
# How far back a viewer can go while it is live.
WINDOW_SECONDS = 30
NAME = re.compile(r"(?P<part>[0-9]{3,})-(?P<number>[0-9]{6,})-(?P<microseconds>[0-9]+)\.m4s")


def live_key(video_id: str) -> str:
    """The folder of all that was sent."""
    return f"{playback_key(video_id)}/{LIVE_VERSION}"


def init_name(part: int) -> str:
    return f"{part:03d}-init.mp4"


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """One segment, in the order in which they play."""

    part: int
    number: int
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.part:03d}-{self.number:06d}-{round(self.seconds * MICROSECONDS)}.m4s"


def segments_among(names: Iterable[str]) -> list[Segment]:
    """Those of these files that are segments, in order."""
    found = (NAME.fullmatch(name) for name in names)
    return sorted(
        Segment(int(named["part"]), int(named["number"]), int(named["microseconds"]) / MICROSECONDS)
        for named in found
        if named
    )


def seconds_of(segments: Iterable[Segment]) -> float:
    return sum(segment.seconds for segment in segments)


def live_playlist(segments: Sequence[Segment], *, has_ended: bool) -> str:
    """What players get: the last of it while it is live, and all of it afterwards."""
    first = 0 if has_ended else _window(segments)
    before, shown = segments[:first], segments[first:]
    longest = max((segment.seconds for segment in segments), default=1.0)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, round_up(longest))}",
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{_changes([*before, *shown[:1]])}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        *(line for n, segment in enumerate(shown) for line in _entry(shown, n, segment)),
        *([END] if has_ended else []),
    ]
    return "\n".join(lines) + "\n"


def round_up(seconds: float) -> int:
    """As a target duration is compared: to the nearest second."""
    return math.floor(seconds + 0.5)


def _window(segments: Sequence[Segment]) -> int:
    """Where the last `WINDOW_SECONDS` begin."""
    seconds, first = 0.0, len(segments)
    while first and seconds < WINDOW_SECONDS:
        first -= 1
        seconds += segments[first].seconds
    return first


def _changes(segments: Sequence[Segment]) -> int:
    """How often another part begins among them."""
    return len({segment.part for segment in segments}) - 1 if segments else 0


def _entry(shown: Sequence[Segment], n: int, segment: Segment) -> list[str]:
    is_new = n > 0 and shown[n - 1].part != segment.part
    return [
        *(["#EXT-X-DISCONTINUITY"] if is_new else []),
        *([f'#EXT-X-MAP:URI="{init_name(segment.part)}"'] if is_new or n == 0 else []),
        f"#EXTINF:{segment.seconds:.6f},",
        segment.name,
    ]
