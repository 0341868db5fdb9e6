"""Time from an upload to the first playable rendition and to ready, beside plain FFmpeg.

The yardstick encodes the same film to the same renditions with one ffmpeg after the other, straight
to HLS, which is what a simple pipeline does: nothing plays until the last has ended.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path

from config import Settings
from services.adapters.media.ffmpeg import Ffmpeg
from services.adapters.media.tools import find_tools
from services.processing import ladder
from tests.npm import FILM
from tests.stack import Stack, running, wait_for

ROUNDS = 3
HLS = ("-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod")
POLL_SECONDS = 0.05


def run(folder: Path) -> None:
    with running(folder, X264_PRESET="veryfast") as stack:
        rounds = [(plain(folder / f"plain{n}"), *uploaded(stack)) for n in range(ROUNDS)]
    one_by_one, playable, ready = (
        statistics.median(column) for column in zip(*rounds, strict=True)
    )
    print(f"\nBig Buck Bunny, 30 s of 1080p, {ROUNDS} interleaved rounds, medians")
    print("| | seconds | of plain |")
    print("| --- | ---: | ---: |")
    print(f"| plain: one ffmpeg per rendition, in sequence | {one_by_one:.1f} | 1.00 |")
    print(f"| CLUTCH: upload to first playable | {playable:.1f} | {playable / one_by_one:.2f} |")
    print(f"| CLUTCH: upload to ready | {ready:.1f} | {ready / one_by_one:.2f} |")


def uploaded(stack: Stack) -> tuple[float, float]:
    """Seconds from the answer to the upload until it plays, and until it is ready."""
    token = stack.sign_in()
    video_id = stack.upload(FILM, token).json["id"]
    began = time.monotonic()
    wait_for(lambda: stack.video(video_id, token)["playable"], 300)
    playable = time.monotonic() - began
    stack.finished(video_id, token, 600)
    return playable, time.monotonic() - began


def plain(folder: Path) -> float:
    """Seconds for all renditions, with CLUTCH's own encoder settings."""
    settings = Settings.from_env()
    tools = find_tools(settings)
    info = Ffmpeg.from_settings(settings, tools).inspect(FILM)
    began = time.monotonic()
    for rendition in ladder.ladder(info, settings.renditions):
        target = folder / rendition.name
        target.mkdir(parents=True)
        subprocess.run(command(str(tools.ffmpeg), settings, rendition, target), check=True)
    return time.monotonic() - began


def command(
    ffmpeg: str, settings: Settings, rendition: ladder.Rendition, target: Path
) -> list[str]:
    """One rendition as HLS, as a tutorial would write it."""
    cap = rendition.max_bitrate_kbps
    return [
        *(ffmpeg, "-v", "error", "-y", "-i", str(FILM)),
        *("-vf", f"scale={rendition.width}:{rendition.height}"),
        *("-c:v", "libx264", "-preset", settings.x264_preset, "-crf", str(settings.x264_crf)),
        *("-maxrate", f"{cap}k", "-bufsize", f"{2 * cap}k"),
        *("-force_key_frames", "expr:gte(t,n_forced*2)", "-sc_threshold", "0"),
        *("-c:a", "aac", "-b:a", "128k", *HLS, str(target / "index.m3u8")),
    ]
