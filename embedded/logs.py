"""The log files of the children: opened for appending, shown by their last lines, kept small.

A child writes straight into its file: through the supervisor, each line would cost time twice.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

ROTATE_ABOVE_BYTES = 50_000_000
KEPT = 3
SHOWN_LINES = 12
SHOWN_COLUMNS = 400
TAIL_BYTES = 32_768


def append_only(path: Path) -> BinaryIO:
    """`path` opened so that every write goes to the end, wherever that is by then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return open(path, "ab", buffering=0, opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def last_lines(path: Path, count: int = SHOWN_LINES) -> str:
    """The end of a log, indented for showing in a message."""
    if not path.exists():
        return "    (no log)"
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()[-count:]
    return "\n".join(f"    {line[:SHOWN_COLUMNS]}" for line in lines) or "    (the log is empty)"


def rotate_folder(folder: Path, *, above_bytes: int = ROTATE_ABOVE_BYTES) -> None:
    for path in folder.glob("*.log"):
        if path.stat().st_size > above_bytes:
            rotate(path)


def rotate(path: Path, *, kept: int = KEPT) -> None:
    """Move what `path` holds to `path`.1, that to .2 and so on, under the feet of its writer.

    The writer keeps its open file, which is emptied: it appends, so it goes on at the new end.
    What is written while copying is copied too; only the instant before the truncation could lose
    a line.
    """
    for number in range(kept - 1, 0, -1):
        if (older := numbered(path, number)).exists():
            older.replace(numbered(path, number + 1))
    numbered(path, 1).unlink(missing_ok=True)
    with path.open("r+b", buffering=0) as log, append_only(numbered(path, 1)) as copy:
        shutil.copyfileobj(log, copy, 1 << 20)
        log.truncate(0)


def numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
