"""A real browser plays what the pipeline made, from the URL that `stream` answered."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page

from tests.npm import HLS_JS
from tests.players import chromium
from tests.samples import big_buck_bunny
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("stack")]

# Resolves with what a viewer would notice: time to the first frame, and where playback is.
PLAYER = """
<!doctype html><meta charset=utf-8><link rel=icon href=data:,>
<video id=video muted width=640></video><script src=hls.min.js></script>
<script>
const video = document.getElementById('video');
window.start = async (url, useHlsJs) => {
  if (useHlsJs) {
    const hls = new Hls(); hls.loadSource(url); hls.attachMedia(video);
  } else { video.src = url; }
  const began = performance.now();
  const shown = new Promise(done => video.requestVideoFrameCallback(done));
  const playing = video.play();
  await shown;
  const toFirstFrame = performance.now() - began;
  await playing;
  return toFirstFrame;
};
window.reach = seconds => new Promise((done, fail) => {
  const late = setTimeout(() => fail('stuck at ' + video.currentTime), 20000);
  const look = () => video.currentTime >= seconds && !video.seeking
    ? (clearTimeout(late), done(video.currentTime)) : setTimeout(look, 50);
  look();
});
window.seek = seconds => { video.currentTime = seconds; return window.reach(seconds + 0.5); };
</script>
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page of another origin than the API's, as an app's would be."""
    folder = tmp_path_factory.mktemp("player")
    (folder / "index.html").write_text(PLAYER)
    shutil.copy(HLS_JS, folder / "hls.min.js")
    handler = partial(_Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture(scope="module")
def stream_url(stack: Stack) -> str:
    """Where the uploaded film plays, found as an app finds it: by dashboard and stream."""
    token = stack.sign_in()
    uploaded = stack.upload(big_buck_bunny(), token, title="Big Buck Bunny")
    assert uploaded.status == 201, uploaded.body
    video = stack.finished(uploaded.json["id"], token)
    assert video["processing_status"] == "ready", video["processing"]
    first = stack.call("/dashboard", token=token).json["videos"][0]
    assert first["title"] == "Big Buck Bunny"
    path = f"/video/{first['id']}/stream?token={first['playback_token']}"
    return stack.call(path, token=token).json["stream_url"]


def open_page(browser: Browser, address: str) -> tuple[Page, list[str]]:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    return page, complaints


@pytest.mark.parametrize("use_hls_js", [False, True], ids=["native", "hls.js"])
def test_the_uploaded_film_plays_and_seeks(
    browser: Browser,
    player: str,
    stream_url: str,
    use_hls_js,
    record_property,
):
    page, complaints = open_page(browser, player)
    to_first_frame = page.evaluate("([url, js]) => start(url, js)", [stream_url, use_hls_js])
    assert page.evaluate("reach(3)") >= 3
    assert page.evaluate("seek(1)") >= 1.5
    assert page.evaluate("video.videoHeight") >= 360
    assert complaints == []
    page.close()
    name = "hls.js" if use_hls_js else "native HLS"
    # Printed at the end of the run (conftest.py).
    record_property(f"play() to first frame, {name}", f"{to_first_frame:.0f} ms")
    assert to_first_frame < 2000  # 002's "video start time < 2 s"


def test_swagger_ui_shows_the_api_without_internet(browser: Browser, stack: Stack):
    page, complaints = open_page(browser, f"{stack.url}/docs")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    # What is further down the page is laid out when it comes into sight.
    page.locator(".opblock").nth(4).wait_for()
    assert all(url.startswith((stack.url, "data:", "blob:")) for url in asked)
    assert complaints == []
    page.close()
