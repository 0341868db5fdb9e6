"""Limits itself, then becomes another program: what `confined.py` starts instead of that program.

    launcher.py PARENT_PID CPU_SECONDS MEMORY_BYTES FILE_BYTES PROGRAM ARGUMENT...

A program of its own, because Python code between fork and exec may deadlock in a parent that has
threads. It imports nothing of CLUTCH, so that it starts in a few hundredths of a second.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
NICENESS = 10
OPEN_FILES = 256
# What a shell answers for a program it cannot start; none of ours ends with it.
NOT_STARTED = 127


def main(arguments: list[str]) -> None:
    parent_pid, cpu_seconds, memory_bytes, file_bytes = map(int, arguments[:4])
    command = arguments[4:]
    die_with_parent(parent_pid)
    step_back()
    try:
        limit(cpu_seconds, memory_bytes, file_bytes)
        os.execv(command[0], command)  # noqa: S606 - the point of this module
    except (OSError, ValueError) as refused:
        sys.stderr.write(f"{command[0]}: {refused}\n")
        sys.exit(NOT_STARTED)


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when the thread that forked it ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the kernel was told
        os.kill(os.getpid(), signal.SIGKILL)


def step_back() -> None:
    """Others come first: for the processor, and for memory when the machine runs out of it."""
    os.nice(NICENESS)
    with suppress(OSError):  # not Linux
        Path("/proc/self/oom_score_adj").write_text("500")


def limit(cpu_seconds: int, memory_bytes: int, file_bytes: int) -> None:
    # Python ignores this signal, and the ignoring would be inherited: a file over its limit would
    # then be a write error, which looks like a full disk.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    set_limit(resource.RLIMIT_CORE, 0)
    set_limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    set_limit(resource.RLIMIT_FSIZE, file_bytes)
    set_limit(resource.RLIMIT_CPU, cpu_seconds)
    if sys.platform == "linux":  # macOS counts what it shares with every process
        set_limit(resource.RLIMIT_AS, memory_bytes)


def set_limit(kind: int, most: int) -> None:
    """Soft is hard: at the end of its time FFmpeg would take a SIGXCPU for a polite request."""
    _, hard = resource.getrlimit(kind)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (allowed, allowed))


if __name__ == "__main__":
    main(sys.argv[1:])
