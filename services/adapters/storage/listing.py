"""What lies below a folder, in the order of names, however much it is.

A listing of S3 is in the order of the keys' bytes; so is this one, so that both can be merged with
what MongoDB knows. Of a large folder, names are sorted in runs that wait on the disk.
"""

from __future__ import annotations

import heapq
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO

from services.adapters.storage.protocol import Entry

RUN = 20_000


def entries_below(root: Path, prefix: str, run: int = RUN) -> Iterator[Entry]:
    """Every file below `root` whose relative path begins with `prefix`."""
    return _walk(root, "", prefix, run)


def _walk(root: Path, above: str, prefix: str, run: int) -> Iterator[Entry]:
    for name in _sorted(_names(root / above), run):
        key = above + name
        if not (key.startswith(prefix) or prefix.startswith(key)):
            continue
        if name.endswith("/"):
            yield from _walk(root, key, prefix, run)
        elif key.startswith(prefix) and (entry := _entry(root, key)):
            yield entry


def _names(folder: Path) -> Iterator[str]:
    """Folders with the slash that follows them in a key: it counts in the order of keys."""
    try:
        with os.scandir(folder) as found:
            for entry in found:
                yield f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
    except FileNotFoundError:
        return  # removed meanwhile


def _entry(root: Path, key: str) -> Entry | None:
    try:
        known = (root / key).stat()
    except FileNotFoundError:
        return None
    modified_at = datetime.fromtimestamp(known.st_mtime, UTC)
    return Entry(key=key, size_bytes=known.st_size, modified_at=modified_at)


def _sorted(names: Iterator[str], run: int) -> Iterator[str]:
    first = sorted(islice(names, run))
    if len(first) < run:
        yield from first
        return
    with ExitStack() as files:
        runs: list[Iterable[str]] = [first]
        while more := sorted(islice(names, run)):
            runs.append(_waiting(more, files))
        yield from heapq.merge(*runs)


def _waiting(names: list[str], files: ExitStack) -> Iterator[str]:
    file: IO[str] = files.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115 - it waits
    file.writelines(f"{json.dumps(name)}\n" for name in names)
    file.seek(0)
    return (json.loads(line) for line in file)
