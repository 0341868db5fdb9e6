"""A browser plays a video that is still being encoded, from its beginning to its end."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.embedded.test_browser import _Quiet, browser, open_page
from tests.npm import HLS_JS, SHAKA
from tests.pipeline import program
from tests.samples import AAC, TOOLS, X264, generate, picture, sound
from tests.stack import UNMEASURED, UNSEEDED, Stack, running, wait_for

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("early")]

SECONDS = 16
PLAYERS = ("hls.js", "native", "shaka")
# What comes of a film is made while it is watched, however fast the machine is.
SLOWLY = """
case "$*" in
  *tee*) exec {ffmpeg} -readrate 1 "$@" ;;
  *) exec {ffmpeg} "$@" ;;
esac
"""
PLAYER = """
<!doctype html><meta charset=utf-8><link rel=icon href=data:,>
<video id=video muted width=320></video>
<script src=hls.min.js></script><script src=shaka.js></script>
<script>
const video = document.getElementById('video');
video.addEventListener('ended', () => window.endedAt = video.currentTime);
window.start = (url, player) => Promise.race([begin(url, player), new Promise((_, fail) =>
  setTimeout(() => fail(`${player}: nothing shown, ready state ${video.readyState}`), 30000))]);
const begin = async (url, player) => {
  if (player === 'hls.js') {
    const hls = new Hls(); hls.loadSource(url); hls.attachMedia(video);
  } else if (player === 'shaka') {
    const shakaPlayer = new shaka.Player(); await shakaPlayer.attach(video);
    await shakaPlayer.load(url);
  } else { video.src = url; }
  const shown = new Promise(done => video.requestVideoFrameCallback((_, frame) => done(frame)));
  const playing = video.play();
  const first = await shown;
  await playing;
  return first.mediaTime;
};
</script>
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("early")
    ffmpeg = program(folder / "ffmpeg", SLOWLY.format(ffmpeg=TOOLS.ffmpeg))
    with running(
        folder, **UNSEEDED, **UNMEASURED, FFMPEG_PATH=str(ffmpeg), RENDITIONS="90,180"
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("player")
    (folder / "index.html").write_text(PLAYER)
    for script, name in ((HLS_JS, "hls.min.js"), (SHAKA, "shaka.js")):
        shutil.copy(script, folder / name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("film") / "film.mp4"
    generate(f"{picture('320x180', SECONDS)} {sound(SECONDS)} {X264} {AAC}", target)
    return target


def test_a_video_that_is_still_being_encoded_plays_from_beginning_to_end(
    browser: Browser, player: str, stack: Stack, film: Path
):
    pages = {kind: open_page(browser, player) for kind in PLAYERS}
    token = stack.sign_in()
    video_id = stack.upload(film, token).json["id"]
    wait_for(lambda: stack.video(video_id, token)["playable"], 60)
    url = stack.stream_url(video_id, token)
    playlist = url.replace("master.m3u8", "media.m3u8")
    assert "/v0/" in url
    first_frame_at = {
        kind: page.evaluate("([url, kind]) => start(url, kind)", [url, kind])
        for kind, (page, _) in pages.items()
    }
    published = stack.call(playlist)
    assert b"ENDLIST" not in published.body, "it was all there before anybody could watch"
    assert published.headers["Cache-Control"] == "private, max-age=0"

    video = stack.finished(video_id, token)
    assert video["processing_status"] == "ready"
    assert "/v2/" in stack.stream_url(video_id, token)
    assert b"ENDLIST" in stack.call(playlist).body
    for kind, (page, complaints) in pages.items():
        page.wait_for_function("window.endedAt", timeout=90_000)
        assert page.evaluate("endedAt") == pytest.approx(SECONDS, abs=0.5), kind
        assert first_frame_at[kind] < 1, f"{kind} joined it near its end, as if it were live"
        assert complaints == [], kind
        page.close()
