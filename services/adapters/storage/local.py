"""Media on local disk, under one folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_ISREG
from uuid import uuid4

from services.adapters.storage.listing import entries_below
from services.adapters.storage.parts import LocalParts
from services.adapters.storage.protocol import (
    Entry,
    Fingerprint,
    Part,
    Permission,
    Presigned,
    Readable,
)

INCOMING = "incoming"


def _size_of(path: Path) -> int:
    """Of a file; what is no file, or is none any more, has no size."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0
    return found.st_size if S_ISREG(found.st_mode) else 0


def _no_address(_permission: Permission) -> str:
    raise NotImplementedError("This storage was wired without addresses for direct requests.")


class LocalStorage:
    """`address` signs what a direct request may do into a path that CLUTCH itself serves."""

    backend = "local"

    def __init__(
        self,
        root: Path,
        *,
        address: Callable[[Permission], str] = _no_address,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._root = root
        self._address = address
        self._now = now
        self.parts = LocalParts(self.incoming)

    def require(self) -> None:
        """A folder is made when it is needed."""

    def incoming(self) -> Path:
        folder = self._root / INCOMING
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def discard_incoming(self, before: datetime) -> int:
        stale = [path for path in self.incoming().iterdir() if _is_older(path, before)]
        for path in stale:
            _remove(path)
        return len(stale)

    def tidy_host(self, before: datetime) -> None:
        """All hosts have the same folder, and one of them looks after it."""

    def adopt(self, path: Path, key: str) -> None:
        # Across file systems this copies, to where nobody reads.
        with self._aside() as aside:
            shutil.move(path, aside)
            self._place(aside, self._root / key)

    def copy(self, path: Path, key: str) -> None:
        with self._aside() as aside:
            shutil.copyfile(path, aside)
            self._place(aside, self._root / key)

    def rename(self, key: str, target: str) -> None:
        path, renamed = self._root / key, self._root / target
        renamed.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.replace(renamed)
        except FileNotFoundError:
            if not renamed.is_file():
                raise
        _flush_folder(renamed.parent)

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        path = self._root / key
        if not path.is_file():
            raise FileNotFoundError(key)
        yield path

    def shared(self, key: str) -> AbstractContextManager[Path]:
        return self.local(key)

    def file(self, key: str) -> Path | None:
        path = self._root / key
        return path if path.is_file() else None

    def open(self, key: str) -> Readable | None:
        try:
            stream = (self._root / key).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        known = os.fstat(stream.fileno())
        return Readable(
            stream=stream,
            size_bytes=known.st_size,
            etag=f"{known.st_mtime_ns:x}-{known.st_size:x}",
            modified_at=datetime.fromtimestamp(known.st_mtime, UTC),
        )

    def head(self, key: str) -> int | None:
        path = self.file(key)
        return None if path is None else path.stat().st_size

    def fingerprint(self, key: str) -> Fingerprint | None:
        found = self.open(key)
        if found is None:
            return None
        with found.stream as opened:
            digest = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False))
        return Fingerprint(size_bytes=found.size_bytes, md5=digest.hexdigest())

    def size(self, key: str) -> int:
        path = self._root / key
        # Unlike `rglob`, this passes over a folder that is removed meanwhile.
        below = (Path(at, name) for at, _, names in os.walk(path) for name in names)
        return sum(map(_size_of, [path] if path.is_file() else below))

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        return (
            entry
            for entry in entries_below(self._root, prefix)
            if not entry.key.startswith(f"{INCOMING}/")
        )

    def folders(self) -> list[str]:
        found = self._root.iterdir() if self._root.exists() else ()
        return sorted(path.name for path in found if path.is_dir() and path.name != INCOMING)

    def remove(self, key: str) -> None:
        _remove(self._root / key)

    def presigned_put(
        self, key: str, size_bytes: int, content_type: str, seconds: int
    ) -> Presigned:
        permission = Permission(
            method="PUT",
            key=key,
            expires_at=self._in(seconds),
            size_bytes=size_bytes,
            content_type=content_type,
        )
        headers = {"Content-Type": content_type, "Content-Length": str(size_bytes)}
        return Presigned(method="PUT", url=self._address(permission), headers=headers)

    def presigned_get(self, key: str, seconds: int) -> Presigned:
        permission = Permission(method="GET", key=key, expires_at=self._in(seconds))
        return Presigned(method="GET", url=self._address(permission))

    def begin(self, key: str, content_type: str) -> str:  # noqa: ARG002 - a file has no type
        return self.parts.begin()

    def presigned_part(
        self, key: str, upload_id: str, number: int, size_bytes: int, seconds: int
    ) -> Presigned:
        permission = Permission(
            method="PUT",
            key=key,
            expires_at=self._in(seconds),
            size_bytes=size_bytes,
            upload_id=upload_id,
            part_number=number,
        )
        headers = {"Content-Length": str(size_bytes)}
        return Presigned(method="PUT", url=self._address(permission), headers=headers)

    def finish(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        with self._aside() as aside:
            try:
                self.parts.join(upload_id, parts, aside)
            except FileNotFoundError:
                # Finished before, if its result is there.
                if self.file(key) is None:
                    raise
                return
            self._place(aside, self._root / key)
        self.parts.abort(upload_id)

    def abort(self, key: str, upload_id: str) -> None:  # noqa: ARG002 - the id is enough here
        self.parts.abort(upload_id)

    def _in(self, seconds: int) -> datetime:
        return self._now() + timedelta(seconds=seconds)

    @contextmanager
    def _aside(self) -> Iterator[Path]:
        """Where something is put together; half of it would only fill a full disk further."""
        path = self.incoming() / f"adopt-{uuid4()}"
        try:
            yield path
        except BaseException:
            _remove(path)
            raise

    def _place(self, aside: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
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


def _remove(path: Path) -> None:
    while path.is_dir():
        # Somebody else may be removing the same.
        with suppress(FileNotFoundError):
            shutil.rmtree(path)
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
