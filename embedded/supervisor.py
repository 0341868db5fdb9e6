"""Starts children together, keeps them running, and stops them in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from embedded.bell import Bell
from embedded.children import Child, Running
from embedded.errors import NotReady, PortLost, StartFailed
from embedded.logs import last_lines
from embedded.ports import is_free

START_SECONDS = 60.0
POLL_SECONDS = 0.02
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 10.0
STEADY_SECONDS = 30.0
CHORES_SECONDS = 60.0


def silent(_line: str) -> None:
    """Say nothing."""


@dataclass(slots=True, kw_only=True, eq=False)
class Kept:
    """What the supervisor knows of one child: its process, and its fate so far."""

    running: Running
    is_up: bool = False
    backoff_seconds: float = FIRST_BACKOFF_SECONDS
    restart_at: float | None = None

    @property
    def child(self) -> Child:
        return self.running.child

    def schedule_restart(self) -> None:
        self.restart_at = time.monotonic() + self.backoff_seconds
        self.backoff_seconds = min(self.backoff_seconds * 2, LONGEST_BACKOFF_SECONDS)


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """The children of this process; to be used from its main thread only."""

    bell: Bell = field(default_factory=Bell)
    say: Callable[[str], None] = silent
    kept: list[Kept] = field(default_factory=list)

    def start(self, children: Sequence[Child], *, seconds: float = START_SECONDS) -> None:
        """Start `children` side by side and return once all are ready.

        Raises `StartFailed` with the log of the one that is not, after ending all of `children`.
        """
        batch: list[Kept] = []
        try:
            for child in children:
                batch.append(Kept(running=Running.start(child)))
                self.kept.append(batch[-1])
            self._wait_until_up(batch, time.monotonic() + seconds)
        except StartFailed:
            self.stop(batch)
            raise

    def _wait_until_up(self, batch: list[Kept], deadline: float) -> None:
        others = [kept for kept in self.kept if kept not in batch]
        while reasons := [reason for kept in batch if (reason := _why_not_up(kept))]:
            if time.monotonic() > deadline:
                raise StartFailed(reasons[0])
            self.tend(others)
            self.bell.wait(POLL_SECONDS)

    def watch(
        self,
        *,
        until: Callable[[], bool] = lambda: False,
        chores: Callable[[], None] = lambda: None,
    ) -> None:
        """Keep the children running until `until` is true, doing `chores` each minute."""
        chores_at = time.monotonic()
        while not until():
            if time.monotonic() >= chores_at:
                chores()
                chores_at = time.monotonic() + CHORES_SECONDS
            self.tend(self.kept)
            self.bell.wait(self._until_next_look(chores_at))

    def _until_next_look(self, chores_at: float) -> float:
        """Deaths ring the bell; only what is not up has to be looked at in between."""
        all_up = all(kept.is_up for kept in self.kept)
        return min(1.0, max(0.0, chores_at - time.monotonic())) if all_up else 0.1

    def tend(self, some: Sequence[Kept]) -> None:
        """Look after each of `some` once: bury and report the dead, start them again in time."""
        for kept in some:
            if kept.restart_at is not None:
                self._restart_when_due(kept)
            elif kept.running.has_ended():
                self._report_death(kept)
            elif not kept.is_up and not _reason(kept.running):
                kept.is_up = True
                self.say(f"{kept.child.name} is back after {kept.running.age_seconds:.1f} s")

    def _report_death(self, kept: Kept) -> None:
        if kept.running.age_seconds > STEADY_SECONDS:
            kept.backoff_seconds = FIRST_BACKOFF_SECONDS
        how = kept.running.bury()
        kept.is_up = False
        self.say(
            f"{kept.child.name} ended unexpectedly: {how}. It is started again in"
            f" {kept.backoff_seconds:g} s. The end of {kept.child.log}:\n"
            f"{last_lines(kept.child.log)}"
        )
        kept.schedule_restart()

    def _restart_when_due(self, kept: Kept) -> None:
        if time.monotonic() < (kept.restart_at or 0):
            return
        try:
            kept.running = Running.start(kept.child)
        except StartFailed as problem:  # its program is just being replaced, say
            self.say(str(problem))
            kept.schedule_restart()
        else:
            kept.restart_at = None

    def stop(self, some: Sequence[Kept] | None = None) -> None:
        """End `some` (all) of the children: CLUTCH's own, what is before them, then what is under.

        Requests that are being answered still leave through the front door.
        """
        ending = list(self.kept if some is None else some)
        others = [kept for kept in ending if not kept.child.is_database]
        self._stop_together([kept for kept in others if not kept.child.is_front])
        self._stop_together([kept for kept in others if kept.child.is_front])
        self._stop_together([kept for kept in ending if kept.child.is_database])

    def _stop_together(self, wave: list[Kept]) -> None:
        began = time.monotonic()
        for kept in wave:
            kept.running.send(signal.SIGTERM)
        alive = wave
        while alive := [kept for kept in alive if not self._is_over(kept, began)]:
            self.bell.sleep(POLL_SECONDS)
        self.kept = [kept for kept in self.kept if kept not in wave]

    def _is_over(self, kept: Kept, began: float) -> bool:
        late = time.monotonic() > began + kept.child.grace_seconds
        # A second Ctrl-C does not wait, but a database is never cut short for it.
        hurried = self.bell.stop_requests > 1 and not kept.child.is_database
        if not (kept.running.has_ended() or late or hurried):
            return False
        kept.running.bury()
        return True

    def kill(self) -> None:
        """End every child at once, for data that nobody wants to keep."""
        for kept in self.kept:
            kept.running.bury()
        self.kept = []


def _reason(running: Running) -> str:
    """Why a process is not ready, or nothing."""
    try:
        running.child.is_ready(running)
    except NotReady as reason:
        return str(reason)
    return ""


def _why_not_up(kept: Kept) -> str:
    """Note when a starting child is ready; until then, say why not. Raises if it died."""
    child = kept.child
    if kept.running.has_ended():
        how = kept.running.bury()
        if child.port_setting and not is_free(child.port, child.host):
            raise PortLost(child.port_setting, f"{child.name} lost port {child.port}")
        raise StartFailed(_failure(child, f"ended with {how} instead of starting"))
    if not kept.is_up and (reason := _reason(kept.running)):
        return _failure(child, f"does not become ready: {reason}")
    kept.is_up = True
    return ""


def _failure(child: Child, what: str) -> str:
    return f"{child.name} {what}. The end of {child.log}:\n{last_lines(child.log)}\n{child.hint}"
