"""Uploads to the whole of CLUTCH: curl as a client, refusals that arrive, and memory."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.uploads import FORM, FORM_HEAD, FORM_TAIL, MIB, WAYS, Sender, left_behind, measured
from tests.samples import bikes
from tests.stack import UNMEASURED, Stack, free_port, running, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("uploads")]

CURL = shutil.which("curl")
MOST = 40 * MIB
PART = 256 * 1024
EXPECT = {"": [], "waits to be asked": ["-H", "Expect: 100-continue"], "never": ["-H", "Expect:"]}


@pytest.fixture(scope="module")
def api_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, api_port: int) -> Iterator[Stack]:
    settings = UNMEASURED | {
        "SEED_ON_FIRST_START": "false",
        "API_PORT": str(api_port),
        "MAX_VIDEO_BYTES": str(MOST),
        "UPLOAD_PART_BYTES": str(PART),
        "RENDITIONS": "180",
    }
    with running(tmp_path_factory.mktemp("uploads"), **settings) as stack:
        yield stack


@pytest.fixture(scope="module", params=["through nginx", "the API itself"])
def door(request: pytest.FixtureRequest, stack: Stack, api_port: int) -> Stack:
    if request.param == "through nginx":
        return stack
    return replace(stack, url=f"http://127.0.0.1:{api_port}")


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    return stack.sign_in()


def curl(url: str, *options: str) -> tuple[int, str]:
    """The status, and all that curl showed of the answer."""
    command = [str(CURL), "-sS", "-m", "60", "-i", *options, "-w", "\n%{http_code}", url]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    shown, _, status = out.rpartition("\n")
    return int(status), shown


def offered(door: Stack, token: str, path: Path, **said: Any) -> Any:
    file = {"filename": path.name, "file_size": path.stat().st_size, "content_type": "video/mp4"}
    answer = door.call("/api/upload/video/request", {**file, **said}, token=token)
    assert answer.status == 200, answer.body
    return answer.json


def completed(door: Stack, token: str, video_id: str, **said: Any) -> Any:
    body = {"video_id": video_id, **said}
    answer = door.call("/api/upload/video/complete", body, token=token)
    assert answer.status == 200, answer.body
    return answer.json


@pytest.mark.skipif(CURL is None, reason="needs curl")
@pytest.mark.parametrize("expect", EXPECT)
def test_curl_sends_a_file_to_its_address(door, token, expect):
    offer = offered(door, token, bikes())
    assert offer["upload_url"].startswith(f"{door.url}/upload/direct/")
    named = [f"{name}: {value}" for name, value in offer["headers"].items()]
    options = [word for line in named if "Length" not in line for word in ("-H", line)]
    status, shown = curl(offer["upload_url"], "-T", str(bikes()), *options, *EXPECT[expect])
    assert status == 200, shown
    assert completed(door, token, offer["video_id"])["title"] == "bikes"


@pytest.mark.skipif(CURL is None, reason="needs curl")
def test_curl_sends_a_file_in_parts_and_it_becomes_a_video_that_plays(stack, token, tmp_path):
    offer = offered(stack, token, bikes(), multipart=True)
    content, parts = bikes().read_bytes(), []
    assert len(offer["parts"]["part_urls"]) > 1
    for number, url in enumerate(offer["parts"]["part_urls"], start=1):
        piece = tmp_path / f"{number}"
        piece.write_bytes(content[(number - 1) * PART : number * PART])
        status, shown = curl(url, "-T", str(piece))
        assert status == 200, shown
        (etag,) = [
            line.split(": ")[1] for line in shown.splitlines() if line.lower().startswith("etag")
        ]
        parts.append({"part_number": number, "etag": etag})
    video = completed(stack, token, offer["video_id"], parts=parts)
    assert wait_for(lambda: stack.video(video["id"], token)["playable"], 300)


@pytest.mark.skipif(CURL is None, reason="needs curl")
def test_curl_is_told_that_a_file_is_not_the_one_that_was_announced(door, token, tmp_path):
    offer = offered(door, token, bikes())
    other = tmp_path / "other"
    other.write_bytes(bikes().read_bytes() + b"x")
    status, shown = curl(offer["upload_url"], "-T", str(other))
    assert (status, "PAYLOAD_TOO_LARGE" in shown) == (413, True)


@pytest.mark.parametrize("path", ["/api/videos", "/videos"])
def test_who_sends_too_much_and_does_not_listen_is_told_so_all_the_same(door, token, path):
    """The answer is there before the body is: nothing on the way may lose it."""
    for _ in range(3):
        sender = Sender(door, token, MOST - MIB)
        around = (FORM_HEAD, bytes(3 * MIB) + FORM_TAIL)
        answer = sender.send("POST", path, sender.headers | FORM, around=around)
        assert answer.status == 413
        assert b"PAYLOAD_TOO_LARGE" in answer.body
    assert not left_behind(door.folder)


@pytest.mark.parametrize("way", WAYS)
def test_a_large_upload_is_never_held_in_memory(stack, token, way):
    sender = Sender(stack, token, MOST)
    _, grown = measured(stack, lambda: WAYS[way](sender))
    assert grown < MOST / MIB / 2
    # The worker may be at one of them.
    wait_for(lambda: not left_behind(stack.folder), 120)
