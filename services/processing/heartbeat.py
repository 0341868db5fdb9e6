"""A worker's hold on a video: its lease, kept alive and carrying progress while work goes on.

A thread renews the lease, so that a step without progress of its own (a slow disk, a long probe)
is not taken for a dead worker. A step that hangs ends by the limits of its child process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from models.errors import Unavailable

log = logging.getLogger(__name__)

# Often enough for a person who watches a progress bar; rare enough to cost nothing.
REPORT_SECONDS = 1.0


class LostLease(Exception):
    """Another worker decided that we were dead and took over."""


class Cancelled(Exception):
    """Somebody who may has asked for this to end."""


@dataclass(slots=True, kw_only=True)
class Heartbeat:
    """Calls `beat(stage, percent)` until closed; once it answers False the lease is lost.

    It may also raise `Cancelled`, which the next `report` then raises.
    """

    beat: Callable[[str, float], bool]
    interval_seconds: float
    tolerated: tuple[type[Exception], ...] = (Unavailable,)
    _stage: str = "queued"
    _percent: float = 0.0
    _lost: bool = False
    _cancelled: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def report(self, stage: str, percent: float) -> None:
        """Note how far the work is.

        Raises `LostLease` when it is no longer ours to do, `Cancelled` when nobody shall do it.
        """
        if self._cancelled:
            raise Cancelled
        if self._lost:
            raise LostLease
        self._stage, self._percent = stage, round(percent, 1)

    def _run(self) -> None:
        while not (self._stop.wait(self.interval_seconds) or self._lost or self._cancelled):
            try:
                self._lost = not self.beat(self._stage, self._percent)
            except Cancelled:
                self._cancelled = True
            except self.tolerated as outage:
                # MongoDB restarts sooner than a lease runs out; if not, the next beat will know.
                log.warning("a heartbeat was not heard", extra={"kind": type(outage).__name__})
