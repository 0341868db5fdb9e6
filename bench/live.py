"""A live stream from glass to glass: how far the picture on the screen is behind the camera.

Each picture carries the time at which it was taken (tests/camera.py); a page reads it back while it
plays. Camera, server and browser share one clock, being on one machine.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from playwright.sync_api import Page

from tests.camera import camera
from tests.players import Playing, Watched, chromium, open_page, page_server
from tests.stack import running, wait_for

SAMPLES = 40
SETTLED_SECONDS = 8
PLAYERS = {
    "hls.js, as it comes": {},
    "hls.js, liveSyncDurationCount 1": {"liveSyncDurationCount": 1},
    "Chromium's own": None,
}


def run(folder: Path) -> None:
    print("\n320x180, 25 pictures a second, a key frame each second; seconds behind the camera")
    print("| player | median | largest | from sending to playing |")
    print("| --- | ---: | ---: | ---: |")
    with running(folder, SEED_ON_FIRST_START="false") as stack, chromium() as browser:
        token = stack.sign_in()
        live = stack.call("/api/live", {"title": "Bench"}, token=token).json
        video_id, began = live["video_id"], time.monotonic()
        with (
            camera(f"{live['ingest_url']}/{live['stream_key']}"),
            page_server() as address,
        ):
            wait_for(lambda: stack.video(video_id, token)["playable"], 60)
            until_live = time.monotonic() - began
            url = stack.stream_url(video_id, token)
            for name, options in PLAYERS.items():
                watched = open_page(browser, address)
                behind = _behind(watched, url, options)
                print(
                    f"| {name} | {statistics.median(behind):.1f} | {max(behind):.1f}"
                    f" | {until_live:.1f} |"
                )
                watched.page.close()


def _behind(watched: Watched, url: str, options: dict[str, int] | None) -> list[float]:
    """Some moments after it has settled, in seconds."""
    _start(watched.page, url, options)
    time.sleep(SETTLED_SECONDS)
    playing, found = Playing(watched, 0.0), []
    for _ in range(SAMPLES):
        stamp = playing.stamp()
        found.append((stamp["now"] - stamp["taken"]) / 1000)
        time.sleep(0.25)
    return found


def _start(page: Page, url: str, options: dict[str, int] | None) -> None:
    if options is None:
        page.evaluate("asked => start(asked)", {"url": url, "player": "native"})
    else:
        page.evaluate("asked => startLive(asked)", {"url": url, "options": options})
