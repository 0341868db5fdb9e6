"""Files that clients send to an address of ours, as they would send them to S3.

What arrives is written beside what is stored, and appears there when it is whole. Each address is
for one upload; once that is completed or aborted, the address is good for nothing.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.errors import Expired, Invalid, NotFound, TooLarge, UnsupportedFormat
from models.uploads import UploadState
from services.adapters.storage import LocalStorage, Permission, Storage
from services.uploads.addresses import Addresses

ENDED = "This upload is complete, or was aborted."


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Bytes on their way. `pieces` is read only once all that is known of them is found right."""

    pieces: Iterator[bytes]
    # None or empty where it is not said.
    size_bytes: int | None
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivingService:
    storage: Storage
    addresses: Addresses
    # Of the upload whose bytes are stored under this key; None if there is none any more.
    state_of: Callable[[str], UploadState | None]

    def receive(self, token: str, body: Body) -> str:
        """Store a file, or a part of one; answers its ETag.

        Raises `Forbidden` (not an address of ours), `Expired`, `TooLarge`, `Invalid` (not the
        announced length) or `UnsupportedFormat`, if possible before a byte is read.
        """
        permission = self.addresses.read(token, "PUT")
        self._insist(permission)
        _check(permission, body)
        storage = self._local()
        with _aside(storage.incoming()) as path:
            etag = _write(path, permission, body)
            self._insist(permission)
            _store(storage, permission, path, etag)
        # Whoever aborted it in this moment has removed what was there before.
        if self.state_of(permission.key) in {None, UploadState.FAILED}:
            _take_back(storage, permission)
            raise Expired(ENDED)
        return f'"{etag}"'

    def file_at(self, token: str) -> str:
        """The storage key that an address opens to read. Raises `Forbidden` or `Expired`."""
        return self.addresses.read(token, "GET").key

    def _local(self) -> LocalStorage:
        if not isinstance(self.storage, LocalStorage):
            raise NotFound("Files are sent to the media store itself.")
        return self.storage

    def _insist(self, permission: Permission) -> None:
        if self.state_of(permission.key) is not UploadState.OPEN:
            raise Expired(ENDED)


def _check(permission: Permission, body: Body) -> None:
    """What can be known before the bytes come."""
    expected = permission.size_bytes
    if body.size_bytes is not None and body.size_bytes > expected:
        raise TooLarge(f"This address takes {expected} bytes and no more.")
    if body.size_bytes is not None and body.size_bytes < expected:
        raise _too_few(body.size_bytes, expected)
    # As S3 has it for what was signed; curl names no type unless it is told to.
    if body.content_type and permission.content_type not in {"", body.content_type}:
        raise UnsupportedFormat(f"Send it as Content-Type: {permission.content_type}.")


def _write(path: Path, permission: Permission, body: Body) -> str:
    """The MD5 of what came, which is what S3 calls such a file or part by."""
    found, room = hashlib.md5(usedforsecurity=False), permission.size_bytes
    with path.open("wb", buffering=0) as opened:
        for piece in body.pieces:
            room -= len(piece)
            if room < 0:
                raise TooLarge(f"This address takes {permission.size_bytes} bytes and no more.")
            found.update(piece)
            _write_all(opened.write, piece)
    if room > 0:
        raise _too_few(permission.size_bytes - room, permission.size_bytes)
    return found.hexdigest()


def _write_all(write: Callable[[memoryview], int | None], piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[write(left) or 0 :]


def _store(storage: LocalStorage, permission: Permission, path: Path, etag: str) -> None:
    if not permission.upload_id:
        storage.adopt(path, permission.key)
        return
    try:
        storage.parts.keep(permission.upload_id, permission.part_number, path, etag)
    except FileNotFoundError as gone:
        raise Expired(ENDED) from gone


def _take_back(storage: LocalStorage, permission: Permission) -> None:
    if permission.upload_id:
        storage.abort(permission.key, permission.upload_id)
    storage.remove(permission.key)


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A file to write to; what is left of it in the end goes."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix="direct-")
    os.close(descriptor)
    path = Path(name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _too_few(found: int, expected: int) -> Invalid:
    return Invalid(f"{found} bytes were sent; this address is for {expected}.")
