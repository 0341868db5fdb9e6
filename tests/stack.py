"""The whole of CLUTCH as `make run` starts it, for tests that watch it from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from dotenv import dotenv_values

from config import Settings

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 90
# As in production, but quick to notice the dead and cheap to hash and encode for.
QUICK = {
    "BCRYPT_ROUNDS": "4",
    "JOB_LEASE_SECONDS": "4",
    "SWEEP_SECONDS": "1",
    "X264_PRESET": "ultrafast",
    "RATE_LIMIT_GENERAL": "1000000/hour",
    "RATE_LIMIT_AUTH": "1000000/minute",
    "RATE_LIMIT_UPLOAD": "1000000/hour",
}
# For who looks at no video but their own.
UNSEEDED = {"SEED_ON_FIRST_START": "false"}
# Coverage takes a third of what a stack costs; who is killed does not even say what it ran.
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Stack:
    """A running stack: its address, its data folder, its processes."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def call(
        self,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        method: str | None = None,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        """One request. Any status is an answer; a refused connection raises `OSError`."""
        url = path if path.startswith("http") else self.url + path
        headers = dict(headers or {})
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refused:
            return Answer(refused.code, refused.headers, refused.read())

    def sign_in(self) -> str:
        """A new person's access token."""
        email = f"{uuid4().hex}@example.com"
        person = {"name": "Somebody", "email": email, "password": "password123"}
        assert self.call("/auth/signup", person).status == 201
        return self.call("/auth/login", person).json["token"]

    def upload(self, path: Path, token: str, **fields: str) -> Answer:
        """POST /api/videos with this file."""
        boundary = uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in {"title": path.stem, **fields}.items()
        ]
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{path.name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        )
        data = "".join(parts).encode() + head.encode() + path.read_bytes()
        return self.call(
            "/api/videos",
            token=token,
            method="POST",
            data=data + f"\r\n--{boundary}--\r\n".encode(),
            headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        )

    def video(self, video_id: str, token: str) -> Any:
        return self.call(f"/api/videos/{video_id}", token=token).json

    def finished(self, video_id: str, token: str, seconds: float = 120) -> Any:
        """The video, once it is ready or has failed."""
        return wait_for(
            lambda: next(
                (
                    video
                    for video in [self.video(video_id, token)]
                    if video.get("processing_status") in {"ready", "error"}
                ),
                None,
            ),
            seconds,
        )

    def stream_url(self, video_id: str, token: str) -> str:
        playback = self.video(video_id, token)["playback_token"]
        return self.call(f"/stream/{video_id}?token={playback}", token=token).json["stream_url"]

    def pids(self, pattern: str) -> list[int]:
        """Processes of this stack whose command line matches; they all name its folder or port."""
        return [
            pid for pid in _descendants(self.process.pid) if re.search(pattern, _command_line(pid))
        ]

    def workers(self) -> list[int]:
        """The worker loops, without the children that they fork for each job."""
        found = self.pids(r"app\.py worker")
        return [pid for pid in found if _parent(pid) not in found]

    def run_env(self) -> dict[str, str]:
        """What it tells other shells."""
        return run_env_in(self.folder / "var")

    def settings(self) -> Settings:
        return settings_in(self.folder / "var")

    def output(self) -> str:
        return (self.folder / "output.txt").read_text()


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Stack]:
    """`python app.py` in `folder`, ready; stopped by Ctrl-C afterwards."""
    port = free_port()
    env = os.environ | QUICK | {"PORT": str(port), "VAR_DIR": str(folder / "var")} | environment
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=env, stdout=output, stderr=output
        )
    stack = Stack(f"http://127.0.0.1:{port}", folder, process)
    try:
        wait_for(lambda: "ready in" in stack.output() or _died(stack), READY_SECONDS)
        yield stack
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def run_env_in(var_dir: Path) -> dict[str, str]:
    """What the stack that runs over `var_dir` tells other shells."""
    found = dotenv_values(var_dir / "run.env")
    return {name: value for name, value in found.items() if value is not None}


def settings_in(var_dir: Path) -> Settings:
    """As a program in another shell has them of the stack that runs over `var_dir`."""
    return Settings.from_env(run_env_in(var_dir) | {"VAR_DIR": str(var_dir)})


def wait_for(look: Callable[[], Any], seconds: float) -> Any:
    """What `look` finds, as soon as it finds something; a lost connection is nothing yet."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"nothing came of it within {seconds} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _died(stack: Stack) -> None:
    if stack.process.poll() is not None:
        raise AssertionError(f"the stack ended:\n{stack.output()}")


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, _read(task).split()):
            yield child
            yield from _descendants(child)


def _parent(pid: int) -> int:
    """0 for a process that has just ended."""
    after_name = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return int(after_name[1]) if after_name else 0


def _command_line(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def _read(file: Path) -> str:
    """Nothing, for a process that has just ended."""
    try:
        return file.read_text()
    except OSError:
        return ""
