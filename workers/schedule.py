"""What happens by the clock, on one of however many hosts run a scheduler."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

from services.container import OUTAGES, Services, build

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something done every `seconds` by whichever scheduler gets to it first."""

    name: str
    seconds: int
    do: Callable[[Services], object]


def tasks(sweep_seconds: int) -> tuple[Task, ...]:
    return (
        Task(name="sweep", seconds=sweep_seconds, do=lambda s: s.transcoding.sweep()),
        Task(name="mail", seconds=sweep_seconds, do=lambda s: s.mailing.sweep()),
        Task(name="delete", seconds=sweep_seconds, do=lambda s: s.deletion.sweep()),
        Task(name="expire", seconds=60, do=lambda s: s.resumable.expire()),
        Task(name="quota", seconds=60, do=lambda s: s.quota.reset()),
        Task(name="discard", seconds=3600, do=lambda s: s.uploads.discard_abandoned()),
    )


def run(sweep_seconds: int) -> None:
    """Until told to stop: look each second which task is due, and do it."""
    services, stop = build(), threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    while not stop.wait(1):
        for task in tasks(sweep_seconds):
            _take(task, services)


def _take(task: Task, services: Services) -> None:
    try:
        if services.clock.is_due(task.name, task.seconds):
            task.do(services)
    except OUTAGES:
        # MongoDB or Redis is restarting. The next tick is the retry.
        log.warning("skipped: a server does not answer", extra={"task": task.name})
