"""Storyboards: small pictures of a whole video on few sheets, and a WebVTT that says where each is.

They are of key frames alone, which every rendition has each two seconds, so that making them costs
next to nothing. What players show while somebody seeks.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from services.adapters.media.confined import LimitReached, Limits, ToolFailed, run
from services.adapters.media.encoding import SAFE, failure
from services.adapters.media.manifests import Sheets
from services.adapters.media.tools import Tools
from services.adapters.media.unfinished import keep, unfinished
from services.processing.grid import KEY_FRAME_SECONDS
from services.processing.ladder import fit

FOLDER = "storyboard"
VTT = "storyboard.vtt"
# As DASH and FFmpeg write it: storyboard-001.jpg
SHEET, SHEET_PATTERN = "storyboard-$Number%03d$.jpg", "storyboard-%03d.jpg"
TILE_RUNG = 90  # 160x90, or 90x160
SIDE = 10
MOST_SHEETS = 5
LIMITS = Limits(cpu_seconds=900, memory_bytes=4 * 1024**3, file_bytes=1024**3, wall_seconds=1800)
CUE = re.compile(
    r"(\d+):(\d+):(\d+)\.\d+ --> (\d+):(\d+):(\d+)\.\d+\n\S+#xywh=(\d+),(\d+),(\d+),(\d+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One picture each `interval_seconds`, `columns` by `rows` of them on each sheet."""

    interval_seconds: int
    pictures: int
    columns: int
    rows: int


def plan(duration_seconds: float) -> Plan:
    """As many pictures as there are key frames, but no more than fit on the sheets."""
    key_frames = max(1, math.ceil(duration_seconds / KEY_FRAME_SECONDS))
    each = math.ceil(key_frames / (MOST_SHEETS * SIDE * SIDE))
    pictures = math.ceil(key_frames / each)
    columns = min(SIDE, pictures)
    return Plan(
        interval_seconds=each * KEY_FRAME_SECONDS,
        pictures=pictures,
        columns=columns,
        rows=min(SIDE, math.ceil(pictures / columns)),
    )


@dataclass(frozen=True, slots=True)
class Storyboards:
    tools: Tools

    def make(
        self, rendition: Path, size: tuple[int, int], duration_seconds: float, target: Path
    ) -> None:
        """Write the folder `target` from one of our renditions, of this size.

        Raises `ToolFailed`.
        """
        planned, (width, height) = plan(duration_seconds), fit(*size, TILE_RUNG)
        with unfinished(target.parent) as aside:
            folder = aside / target.name
            folder.mkdir()
            _draw(self.tools, rendition, planned, (width, height), folder)
            drawn = len(list(folder.glob("*.jpg"))) * planned.columns * planned.rows
            pictures = min(drawn, planned.pictures)
            (folder / VTT).write_text(_vtt(planned, pictures, width, height))
            keep(folder, target)


def read(vtt: Path) -> Sheets:
    """What a manifest has to know about a storyboard."""
    found = [tuple(map(int, cue)) for cue in CUE.findall(vtt.read_text())]
    hours, minutes, seconds = (
        end - start for start, end in zip(found[0][:3], found[0][3:6], strict=True)
    )
    width, height = found[0][8:]
    return Sheets(
        media=SHEET,
        interval_seconds=(hours * 60 + minutes) * 60 + seconds,
        columns=max(cue[6] for cue in found) // width + 1,
        rows=max(cue[7] for cue in found) // height + 1,
        tile_width=width,
        tile_height=height,
    )


def _draw(
    tools: Tools, rendition: Path, planned: Plan, size: tuple[int, int], folder: Path
) -> None:
    # Half a frame early is early enough: key frames are where they belong, in every rendition.
    after = planned.interval_seconds - 0.05
    filters = (
        f"select='isnan(prev_selected_t)+gte(t-prev_selected_t,{after})'"
        f",scale={size[0]}:{size[1]},tile={planned.columns}x{planned.rows}"
    )
    command = (
        *(tools.ffmpeg, *SAFE, "-skip_frame", "nokey"),
        *("-protocol_whitelist", "file", "-i", f"file:{rendition}", "-vf", filters),
        *("-fps_mode", "vfr", "-map_metadata", "-1", "-c:v", "mjpeg", "-q:v", "5"),
        # By its path a pattern would be one more pattern.
        *("-f", "image2", SHEET_PATTERN),
    )
    try:
        finished = run(command, LIMITS, cwd=folder)
    except LimitReached as reached:
        raise ToolFailed(f"storyboard: {reached}") from reached
    if finished.returncode != 0:
        raise failure(finished)


def _vtt(planned: Plan, pictures: int, width: int, height: int) -> str:
    per_sheet = planned.columns * planned.rows
    cues = ["WEBVTT\n"]
    for number in range(pictures):
        sheet, place = divmod(number, per_sheet)
        row, column = divmod(place, planned.columns)
        start = number * planned.interval_seconds
        # Whole, though the video may end before: a tile stands for its interval.
        times = f"{_time(start)} --> {_time(start + planned.interval_seconds)}"
        where = f"{column * width},{row * height},{width},{height}"
        cues.append(f"{times}\n{SHEET_PATTERN % (sheet + 1)}#xywh={where}\n")
    return "\n".join(cues)


def _time(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.000"
