"""Processes are killed with -9 in the middle of their work; nothing that was promised is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from tests.samples import X264, big_buck_bunny, generate, picture
from tests.stack import UNSEEDED, Answer, Stack, running, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("survival")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # Slow to encode, so that there is a middle to be killed in.
    with running(tmp_path_factory.mktemp("survival"), **UNSEEDED, X264_PRESET="slow") as stack:
        yield stack


def kill(pids: list[int]) -> None:
    assert pids, "there was nothing to kill"
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_video_becomes_ready_once_although_its_worker_is_killed(stack: Stack):
    token = stack.sign_in()
    video_id = stack.upload(big_buck_bunny(), token).json["id"]
    wait_for(lambda: stack.video(video_id, token)["processing"]["percent"] > 5, 30)
    assert stack.pids(r"ffmpeg"), "killed too late: nothing was being encoded"
    kill(stack.pids(r"app\.py worker"))
    wait_for(lambda: not _ffmpegs(video_id), 5)

    video = stack.finished(video_id, token)

    assert video["processing_status"] == "ready"
    assert video["processing"]["attempts"] == 2
    # It is ready before what was only needed for it is put away.
    wait_for(lambda: _ready_lines(stack, video_id), 30)
    wait_for(lambda: not (stack.folder / "var/scratch" / video_id).exists(), 30)
    assert len(_ready_lines(stack, video_id)) == 1
    media = stack.folder / "var/media"
    assert sorted(p.name for p in (media / "playback" / video_id).iterdir()) == ["v1", "v2"]
    assert list((media / "sources").iterdir()) == []


def _ready_lines(stack: Stack, video_id: str) -> list[str]:
    log = (stack.folder / "var/logs").glob("worker*.log")
    lines = [line for file in log for line in file.read_text().splitlines() if video_id in line]
    return [line for line in lines if '"ready"' in line]


def test_a_stopped_worker_hands_its_video_back_at_once(stack: Stack):
    token = stack.sign_in()
    video_id = stack.upload(big_buck_bunny(), token).json["id"]
    wait_for(lambda: stack.video(video_id, token)["processing"]["percent"] > 5, 30)
    for pid in stack.workers():
        os.kill(pid, signal.SIGTERM)
    video = stack.finished(video_id, token)
    assert video["processing_status"] == "ready"
    assert video["processing"]["attempts"] == 1, "being told to stop is not a failure"


@dataclass
class Load:
    """People who sign up and upload without pause, and what they were promised."""

    stack: Stack
    token: str
    clip: Path
    people: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def sign_up(self) -> None:
        while not self.stop.is_set():
            email = f"{uuid4().hex}@example.com"
            body = {"name": "Under Load", "email": email, "password": "password123"}
            if _promised(lambda body=body: self.stack.call("/auth/signup", body)):
                self.people.append(email)

    def upload(self) -> None:
        while not self.stop.is_set():
            if answer := _promised(lambda: self.stack.upload(self.clip, self.token)):
                self.videos.append(answer.json["id"])
            time.sleep(0.2)

    @contextmanager
    def on(self) -> Iterator[None]:
        threads = [threading.Thread(target=work) for work in (self.sign_up,) * 2 + (self.upload,)]
        for thread in threads:
            thread.start()
        yield
        self.stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("victim", [r"app\.py api|multiprocessing", r"mongod"])
def test_no_acknowledged_write_is_lost_when_a_server_is_killed(stack: Stack, victim: str):
    load = Load(stack, stack.sign_in(), tiny_clip(stack.folder / "tiny.mp4"))
    with load.on():
        wait_for(lambda: len(load.people) > 20 and len(load.videos) > 1, 30)
        kill(stack.pids(victim))
        before = len(load.people)
        wait_for(lambda: len(load.people) > before + 20, 60)
    for email in load.people:
        body = {"email": email, "password": "password123"}
        assert stack.call("/auth/login", body).status == 200, f"{email} was acknowledged, and lost"
    for video_id in load.videos:
        assert stack.finished(video_id, load.token)["processing_status"] == "ready"


def _promised(ask: Callable[[], Answer]) -> Answer | None:
    """The answer, if it acknowledges; none while a server is away."""
    try:
        answer = ask()
    except OSError:
        answer = None
    if answer is None or answer.status != 201:
        time.sleep(0.05)
        return None
    return answer


def _ffmpegs(video_id: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if video_id in command and "ffmpeg" in command:
            found.append(command)
    return found


def tiny_clip(target: Path) -> Path:
    """The shortest video worth the name."""
    generate(f"{picture('160x90', 1)} {X264}", target)
    return target
