"""The official tus clients, tuspy and tus-js-client, against a running CLUTCH that is killed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from tusclient.storage import filestorage

from tests.npm import NODE, UPLOAD
from tests.samples import big_buck_bunny
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

FILM = big_buck_bunny()
SIZE = FILM.stat().st_size
CHUNK = 100_000


@pytest.fixture
def token(stack: Stack) -> Iterator[str]:
    token = stack.sign_in()
    yield token
    # What nobody looks at any more, others need not wait for.
    me = stack.call("/api/auth/me", token=token).json["user"]["id"]
    for video in stack.call(f"/api/users/{me}/videos", token=token).json["videos"]:
        path = f"/api/videos/{video['id']}?permanent=true"
        assert stack.call(path, token=token, method="DELETE").status == 200


@contextmanager
def resting(stack: Stack) -> Iterator[None]:
    """Workers take nothing, so that a source can be looked at before it is used up."""
    workers = stack.pids(r"app\.py worker")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def kill_the_api(stack: Stack) -> None:
    """With -9, and wait until another answers."""
    for pid in stack.pids(r"app\.py api"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: stack.call("/healthz").status == 200, 60)


def source(stack: Stack, video_id: str) -> bytes:
    return (stack.folder / "var/media/sources" / video_id).read_bytes()


def left_of(stack: Stack, url: str | None) -> list[Path]:
    """Files under way that belong to this upload."""
    assert url
    return list((stack.folder / "var/media/incoming").glob(f"*{url.rpartition('/')[2]}*"))


def client(stack: Stack, token: str) -> TusClient:
    return TusClient(f"{stack.url}/upload/video", headers={"Authorization": f"Bearer {token}"})


def progress(stack: Stack, url: str | None, token: str) -> dict[str, Any]:
    assert url
    return stack.call(urlsplit(url).path, token=token).json


# tuspy


def test_tuspy_goes_on_after_the_server_was_killed_and_a_video_plays(stack, token, tmp_path):
    def uploader():
        return client(stack, token).uploader(
            str(FILM),
            chunk_size=CHUNK,
            metadata={"filename": FILM.name, "title": "By tuspy"},
            upload_checksum=True,
            store_url=True,
            url_storage=filestorage.FileStorage(str(tmp_path / "urls.json")),
        )

    with resting(stack):
        first = uploader()
        first.upload(stop_at=3 * CHUNK)
        assert progress(stack, first.url, token)["offset"] == 3 * CHUNK
        kill_the_api(stack)
        second = uploader()
        assert (second.url, second.offset) == (first.url, 3 * CHUNK)
        second.upload()
        done = progress(stack, second.url, token)
        assert (done["status"], done["percent"]) == ("completed", 100.0)
        assert source(stack, done["videoId"]) == FILM.read_bytes()
        assert left_of(stack, second.url) == []
    video = stack.finished(done["videoId"], token)
    assert (video["title"], video["processing_status"]) == ("By tuspy", "ready")
    master = stack.call(stack.stream_url(video["id"], token)).body.decode()
    assert "#EXT-X-STREAM-INF" in master


def test_tuspy_uploads_in_one_piece(stack, token):
    with resting(stack):
        uploader = client(stack, token).uploader(str(FILM))
        uploader.upload()
        video_id = uploader.request.response_headers["x-video-id"]
        assert source(stack, video_id) == FILM.read_bytes()


def test_tuspy_is_refused_another_persons_upload(stack, token):
    uploader = client(stack, token).uploader(str(FILM), chunk_size=CHUNK)
    uploader.upload(stop_at=CHUNK)
    other = client(stack, stack.sign_in())
    with pytest.raises(TusCommunicationError):
        other.uploader(str(FILM), url=uploader.url)


# tus-js-client


class Js:
    """tus-js-client in a process of its own."""

    def __init__(self, stack: Stack, token: str, **options: object) -> None:
        asked = {
            "endpoint": f"{stack.url}/upload/video",
            "token": token,
            "file": str(FILM),
            "chunkSize": CHUNK,
            "metadata": {"filename": FILM.name, "title": "By tus-js-client"},
        }
        self.process = subprocess.Popen(
            [NODE, UPLOAD, json.dumps(asked | options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin
        assert self.process.stdout
        self._in, self._out = self.process.stdin, self.process.stdout

    def until(self, key: str) -> Any:
        """The next thing of this kind that it says."""
        for line in self._out:
            said = json.loads(line)
            assert "error" not in said, said
            if key in said:
                return said[key]
        raise AssertionError(f"it ended without saying {key}")

    def go_on(self) -> None:
        self._in.write("\n")
        self._in.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._in.close()
        self.process.kill()
        self.process.wait()
        self._out.close()


@pytest.mark.parametrize(
    "options",
    [{}, {"duringCreation": True}, {"overrideMethod": True}, {"chunkSize": 10_000_000}],
    ids=["in chunks", "bytes with the creation", "POST for PATCH", "in one piece"],
)
def test_tus_js_client_uploads(stack, token, options):
    with resting(stack), Js(stack, token, **options) as js:
        url, video_id = js.until("url"), js.until("videoId")
        assert source(stack, video_id) == FILM.read_bytes()
        assert left_of(stack, url) == []


def test_tus_js_client_pauses_and_goes_on_after_the_server_was_killed(stack, token):
    with resting(stack), Js(stack, token, pauseAt=2 * CHUNK) as js:
        url = js.until("url")
        assert js.until("paused") >= 2 * CHUNK
        kill_the_api(stack)
        assert progress(stack, url, token)["offset"] >= 2 * CHUNK
        js.go_on()
        video_id = js.until("videoId")
        assert source(stack, video_id) == FILM.read_bytes()
    assert stack.finished(video_id, token)["processing_status"] == "ready"


def test_tus_js_client_does_not_notice_that_the_server_is_killed_meanwhile(stack, token):
    with resting(stack), Js(stack, token, chunkSize=20_000) as js:
        while js.until("offset") < SIZE // 3:
            pass
        kill_the_api(stack)
        video_id = js.until("videoId")
        assert source(stack, video_id) == FILM.read_bytes()


def test_what_tus_js_client_gives_up_leaves_nothing(stack, token):
    with Js(stack, token, pauseAt=2 * CHUNK, giveUp=True) as js:
        url = js.until("url")
        js.until("paused")
        assert stack.call(urlsplit(url).path, token=token).status == 404
    assert left_of(stack, url) == []


# A raw connection


def begun(stack: Stack, token: str, url: str, sent: int) -> http.client.HTTPConnection:
    """A PATCH that announces all of the film and sends some of it."""
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=20)
    connection.putrequest("PATCH", urlsplit(url).path)
    for name, value in {
        "Authorization": f"Bearer {token}",
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(SIZE),
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(FILM.read_bytes()[:sent])
    return connection


def test_bytes_of_a_dropped_connection_are_kept_and_of_a_killed_server_most(stack, token):
    with resting(stack):
        uploader = client(stack, token).uploader(str(FILM), chunk_size=CHUNK)
        url = uploader.create_url()
        begun(stack, token, url, 300_000).close()
        # nginx, which hands bytes on in pieces, forgets the last of them with the connection.
        wait_for(lambda: 200_000 <= progress(stack, url, token)["offset"] <= 300_000, 30)

        again = client(stack, token).uploader(str(FILM), url=url, chunk_size=CHUNK)
        again.upload(stop_at=400_000)
        assert progress(stack, url, token)["offset"] == 400_000
        assert stack.call(urlsplit(url).path, token=token, method="DELETE").status == 412


def test_who_comes_while_a_connection_still_writes_is_told_to_wait(stack, token):
    url = client(stack, token).uploader(str(FILM)).create_url()
    writing = begun(stack, token, url, 300_000)
    wait_for(lambda: any(file.stat().st_size for file in left_of(stack, url)), 30)
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }

    address = urlsplit(url).path
    told = stack.call(address, token=token, method="PATCH", headers=headers, data=b"x")
    assert told.status == 423
    writing.close()
    wait_for(lambda: 200_000 <= progress(stack, url, token)["offset"] <= 300_000, 30)


def test_progress_is_acknowledged_while_a_long_part_is_on_its_way_and_survives_a_kill(stack, token):
    url = client(stack, token).uploader(str(FILM)).create_url()
    with resting(stack):
        connection = begun(stack, token, url, 300_000)
        time.sleep(2.2)
        connection.send(FILM.read_bytes()[300_000:350_000])
        wait_for(lambda: progress(stack, url, token)["offset"] >= 300_000, 10)
        kill_the_api(stack)
        connection.close()
        uploader = client(stack, token).uploader(str(FILM), url=url)
        assert 300_000 <= uploader.offset <= 350_000
        uploader.upload()
        video_id = uploader.request.response_headers["x-video-id"]
        assert source(stack, video_id) == FILM.read_bytes()
