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
        Task(name="tracks", seconds=sweep_seconds, do=lambda s: s.presenting.sweep()),
        Task(name="chunks", seconds=sweep_seconds, do=lambda s: s.turns.pieces.sweep()),
        Task(name="tidy", seconds=600, do=lambda s: s.tidying.sweep()),
        Task(name="mail", seconds=sweep_seconds, do=lambda s: s.mailing.sweep()),
        Task(name="events", seconds=sweep_seconds, do=lambda s: s.event_relay.sweep()),
        Task(name="webhooks", seconds=sweep_seconds, do=lambda s: s.webhook_deliveries.sweep()),
        Task(name="failed", seconds=3600, do=lambda s: s.processing.discard_failed_sources()),
        Task(name="delete", seconds=sweep_seconds, do=lambda s: s.deletion.sweep()),
        Task(name="publish", seconds=sweep_seconds, do=lambda s: s.scheduling.publish_due()),
        Task(name="views", seconds=sweep_seconds, do=lambda s: s.views.fold()),
        Task(name="reactions", seconds=sweep_seconds, do=lambda s: s.reactions.fold()),
        Task(name="follows", seconds=sweep_seconds, do=lambda s: s.follows.fold()),
        Task(name="shares", seconds=sweep_seconds, do=lambda s: s.shares.fold()),
        Task(name="tell", seconds=sweep_seconds, do=lambda s: s.telling.sweep()),
        Task(name="digest", seconds=60, do=lambda s: s.digests.send_due()),
        Task(name="replace", seconds=sweep_seconds, do=lambda s: s.replacing.sweep()),
        Task(name="live", seconds=sweep_seconds, do=lambda s: s.live_endings.sweep()),
        Task(name="purge", seconds=60, do=lambda s: s.removal.sweep()),
        Task(name="categories", seconds=60, do=lambda s: s.categories.count()),
        Task(name="expire", seconds=60, do=lambda s: s.resumable.expire()),
        Task(name="expire-direct", seconds=60, do=lambda s: s.direct.expire()),
        Task(name="expire-pictures", seconds=60, do=lambda s: s.pictures.expire()),
        Task(name="quota", seconds=60, do=lambda s: s.quota.reset()),
        Task(name="totals", seconds=15, do=lambda s: s.totals.recount()),
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
