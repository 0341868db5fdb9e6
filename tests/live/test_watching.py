"""A live stream from the camera to the screen, and what is left of it, through the whole stack."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket

from tests.camera import camera
from tests.players import Playing, chromium, open_page, page_server, play
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("stack")]

SECONDS = 90


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    with page_server() as address:
        yield address


@dataclass(frozen=True)
class Live:
    """A stream that somebody may send, and what they see of it."""

    stack: Stack
    token: str
    video_id: str
    url: str

    def state(self) -> Any:
        return self.stack.call(f"/api/videos/{self.video_id}/live", token=self.token).json

    def has(self, status: str) -> Any:
        found = self.state()
        return found if found["status"] == status else None

    def end(self) -> None:
        path = f"/api/videos/{self.video_id}/live/end"
        assert self.stack.call(path, token=self.token, method="POST").status == 200


@pytest.fixture
def live(stack: Stack) -> Live:
    token = stack.sign_in()
    made = stack.call("/api/live", {"title": "From my roof"}, token=token)
    assert made.status == 201
    url = f"{made.json['ingest_url']}/{made.json['stream_key']}"
    return Live(stack, token, made.json["video_id"], url)


@contextmanager
def listening(live: Live) -> Iterator[Callable[[Callable[[Any], bool]], Any]]:
    """Answers how to wait for an event of the stream's channel."""
    with open_socket(live.stack.url.replace("http", "ws") + "/ws") as socket:
        socket.send(json.dumps({"type": "subscribe", "channel": f"video:{live.video_id}"}))

        def heard(is_it: Callable[[Any], bool]) -> Any:
            return wait_for(lambda: _next(socket, is_it), SECONDS)

        yield heard


def _next(socket: ClientConnection, is_it: Callable[[Any], bool]) -> Any:
    try:
        said = json.loads(socket.recv(timeout=1))
    except TimeoutError:
        return None
    return said if said["type"] == "live_stream" and is_it(said) else None


def watch(live: Live, browser: Browser, page: str, token: str = "") -> Playing:
    url = live.stack.stream_url(live.video_id, token or live.token)
    return play(open_page(browser, page), url)


def shows_what_was_taken_after(playing: Playing, moment_ms: float) -> bool:
    return playing.stamp()["taken"] >= moment_ms


def test_a_stream_is_watched_interrupted_resumed_ended_and_watched_again(
    stack: Stack, live: Live, browser: Browser, page: str
) -> None:
    with camera(live.url):
        wait_for(lambda: live.has("live"), SECONDS)
        playing = watch(live, browser, page)
        began = time.time() * 1000
        wait_for(lambda: shows_what_was_taken_after(playing, began), SECONDS)
        with listening(live) as heard:
            somebody_else = stack.sign_in()
            stream_of_theirs = stack.call(
                f"/stream/{live.video_id}?token="
                + stack.video(live.video_id, somebody_else)["playback_token"],
                token=somebody_else,
            ).json
            told = heard(lambda said: said["viewer_count"] == 2)
            assert set(told) == {"type", "video_id", "status", "viewer_count", "event_id"}
            assert (told["video_id"], told["status"]) == (live.video_id, "live")
            assert live.state()["viewer_count"] == 2
            gone = {"streamId": stream_of_theirs["streamId"]}
            left = stack.call(
                f"/stream/{live.video_id}/stop", gone, token=somebody_else, method="POST"
            )
            assert left.status < 300, left.body
            assert heard(lambda said: said["viewer_count"] == 1)["status"] == "live"
            with camera(live.url + "x") as stranger:
                assert stranger.wait(SECONDS) != 0, "a wrong key was let in"
            with camera(live.url) as second:
                assert second.wait(SECONDS) != 0, "it was sent twice at a time"
    wait_for(lambda: live.has("offline"), SECONDS)
    with camera(live.url):
        returned = time.time() * 1000
        wait_for(lambda: live.has("live"), SECONDS)
        wait_for(lambda: shows_what_was_taken_after(playing, returned), SECONDS)
        live.end()
        ended = wait_for(lambda: live.has("ended"), SECONDS)
    assert ended["peak_viewer_count"] == 2
    replay = wait_for(lambda: replayed(live), SECONDS)
    assert not playing.watched.complaints
    again = watch(live, browser, page)
    assert "/e1v" in stack.stream_url(live.video_id, live.token)
    again.reach(1)
    again.seek(replay["duration"] - 2)


def replayed(live: Live) -> Any:
    """The video, once its replay is as any other."""
    found = live.stack.video(live.video_id, live.token)
    is_ready = found["processing_status"] == "ready" and "/e1v" in live.stack.stream_url(
        live.video_id, live.token
    )
    return found if is_ready and found["live_status"] == "ended" else None


def test_a_killed_ingest_loses_nothing_that_was_shown(
    stack: Stack, live: Live, browser: Browser, page: str
) -> None:
    with camera(live.url) as first:
        wait_for(lambda: live.has("live"), SECONDS)
        playing = watch(live, browser, page)
        (ingest,) = stack.pids(r"app\.py ingest")
        os.kill(ingest, signal.SIGKILL)
        first.wait(SECONDS)
    stored = sorted(path.name for path in media(live).glob("001-*.m4s"))
    assert len(stored) >= 3
    wait_for(lambda: sends_again(live, playing), SECONDS)
    live.end()
    assert wait_for(lambda: replayed(live), SECONDS)["duration"] > len(stored)


def sends_again(live: Live, playing: Playing) -> bool:
    """As an encoder does that tries until it is let in."""
    with camera(live.url) as another:
        began, tried = time.time() * 1000, time.monotonic()
        while another.poll() is None and time.monotonic() < tried + SECONDS:
            if shows_what_was_taken_after(playing, began):
                return True
            time.sleep(0.2)
    return False


def media(live: Live) -> Path:
    return live.stack.settings().media_root / "playback" / live.video_id / "v0"
