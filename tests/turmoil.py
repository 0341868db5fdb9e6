"""Many threads of people who follow, like and comment at random, while CLUTCH is killed under them.

What must hold afterwards: every counter says what the rows say that it counts.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from threading import Event
from typing import Any

from services.container import Services
from services.seeding import SeedingService
from services.social.recounting import Difference
from tests.rampage import services_of
from tests.stack import Stack, wait_for

# An API process and its parent, a worker, the scheduler that counts what was cut short.
VICTIMS = (r"app\.py api", r"app\.py worker", r"app\.py scheduler")
ENVIRONMENT = {
    "API_PROCESSES": "2",
    "RATE_LIMIT_REACTIONS": "1000000/minute",
    "RATE_LIMIT_COMMENTS": "1000000/hour",
}
# What is cut off by a kill is no answer.
CUT_OFF = (OSError, HTTPException)
AWAY = {0, 502, 503, 504}


@dataclass
class Turmoil:
    """`threads` threads share few `people`, so that one person also does two things at once."""

    stack: Stack
    seed: int
    threads: int = 64
    people: list[tuple[str, str]] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    comments: list[tuple[str, str]] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    over: Event = field(default_factory=Event)

    def prepare(self, people: int, videos: int) -> None:
        """People who are signed in, and videos of the first of them."""
        for _ in range(people):
            token = self.stack.sign_in()
            me = self.stack.call("/api/auth/me", token=token).json["user"]["id"]
            self.people.append((me, token))
        services = services_of(self.stack)
        for number in range(videos):
            made = demo_video(services.seeding, number, self.people[0][0])
            services.catalogue.videos.add(made)
            self.videos.append(made.id)

    def run(self, seconds: float, pause_seconds: tuple[float, float]) -> None:
        with ThreadPoolExecutor(self.threads) as pool:
            for number in range(self.threads):
                pool.submit(self._act, random.Random(f"{self.seed} {number}"))  # noqa: S311 - no secret
            try:
                self._kill(seconds, pause_seconds)
            finally:
                self.over.set()

    def differences(self, seconds: float = 60) -> list[Difference]:
        """Counters that say something else than the rows."""
        return wait_for(lambda: [differences(services_of(self.stack))], seconds)[0]

    def _kill(self, seconds: float, pause_seconds: tuple[float, float]) -> None:
        chance, end = random.Random(self.seed), time.monotonic() + seconds  # noqa: S311 - no secret
        while time.monotonic() < end:
            time.sleep(chance.uniform(*pause_seconds))
            pattern = chance.choice(VICTIMS)
            if found := self.stack.pids(pattern):
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(sorted(found)), signal.SIGKILL)
                    self.killed[pattern] += 1

    def _act(self, chance: random.Random) -> None:
        acts: tuple[Callable[[random.Random, str], Any], ...] = (
            *(self._follow, self._react, self._react, self._react_to_comment),
            *(self._comment, self._uncomment),
        )
        while not self.over.is_set():
            _, token = chance.choice(self.people)
            try:
                if answer := chance.choice(acts)(chance, token):
                    self._note(answer.status)
            except CUT_OFF:
                self._note(0)

    def _note(self, status: int) -> None:
        self.answers[status] += 1
        if status in AWAY:
            time.sleep(0.2)

    def _follow(self, chance: random.Random, token: str) -> Any:
        whom, _ = chance.choice(self.people[:3])
        method = chance.choice(("POST", "DELETE"))
        return self.stack.call(f"/api/users/{whom}/follow", token=token, method=method)

    def _react(self, chance: random.Random, token: str) -> Any:
        path = f"/api/videos/{chance.choice(self.videos)}/like"
        return self.stack.call(path, {"action": action(chance)}, token=token)

    def _react_to_comment(self, chance: random.Random, token: str) -> Any:
        if not (known := self.comments[-5:]):
            return None
        path = f"/api/comments/{chance.choice(known)[0]}/like"
        return self.stack.call(path, {"action": action(chance)}, token=token)

    def _comment(self, chance: random.Random, token: str) -> Any:
        body: dict[str, str] = {"content": f"Number {chance.random()}"}
        video_id = chance.choice(self.videos)
        if (known := self.comments[-5:]) and chance.random() < 0.5:
            body["parent_comment_id"] = chance.choice(known)[0]
        answer = self.stack.call(f"/api/videos/{video_id}/comments", body, token=token)
        if answer.status in {200, 201}:
            self.comments.append((answer.json["id"], token))
        return answer

    def _uncomment(self, chance: random.Random, _token: str) -> Any:
        if not (known := self.comments[-8:]):
            return None
        comment_id, token = chance.choice(known)
        return self.stack.call(f"/api/comments/{comment_id}", token=token, method="DELETE")


def action(chance: random.Random) -> str:
    return chance.choice(("like", "dislike", "remove"))


def differences(services: Services) -> list[Difference]:
    return list(_found(services))


def _found(services: Services) -> Iterator[Difference]:
    for step in services.recounting.check():
        yield from step.differences


def demo_video(seeding: SeedingService, number: int, author_id: str) -> Any:
    """A video that can be seen, without media behind it."""

    # Views of a demo video are made up.
    return replace(seeding._demo_video(number, [author_id], seeding.now()), view_count=0)
