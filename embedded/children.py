"""One process of the stack: what it is, how it is started, noticed dead, and ended."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from embedded.errors import StartFailed
from embedded.logs import append_only
from embedded.ports import LOOPBACK

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
# Loaded before any fork: a forked child of a process with threads must not load libraries.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def die_with_parent(death_signal: int, parent_pid: int) -> None:
    """Have the kernel send `death_signal` to this process when its parent ends in any way.

    To be called in the child (`preexec_fn`, a post-fork hook). The kernel ties this to the thread
    that forked, so children are started from a thread that lasts. Does nothing outside Linux.
    """
    if _prctl is None:
        return
    _prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the kernel was told
        os.kill(os.getpid(), death_signal)


def _before_exec(death_signal: int, parent_pid: int) -> None:
    # Until the exec, the supervisor's own handler would swallow a SIGTERM.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(death_signal, parent_pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process to keep running.

    `is_ready` raises `NotReady` until the process serves. `port_setting` names the setting of the
    `port` it binds on `host`. `hint` tells what else can be done where it does not start.
    `kept_open` are file descriptors that it inherits. `is_front` is for what clients reach the
    others through: it stops after them.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    is_ready: Callable[[Running], None]
    env: Mapping[str, str] | None = None
    host: str = LOOPBACK
    port: int = 0
    port_setting: str = ""
    hint: str = ""
    grace_seconds: float = 5
    is_database: bool = False
    is_front: bool = False
    kept_open: tuple[int, ...] = ()

    @property
    def orphan_signal(self) -> int:
        """Databases write down what they have; of the others, nothing may survive."""
        return signal.SIGTERM if self.is_database else signal.SIGKILL


@dataclass(slots=True, kw_only=True)
class Running:
    """A child's process, the leader of a process group and a session of its own.

    The session keeps the terminal's Ctrl-C away from it.
    """

    child: Child
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, child: Child, *, stdout: int | None = None) -> Running:
        """Its errors go to its log, and so does what it says, unless `stdout` says where."""
        with append_only(child.log) as log:
            try:
                process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                    child.command,
                    env=child.env,
                    stdin=subprocess.DEVNULL,
                    stdout=log if stdout is None else stdout,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=child.kept_open,
                    # PLW1509 warns of threads: the function only makes two system calls.
                    preexec_fn=partial(_before_exec, child.orphan_signal, os.getpid()),  # noqa: PLW1509
                )
            except OSError as refused:
                raise StartFailed(
                    f"{child.name} cannot be run: {refused}\n{child.hint}"
                ) from refused
        return cls(child=child, process=process)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self.started

    def has_ended(self) -> bool:
        """Whether the process is over; it stays a zombie, so that its group keeps its number."""
        if self.process.returncode is not None:
            return True
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, options) is not None

    def send(self, number: int) -> None:
        if self.process.returncode is None:
            os.kill(self.pid, number)

    def bury(self) -> str:
        """End what is left of the group, free its number, and say how the leader ended."""
        if self.process.returncode is None:
            with suppress(PermissionError):  # macOS says so where only zombies are left
                os.killpg(self.pid, signal.SIGKILL)
        code = self.process.wait()
        return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
