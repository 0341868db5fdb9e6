"""One stack per data folder: the second one is refused, and told how to have its own."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.bell import Bell
from embedded.errors import StartFailed

FLUSH_SECONDS = 40.0


@contextmanager
def only_stack_in(var_dir: Path, bell: Bell, say: Callable[[str], None]) -> Iterator[int]:
    """Hold the lock of `var_dir`; gives its file descriptor, which the databases inherit.

    So the lock outlives a supervisor that was killed for as long as its databases still write.
    """
    lock = os.open(var_dir / "clutch.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(lock, var_dir, bell, say)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield lock
    finally:
        os.close(lock)


def _acquire(lock: int, var_dir: Path, bell: Bell, say: Callable[[str], None]) -> None:
    deadline, has_said = time.monotonic() + FLUSH_SECONDS, False
    while not _is_ours(lock):
        _refuse_if_alive(lock, var_dir)
        if time.monotonic() > deadline:
            raise StartFailed(
                f"The databases of an earlier run still use {var_dir}. Stop its mongod and"
                " redis-server, then start again."
            )
        if not has_said:
            say("Waiting for the databases of an earlier run to finish writing ...")
        has_said = True
        bell.wait(0.05)


def _is_ours(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refuse_if_alive(lock: int, var_dir: Path) -> None:
    pid = int(os.pread(lock, 20, 0) or 0)
    if pid and _is_alive(pid):
        raise StartFailed(
            f"CLUTCH already runs with the data in {var_dir} (process {pid}).\n"
            "For a second one beside it, set VAR_DIR and PORT, for example:"
            " VAR_DIR=var2 PORT=5001 python app.py"
        )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
