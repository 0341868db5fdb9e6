"""Where media is kept: a protocol in the domain's words, and local disk.

A key is a relative POSIX path (`playback/<video id>/v1/master.m3u8`). What is stored under a key
is complete: it appears by a rename, or not at all.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4


class Storage(Protocol):
    def incoming(self) -> Path:
        """A folder for uploads under way, from which `adopt` is cheap."""
        ...

    def discard_incoming(self, before: datetime) -> int:
        """Remove what nobody has written to in `incoming` since; answers how many."""
        ...

    def adopt(self, path: Path, key: str) -> None:
        """Take over a local file or folder.

        A file that was under `key` before is replaced; a folder that is there already stays.
        """
        ...

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """A local file to read for as long as the context lasts. Raises `FileNotFoundError`."""
        ...

    def file(self, key: str) -> Path | None:
        """The local file to serve for `key`; None if there is none."""
        ...

    def size(self, key: str) -> int:
        """How many bytes a file, or all that is in a folder, takes up; 0 if it is not there."""
        ...

    def remove(self, key: str) -> None:
        """Forget a file or folder. Removing what is not there is not an error."""
        ...


class LocalStorage:
    def __init__(self, root: Path) -> None:
        self._root = root

    def incoming(self) -> Path:
        folder = self._root / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def discard_incoming(self, before: datetime) -> int:
        stale = [path for path in self.incoming().iterdir() if _is_older(path, before)]
        for path in stale:
            _remove(path)
        return len(stale)

    def adopt(self, path: Path, key: str) -> None:
        target = self._root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        # Across file systems this copies, to where nobody reads and leftovers are cleaned up.
        aside = self.incoming() / f"adopt-{uuid4()}"
        shutil.move(path, aside)
        _flush(aside)
        try:
            aside.replace(target)
            # Of two names of one file, as when this is done again, a rename leaves both.
            aside.unlink(missing_ok=True)
        except OSError:
            if not target.is_dir():
                raise
            # A folder of an earlier run: complete, and perhaps being watched.
            shutil.rmtree(aside)
        _flush_folder(target.parent)

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        path = self._root / key
        if not path.is_file():
            raise FileNotFoundError(key)
        yield path

    def file(self, key: str) -> Path | None:
        path = self._root / key
        return path if path.is_file() else None

    def size(self, key: str) -> int:
        path = self._root / key
        files = [path] if path.is_file() else path.rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file())

    def remove(self, key: str) -> None:
        _remove(self._root / key)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_older(path: Path, moment: datetime) -> bool:
    try:
        return path.stat().st_mtime < moment.timestamp()
    except FileNotFoundError:
        return False  # whoever wrote it has just ended


def _flush(path: Path) -> None:
    """To the disk: what is acknowledged after this survives a power cut."""
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
