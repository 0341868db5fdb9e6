"""From the end of an upload until it plays: a film of ten seconds, of a minute and of ten.

Beside it what else could be shown early: the source's own stream, copied into segments, which only
works for some sources and in their one size.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path

from config import Settings
from services.adapters.media.tools import find_tools
from tests.npm import FILM
from tests.samples import generate
from tests.stack import Stack, running, wait_for

ROUNDS = 5
FILM_SECONDS = 30
LENGTHS = {"10 s": 10, "1 min": 60, "10 min": 600}
COPY = ("-c", "copy", "-f", "hls", "-hls_time", "4", "-hls_segment_type", "fmp4")


def run(folder: Path) -> None:
    folder.mkdir(parents=True)
    films = {name: _film(folder / f"{seconds}.mp4", seconds) for name, seconds in LENGTHS.items()}
    print(f"\nBig Buck Bunny, 1080p, seconds after the upload; the first is a median of {ROUNDS}")
    print("| length | plays | all of it plays | copied into segments |")
    print("| --- | ---: | ---: | ---: |")
    with running(folder / "stack", X264_PRESET="veryfast", SEED_ON_FIRST_START="false") as stack:
        token = stack.sign_in()
        for name, film in films.items():
            early = [_uploaded(stack, token, film)[0] for _ in range(ROUNDS)]
            _, complete = _uploaded(stack, token, film, to_the_end=True)
            plays, copied = statistics.median(early), _copied(film)
            print(f"| {name} | {plays:.2f} | {complete:.2f} | {copied:.2f} |", flush=True)


def _film(target: Path, seconds: int) -> Path:
    loops = max(0, -(-seconds // FILM_SECONDS) - 1)
    generate(f"-stream_loop {loops} -i {FILM} -t {seconds} -c copy", target)
    return target


def _uploaded(
    stack: Stack, token: str, film: Path, *, to_the_end: bool = False
) -> tuple[float, float]:
    """Until it plays, and, if that is wanted, until all of it does. Then it is deleted."""
    video_id = stack.upload(film, token).json["id"]
    began = time.monotonic()
    wait_for(lambda: stack.video(video_id, token)["playable"], 300)
    early = time.monotonic() - began
    url = stack.stream_url(video_id, token)
    playlist = url.replace("master.m3u8", "media.m3u8")
    if to_the_end:
        wait_for(lambda: "/v0/" not in url or b"ENDLIST" in stack.call(playlist).body, 3600)
    complete = time.monotonic() - began
    stack.call(f"/api/videos/{video_id}", token=token, method="DELETE")
    # The worker notices, and is free for the next.
    wait_for(lambda: not stack.pids(r"ffmpeg|packager"), 60)
    return early, complete


def _copied(film: Path) -> float:
    folder = film.with_suffix("")
    folder.mkdir(exist_ok=True)
    ffmpeg, began = find_tools(Settings.from_env()).ffmpeg, time.monotonic()
    command = [ffmpeg, "-v", "error", "-y", "-i", film, *COPY, "index.m3u8"]
    subprocess.run(command, check=True, cwd=folder)
    return time.monotonic() - began
