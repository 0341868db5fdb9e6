"""hls.js, Shaka Player and Chromium's own HLS in headless Chromium: what a viewer sees and hears.

    with chromium() as browser, page_server() as address:
        playing = play(open_page(browser, address), url, player="shaka")
        playing.reach(3)

`play` resolves with the first frame, or raises what the player complained of. `drm` are Shaka's
servers: {"org.w3.clearkey": licence URL}.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.npm import HLS_JS, SHAKA

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
PAGE = Path(__file__).parent / "players.html"
SCRIPTS = {"hls.js": HLS_JS, "shaka.js": SHAKA}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine; without one the test is skipped, but never under CI."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI must play videos: install Chromium or Chrome")
        pytest.skip("no Chromium or Chrome here: nothing was played")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def page_server() -> Iterator[str]:
    """The address of a page with the players, of another origin than the API's."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(PAGE, Path(folder, "index.html"))
        for name, script in SCRIPTS.items():
            shutil.copy(script, Path(folder, name))
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@dataclass(slots=True)
class Watched:
    """A page, what it complained of, and what it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def open_page(browser: Browser, address: str) -> Watched:
    watched = Watched(browser.new_page())
    page, complaints = watched.page, watched.complaints
    page.set_default_timeout(60_000)
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: watched.requests.append(request.url))
    page.goto(address)
    return watched


def play(
    watched: Watched,
    url: str,
    *,
    player: str = "hls",
    drm: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Playing:
    """Start a manifest in "hls" (hls.js), "shaka" or "native"; back with the first frame.

    `drm` are licence servers by key system and `headers` what their requests carry, for Shaka.
    """
    asked = {"url": url, "player": player, "drm": drm or {}, "headers": headers or {}}
    first_frame_ms = watched.page.evaluate("asked => start(asked)", asked)
    return Playing(watched, first_frame_ms)


@dataclass(frozen=True, slots=True)
class Playing:
    """A video that plays in a page. Tracks are named by language, as a viewer chooses them."""

    watched: Watched
    first_frame_ms: float

    def reach(self, seconds: float) -> float:
        """Wait until playback is there."""
        return self._do("reach", seconds)

    def seek(self, seconds: float) -> float:
        """Go there, and wait until it plays on."""
        return self._do("seek", seconds)

    def look_at(self, seconds: float) -> None:
        """Stop there."""
        self._do("lookAt", seconds)

    def cue(self) -> tuple[str, float]:
        """The next text that is shown over the picture, and since when."""
        shown = self._do("cue")
        return shown["text"], shown["start"]

    def text_languages(self) -> list[str]:
        return self._do("textLanguages")

    def text_is_on(self) -> bool:
        return self._do("textIsOn")

    def choose_text(self, language: str) -> None:
        self._do("chooseText", language)

    def audio_languages(self) -> list[str]:
        return self._do("audioLanguages")

    def choose_audio(self, language: str) -> None:
        self._do("chooseAudio", language)

    def hears(self, hertz: float) -> float:
        """Wait until the loudest tone is about `hertz`; what it was in the end."""
        return self._do("hears", hertz)

    def heights(self) -> list[int]:
        return self._do("heights")

    def choose_height(self, height: int) -> int:
        """Play this rendition alone; the height of the picture that is then drawn."""
        return self._do("chooseHeight", height)

    def thumbnail(self, seconds: float, vtt: str = "") -> dict[str, Any]:
        """Where the small picture for that moment is: of the manifest, or of a WebVTT (Shaka)."""
        return self._do("thumbnail", {"seconds": seconds, "vtt": vtt})

    def stamp(self) -> dict[str, float]:
        """When the picture was `taken` (tests/camera.py), `now`, both in ms, and the position."""
        return self._do("stamp")

    def play_fast(self, rate: float) -> None:
        """Wind forward, until it was seen to (Shaka)."""
        self._do("playFast", rate)

    def _do(self, act: str, argument: object = None) -> Any:
        return self.watched.page.evaluate(
            "([act, argument]) => window[act](argument)", [act, argument]
        )
