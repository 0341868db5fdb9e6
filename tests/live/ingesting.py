"""`python app.py ingest` as a process that is watched from outside, and encoders that call it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from config import Settings
from services.live.segments import Segment, live_key, segments_among
from tests import stack
from tests.camera import camera
from tests.stack import ROOT, wait_for

# Of whatever is waited for: machines may be slow.
SECONDS = 90


@dataclass(frozen=True)
class Ingest:
    process: subprocess.Popen[bytes]
    folder: Path

    def children(self) -> list[int]:
        """An FFmpeg for each stream, and for each stranger who is believed to send one."""
        return list(stack._descendants(self.process.pid))

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def folders(self) -> list[Path]:
        return list(self.folder.glob("in-*"))

    def memory_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) * 1024


@contextmanager
def ingesting(settings: Settings, **environment: str) -> Iterator[Ingest]:
    """It runs until the block ends; LIVE_PORT or LIVE_RTMP_URL says where streams come from."""
    env = {
        **os.environ,
        "MONGO_URL": settings.mongo_url,
        "REDIS_URL": settings.redis_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "VAR_DIR": str(settings.var_dir),
        "HOST": "127.0.0.1",
        **environment,
    }
    process = subprocess.Popen([sys.executable, ROOT / "app.py", "ingest"], env=env)
    try:
        yield Ingest(process, settings.live_dir)
    finally:
        process.terminate()
        process.wait(SECONDS)


@contextmanager
def calling(url: str) -> Iterator[None]:
    """An encoder that calls again whenever it is cut off, as they do."""
    left = Event()
    thread = Thread(target=_call, args=(url, left))
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()


def _call(url: str, left: Event) -> None:
    while not left.is_set():
        with camera(url) as process:
            while process.poll() is None and not left.wait(0.1):
                pass


def stored(settings: Settings, video_id: str) -> list[Segment]:
    """What is in storage of a live stream."""
    folder = settings.media_root / live_key(video_id)
    return segments_among(path.name for path in folder.glob("*"))


def settled(look: Callable[[], bool], seconds: float) -> bool:
    """Whether this is so all the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not look():
            return False
        time.sleep(0.1)
    return True


def ends(process: subprocess.Popen[bytes]) -> int:
    """How it ends by itself."""
    wait_for(lambda: process.poll() is not None, SECONDS)
    return process.returncode
