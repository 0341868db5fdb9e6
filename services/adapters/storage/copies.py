"""Stored files on this host's disk, fetched once for all of its processes.

A long video's pieces are encoded by many jobs, and each of them reads its source. Who reads a copy
holds a shared lock (`flock`), who fetches one an exclusive one: both end with their process,
however that ends. What nobody holds goes when it was not read for a while, or when there is too
much of it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

LOCK, DATA, PART = "lock", "data", "part"
# Longer than from one job to the next of the same video; no file is to outlive its video by much.
KEPT_SECONDS = 600
# Of what nobody reads just now.
MOST_BYTES = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Copies:
    """`folder` is this host's, and nothing else is in it."""

    folder: Path
    kept_seconds: int = KEPT_SECONDS
    most_bytes: int = MOST_BYTES

    @contextmanager
    def of(self, key: str, version: str, fetch: Callable[[Path], object]) -> Iterator[Path]:
        """The file, fetched if it is not here; what `fetch` raises is raised."""
        place = self.folder / f"{_hashed(key)}-{_hashed(version)}"
        with self._held(place, fetch):
            try:
                yield place / DATA
            finally:
                with suppress(FileNotFoundError):
                    os.utime(place / DATA)
        self.trim()

    def forget(self, key: str) -> None:
        """Remove the copies of a file that is no more, but those that somebody is reading."""
        for place in self.folder.glob(f"{_hashed(key)}-*"):
            _remove(place)

    def trim(self) -> None:
        """Remove what was not read for a while, then what was read longest ago."""
        found = sorted((_last_used(place), place) for place in self.folder.glob("*"))
        sizes = {place: _size(place) for _, place in found}
        left, before = sum(sizes.values()), time.time() - self.kept_seconds
        for used_at, place in found:
            if (used_at < before or left > self.most_bytes) and _remove(place):
                left -= sizes[place]

    @contextmanager
    def _held(self, place: Path, fetch: Callable[[Path], object]) -> Iterator[None]:
        while True:
            with _opened(place) as lock:
                fcntl.flock(lock, fcntl.LOCK_SH)
                if not (place / DATA).exists():
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    self._fetch(place, lock, fetch)
                    # For a moment nobody holds it: it may be removed right then.
                    fcntl.flock(lock, fcntl.LOCK_SH)
                if _is_at(place / LOCK, lock) and (place / DATA).exists():
                    yield
                    return

    def _fetch(self, place: Path, lock: FileIO, fetch: Callable[[Path], object]) -> None:
        # Somebody else has fetched it, or removed the folder, while we waited.
        if (place / DATA).exists() or not _is_at(place / LOCK, lock):
            return
        part = place / PART
        try:
            fetch(part)
            with part.open("rb") as opened:
                os.fsync(opened.fileno())
            part.rename(place / DATA)
        finally:
            part.unlink(missing_ok=True)


def _remove(place: Path) -> bool:
    """Unless somebody holds it."""
    try:
        with _opened(place) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(place / LOCK, lock):
                shutil.rmtree(place, ignore_errors=True)
    except BlockingIOError:
        return False
    return True


def _opened(place: Path) -> FileIO:
    while True:
        place.mkdir(parents=True, exist_ok=True)
        # Somebody may remove the folder in this moment.
        with suppress(FileNotFoundError):
            return FileIO(os.open(place / LOCK, os.O_RDWR | os.O_CREAT, 0o600), "r+")


def _is_at(path: Path, opened: FileIO) -> bool:
    """Whether this lock is the one that others find: that of a removed folder is nobody's."""
    try:
        return os.path.samestat(os.fstat(opened.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _last_used(place: Path) -> float:
    for path in (place / DATA, place):
        with suppress(FileNotFoundError):
            return path.stat().st_mtime
    return 0.0


def _size(place: Path) -> int:
    with suppress(FileNotFoundError):
        return (place / DATA).stat().st_size
    return 0


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
