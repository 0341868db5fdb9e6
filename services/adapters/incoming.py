"""Files that arrive piece by piece: who writes holds a lock, and can have it all on the disk.

The lock (`flock`) is on the file itself: it holds between all processes of a host, and ends with
the process that has it, however that ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from models.errors import Locked


class Lost(Exception):
    """The file is not there any more, or not all of it."""


@dataclass(frozen=True, slots=True)
class Held:
    """A file that nobody else writes to for as long as it is held."""

    path: Path
    _opened: FileIO

    def begin_at(self, offset: int) -> None:
        """Write from here on; what lies behind goes. Raises `Lost` if it is shorter than that."""
        if os.fstat(self._opened.fileno()).st_size < offset:
            raise Lost(self.path.name)
        self._opened.seek(offset)
        self._opened.truncate()

    def write(self, piece: bytes) -> None:
        left = memoryview(piece)
        while left:
            left = left[self._opened.write(left) :]

    def flush(self) -> None:
        """To the disk: what is acknowledged after this survives a power cut."""
        os.fsync(self._opened.fileno())

    @contextmanager
    def second_name(self) -> Iterator[Path]:
        """The file under a name that may be moved away; this one keeps it until it is done."""
        path = self.path.with_name(f"{self.path.name}.whole")
        path.unlink(missing_ok=True)
        path.hardlink_to(self.path)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Incoming:
    """`folder` is where storage can take files over from by a rename."""

    folder: Callable[[], Path]

    def create(self, name: str) -> None:
        folder = self.folder()
        (folder / name).touch(exist_ok=False)
        # Its name, too, is to outlive a power cut.
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def hold(self, name: str) -> Iterator[Held]:
        """Raises `Locked` while another holds it, `Lost` if it is not there."""
        path = self.folder() / name
        with _opened(path) as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as busy:
                raise Locked("Somebody is writing to this upload. Try again in a moment.") from busy
            # Whoever held it before may have removed it meanwhile: this would be nobody's file.
            if not _is_at(path, opened):
                raise Lost(name)
            yield Held(path, opened)

    def remove(self, name: str) -> None:
        (self.folder() / name).unlink(missing_ok=True)


def _opened(path: Path) -> FileIO:
    """Unbuffered: what is written is with the system, even if this process is killed."""
    try:
        return FileIO(path, "r+")
    except FileNotFoundError as lost:
        raise Lost(path.name) from lost


def _is_at(path: Path, opened: FileIO) -> bool:
    try:
        return os.path.samestat(os.fstat(opened.fileno()), path.stat())
    except FileNotFoundError:
        return False
