"""From `python app.py` until it says that it is ready, and the memory of all its processes.

The yardstick is what nothing of ours can be faster than: its two databases, opened by themselves.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from embedded.servers import temporary
from tests.stack import running

ROUNDS = 5


def run(folder: Path) -> None:
    first, memory = _started(folder)
    later = [_started(folder)[0] for _ in range(ROUNDS)]
    plain = [_databases(folder / "databases") for _ in range(ROUNDS)]
    yardstick = statistics.median(plain)
    print(f"\nSeconds until ready; medians of {ROUNDS}, but for the first start")
    print("| | seconds | of the databases alone |")
    print("| --- | ---: | ---: |")
    for name, seconds in (
        ("MongoDB and Redis alone, opened again", yardstick),
        ("first start, with an administrator and two videos", first),
        ("later starts", statistics.median(later)),
    ):
        print(f"| {name} | {seconds:.2f} | {seconds / yardstick:.2f} |")
    print(f"All its processes take {memory:.0f} MiB once it is ready.")


def _started(folder: Path) -> tuple[float, float]:
    """Seconds until it is ready, and MiB of memory, of which each page counts once."""
    (folder / "output.txt").unlink(missing_ok=True)
    began = time.monotonic()
    with running(folder) as stack:
        seconds = time.monotonic() - began
        family = [stack.process.pid, *stack.pids("")]
        return seconds, sum(map(_kib, family)) / 1024


def _kib(pid: int) -> int:
    """Its share of the memory that it has together with others, and all of its own."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def _databases(folder: Path) -> float:
    """With the data of before."""
    with temporary(folder):
        pass
    began = time.monotonic()
    with temporary(folder):
        return time.monotonic() - began
