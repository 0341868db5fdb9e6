"""Workers, their jobs and their encoders are killed at random while videos are processed.

What must hold afterwards, however it went: every video is ready or failed with a reason, none was
finished twice, and storage holds just what MongoDB says.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from services import container
from services.container import Services
from services.library.judgement import Finding
from tests.stack import Stack, wait_for

# A worker, the child that it forks for each job, and what that one starts.
VICTIMS = (r"app\.py worker", r"ffmpeg|packager")
SETTLED = {"ready", "error"}
# A video that is killed again and again shall still come to its end.
ENVIRONMENT = {
    "WORKER_PROCESSES": "2",
    "FFMPEG_THREADS": "1",
    "JOB_ATTEMPTS": "50",
    "CHUNK_SECONDS": "4",
    "CHUNK_FROM_SECONDS": "9",
    "RENDITIONS": "90,180",
}


@dataclass
class Rampage:
    """Kills one process every `pause_seconds` or so; `seed` tells which, and when."""

    stack: Stack
    seed: int
    pause_seconds: tuple[float, float]
    killed: Counter[str] = field(default_factory=Counter)

    def run(self, seconds: float, token: str, videos: list[str]) -> None:
        """Until the time is over, or nothing is left to interrupt."""
        chance, end = random.Random(self.seed), time.monotonic() + seconds  # noqa: S311 - no secret
        while time.monotonic() < end and unsettled(self.stack, token, videos):
            time.sleep(chance.uniform(*self.pause_seconds))
            pattern = chance.choice(VICTIMS)
            if found := self.stack.pids(pattern):
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(sorted(found)), signal.SIGKILL)
                    self.killed[pattern] += 1


def unsettled(stack: Stack, token: str, videos: list[str]) -> list[str]:
    states = {video: stack.video(video, token)["processing_status"] for video in videos}
    return [video for video, state in states.items() if state not in SETTLED]


def settled(stack: Stack, token: str, videos: list[str], seconds: float) -> Counter[str]:
    """How all of them ended, once they have."""
    wait_for(lambda: not unsettled(stack, token, videos), seconds)
    ends: Counter[str] = Counter()
    for video_id in videos:
        video = stack.video(video_id, token)
        failed = video["processing_status"] == "error"
        ends[video["processing"]["error_code"] if failed else "ready"] += 1
        assert not failed or video["processing"]["error_message"], f"{video_id} is not explained"
    return ends


def finished_twice(stack: Stack, videos: list[str]) -> list[str]:
    """Videos that a log calls ready more than once."""
    said = Counter(
        video_id
        for line in _log_lines(stack)
        if '"ready"' in line
        for video_id in videos
        if video_id in line
    )
    return [video_id for video_id, times in said.items() if times > 1]


def differences(stack: Stack, seconds: float) -> list[Finding]:
    """What storage has too much, or too little of, once the sweeper had time to clear up."""
    services = services_of(stack)

    def found() -> list[Finding]:
        return [finding for step in services.library_check.check() for finding in step.findings]

    with suppress(AssertionError):
        wait_for(lambda: not found(), seconds)
    return found()


def services_of(stack: Stack) -> Services:
    """The use-cases over the servers and the media of a running stack."""
    return container.build(stack.settings())


def _log_lines(stack: Stack) -> Iterator[str]:
    for log in (stack.folder / "var/logs").glob("worker*.log*"):
        yield from log.read_text().splitlines()
