"""The worker process: RQ's, made to leave nothing behind when it is killed."""

from __future__ import annotations

import os
import signal
from functools import cache
from types import FrameType
from typing import NoReturn

from redis import Redis
from rq import Worker
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from config import Settings
from services.adapters.lifeline import die_with_parent
from services.adapters.queue import MAIL_QUEUE, QUEUE, REST_QUEUE
from services.container import Services, build
from services.container.storages import tidy_host


@cache
def services() -> Services:
    """Built on first use, inside the forked work-horse: connections must not cross a fork."""
    return build()


class ClutchWorker(Worker):
    """Its work-horse dies with it: an orphan would go on encoding while the job runs again."""

    def main_work_horse(self, job: Job, queue: Queue) -> NoReturn:
        die_with_parent()
        super().main_work_horse(job, queue)

    def run_maintenance_tasks(self) -> None:
        """Every ten minutes, even where no job comes."""
        super().run_maintenance_tasks()
        tidy_host(Settings.from_env())

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()
        signal.signal(signal.SIGTERM, _leave)

    def handle_warm_shutdown_request(self) -> None:
        """Stopping interrupts the job: it may have hours to go, and its lease is handed back."""
        super().handle_warm_shutdown_request()
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGTERM)


def run(redis_url: str, *names: str) -> None:
    """Take jobs, or those of these queues alone, the first one first, until told to stop.

    Every worker of all queues also promotes scheduled jobs; one does at a time.
    """
    import workers.jobs  # noqa: F401, PLC0415 - imported before the fork, so that no job pays for it

    queues, redis = list(names) or [MAIL_QUEUE, QUEUE, REST_QUEUE], Redis.from_url(redis_url)
    worker = ClutchWorker(queues, connection=redis, serializer=JSONSerializer)
    worker.work(with_scheduler=not names, logging_level="WARNING")


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Unwind the job, so that it gives its lease back."""
    raise SystemExit(1)
