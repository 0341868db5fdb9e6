"""Runs one program over a file that nobody trusts: limited, watched, and never left behind.

The child leads a process group of its own, which is killed whenever `run` is left by an exception.
When the worker itself is killed, the kernel kills the child (`launcher.py`). The kernel ties that
to the *thread* that called `run`, so call it from one that lives as long as the work.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from services.adapters.media.launcher import NOT_STARTED

LAUNCHER = Path(__file__).with_name("launcher.py")
STDOUT_BYTES = 8 * 1024**2
STDERR_BYTES = 64 * 1024
CHUNK_BYTES = 64 * 1024
POLL_SECONDS = 0.002
# Nothing of ours: no secrets, no proxies, messages in English. Without the last, each thread of
# FFmpeg reserves address space by the 64 MB, and a machine of many cores would hit memory_bytes.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one child may use. `memory_bytes` is address space, `file_bytes` the longest file."""

    cpu_seconds: int
    memory_bytes: int
    file_bytes: int
    wall_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A child that ended by itself. `returncode` is negative when a signal ended it."""

    returncode: int
    stdout: bytes
    stderr_tail: str
    cpu_seconds: float


class ToolFailed(Exception):
    """A program failed, and not because of the file it was given: trying again may help."""


class LimitReached(Exception):
    """A child was ended because it reached `limit`, one of the names of `Limits` or `output`."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"ended by its limit: {limit}")
        self.limit = limit


def run(
    command: Sequence[str | Path],
    limits: Limits,
    *,
    stdin: Path | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Finished:
    """Run `command` to its end. With `on_line`, its output goes there instead of being kept.

    Raises `LimitReached`, `ToolFailed` when it cannot be started, and whatever `on_line` raises;
    the child is dead by then.
    """
    output = _Lines(on_line) if on_line else _Captured()
    errors = _Tail()
    deadline = time.monotonic() + limits.wall_seconds
    with ExitStack() as at_end:
        process = _start(command, limits, at_end.enter_context(_opened(stdin)), cwd)
        try:
            stdout, stderr = (
                at_end.enter_context(_present(pipe)) for pipe in (process.stdout, process.stderr)
            )
            _pump({stdout: output.take, stderr: errors.take}, deadline)
            cpu_seconds = _reap(process, deadline)
        except BaseException:
            _kill_group(process)
            raise
    _check(process.returncode, cpu_seconds, limits, errors.text)
    return Finished(
        returncode=process.returncode,
        stdout=output.close(),
        stderr_tail=errors.text,
        cpu_seconds=cpu_seconds,
    )


@contextmanager
def running(
    command: Sequence[str | Path], limits: Limits, *, cwd: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`command`, at work beside whoever started it; gone with all its children when this is left.

    Both its pipes are to be read. Of `limits`, the wall's is its caller's to keep.
    """
    process = _start(command, limits, subprocess.DEVNULL, cwd)
    try:
        yield process
    finally:
        _kill_group(process)
        for pipe in (process.stdout, process.stderr):
            _present(pipe).close()


def _start(
    command: Sequence[str | Path], limits: Limits, stdin: IO[bytes] | int, cwd: Path | None
) -> subprocess.Popen[bytes]:
    numbers = (os.getpid(), limits.cpu_seconds, limits.memory_bytes, limits.file_bytes)
    return subprocess.Popen(  # noqa: S603 - no shell, and no argument of a stranger's making
        [sys.executable, "-I", "-S", LAUNCHER, *map(str, numbers), *map(str, command)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=ENVIRONMENT,
        start_new_session=True,
    )


def _opened(stdin: Path | None) -> AbstractContextManager[IO[bytes] | int]:
    return stdin.open("rb") if stdin else nullcontext(subprocess.DEVNULL)


def _present(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise TypeError("the child was started without a pipe")
    return stream


def _pump(sinks: dict[IO[bytes], Callable[[bytes], None]], deadline: float) -> None:
    """Read both pipes as they fill, until the child has closed them: neither can block it."""
    with selectors.DefaultSelector() as ready:
        for stream, take in sinks.items():
            ready.register(stream, selectors.EVENT_READ, take)
        while ready.get_map():
            for key, _ in ready.select(_seconds_left(deadline)):
                chunk = os.read(key.fd, CHUNK_BYTES)
                key.data(chunk) if chunk else ready.unregister(key.fileobj)


def _reap(process: subprocess.Popen[bytes], deadline: float) -> float:
    """Wait for the end; returns the CPU seconds used, which `Popen.wait` would not tell."""
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime
        time.sleep(min(POLL_SECONDS, _seconds_left(deadline)))


def _seconds_left(deadline: float) -> float:
    if (left := deadline - time.monotonic()) <= 0:
        raise LimitReached("wall_seconds")
    return left


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # Until it is reaped its number, and so its group's, cannot be anybody else's.
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _check(returncode: int, cpu_seconds: float, limits: Limits, errors: str) -> None:
    if returncode == NOT_STARTED:
        raise ToolFailed(errors.strip())
    if returncode == -signal.SIGXFSZ:
        raise LimitReached("file_bytes")
    if returncode == -signal.SIGXCPU or (
        # The kernel counts in ticks, and kills somewhat before the sum says so.
        returncode == -signal.SIGKILL and cpu_seconds > limits.cpu_seconds * 0.9
    ):
        raise LimitReached("cpu_seconds")


class _Captured:
    """Standard output, kept whole."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def take(self, chunk: bytes) -> None:
        self._kept += chunk
        if len(self._kept) > STDOUT_BYTES:
            raise LimitReached("output")

    def close(self) -> bytes:
        return bytes(self._kept)


class _Lines:
    """Standard output, handed on line by line."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > STDERR_BYTES:
            raise LimitReached("output")
        for line in lines:
            self._on_line(line.decode(errors="replace"))

    def close(self) -> bytes:
        if self._rest:
            self._on_line(self._rest.decode(errors="replace"))
        return b""


class _Tail:
    """Standard error, of which only the end is kept."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def take(self, chunk: bytes) -> None:
        self._kept += chunk
        del self._kept[:-STDERR_BYTES]

    @property
    def text(self) -> str:
        return self._kept.decode(errors="replace")
