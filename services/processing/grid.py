"""Where a long video is cut into pieces that are encoded apart and joined without a seam.

All pieces begin at a key frame of the whole: at the first frame at or after a multiple of the
piece's length, which is a multiple of the two seconds between key frames. Frames are counted, not
timed, so that nothing adds up to a drift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from services.processing.ladder import MediaInfo, frame_rate

KEY_FRAME_SECONDS = 2
# A piece is decoded from so long before it begins, to know which picture is shown at its start.
LEAD_SECONDS = 2
# Files that can be entered anywhere; an AVI's index does not tell when its frames are shown.
SEEKABLE = {"mp4", "mov", "mkv", "webm"}
# A picture that stands still for longer might leave a piece without any.
MAX_GAP_SECONDS = 1.0
# How much earlier than the file the picture may end.
MAX_TAIL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Frames of the whole, counted from its first."""

    number: int
    first_frame: int
    frames: int

    def starts_at(self, rate: Fraction) -> Fraction:
        return self.first_frame / rate


def pieces(info: MediaInfo, *, seconds: int, from_seconds: int) -> tuple[Piece, ...]:
    """The pieces to encode this source in; none if it is to be encoded in one."""
    if info.duration_seconds < from_seconds or not can_be_cut(info):
        return ()
    length = max(KEY_FRAME_SECONDS, seconds - seconds % KEY_FRAME_SECONDS)
    rate, end = frame_rate(info), frames_of(info)
    count = math.ceil(info.duration_seconds / length)
    starts = [math.ceil(number * length * rate) for number in range(count)]
    # A last piece shorter than half a frame has none.
    bounds = [*(start for start in starts if start < end), end]
    cut = [
        Piece(number=number, first_frame=start, frames=stop - start)
        for number, (start, stop) in enumerate(pairwise(bounds))
    ]
    return tuple(cut) if len(cut) > 1 else ()


def can_be_cut(info: MediaInfo) -> bool:
    """Whether each piece shows what the same stretch of the whole would."""
    gap_seconds, picture_seconds = info.longest_gap_seconds, info.picture_seconds
    if info.container not in SEEKABLE or gap_seconds is None or picture_seconds is None:
        return False
    tail_seconds = info.duration_seconds - picture_seconds
    return gap_seconds <= MAX_GAP_SECONDS and tail_seconds <= MAX_TAIL_SECONDS


def frames_of(info: MediaInfo) -> int:
    """How many frames each rendition has, encoded in one go."""
    return max(1, round(Fraction(f"{info.duration_seconds:.6f}") * frame_rate(info)))
