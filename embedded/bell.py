"""Sleeping that ends when a child dies or when someone wants the stack to stop."""

from __future__ import annotations

import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from embedded.errors import StopRequested

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Bell:
    """Counts the requests to stop; without `listening` it only sleeps."""

    stop_requests: int = 0
    _wakeups: socket.socket | None = None

    @contextmanager
    def listening(self) -> Iterator[Bell]:
        """Take the signals of this process over; for the main thread only."""
        receiver, sender = socket.socketpair()
        for end in (receiver, sender):
            end.setblocking(False)
        self._wakeups = receiver
        before = {number: signal.getsignal(number) for number in (*STOPS, signal.SIGCHLD)}
        signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        try:
            self._install(before[signal.SIGHUP])
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(-1)
            self._wakeups = None
            receiver.close()
            sender.close()

    def _install(self, hangup: object) -> None:
        for number in STOPS:
            # Under nohup SIGHUP is ignored, and that is what was asked for.
            if number != signal.SIGHUP or hangup != signal.SIG_IGN:
                signal.signal(number, self._count)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # it only wakes

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_requests += 1

    def sleep(self, seconds: float) -> None:
        """Sleep; a signal ends it early."""
        if self._wakeups is None:
            time.sleep(seconds)
        elif select.select([self._wakeups], [], [], max(0.0, seconds))[0]:
            self._wakeups.recv(4096)

    def wait(self, seconds: float) -> None:
        """Sleep, and raise `StopRequested` once someone wants the stack to stop."""
        if not self.stop_requests:
            self.sleep(seconds)
        if self.stop_requests:
            raise StopRequested
