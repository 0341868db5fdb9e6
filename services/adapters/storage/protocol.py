"""What a place for media can do, in the domain's words; `local.py` and `s3.py` are two of them.

A key is a relative POSIX path (`playback/<video id>/v1/master.m3u8`). What is stored under a key
is complete: it appears at once, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stored file, as a listing shows it."""

    key: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """By which a copy is known; `md5` (hexadecimal) is None where the store does not know it."""

    size_bytes: int
    md5: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """A stored file that is open: seekable, and closed by who asked for it."""

    stream: BufferedReader
    size_bytes: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What one presigned request may do: these bytes, under this key, until then.

    With `upload_id` it is part `part_number` of a multipart upload instead of the whole.
    """

    method: str
    key: str
    expires_at: datetime
    size_bytes: int = 0
    content_type: str = ""
    upload_id: str = ""
    part_number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Presigned:
    """A request that anybody may send as it is, without a token; all of `headers` must be sent.

    `url` is absolute where the store has an address of its own, else a path of this CLUTCH.
    """

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a multipart upload as its sender has it: the store answered `etag` to the PUT."""

    number: int
    etag: str


class Direct(Protocol):
    """Requests between a client and the store, past CLUTCH's Python where the store is S3.

    On local disk their addresses are routes of CLUTCH's own.
    """

    def presigned_put(
        self, key: str, size_bytes: int, content_type: str, seconds: int
    ) -> Presigned:
        """One PUT of exactly `size_bytes`; the store refuses another length, type or key."""
        ...

    def presigned_get(self, key: str, seconds: int) -> Presigned:
        """A GET, with byte ranges. Says nothing about whether the file is there."""
        ...

    def begin(self, key: str, content_type: str) -> str:
        """Begin a multipart upload; answers its id. Nothing is under `key` before `finish`."""
        ...

    def presigned_part(
        self, key: str, upload_id: str, number: int, size_bytes: int, seconds: int
    ) -> Presigned:
        """One PUT of part `number` (from 1); its answer carries an ETag header to keep.

        S3 wants every part but the last to have 5 MiB at least, and at most 10,000 of them.
        """
        ...

    def finish(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Put the parts together under `key`, at once.

        Raises `Invalid` if one is missing or is not what was received, and keeps what was;
        `FileNotFoundError` if it was aborted. Finishing again what is finished changes nothing.
        """
        ...

    def abort(self, key: str, upload_id: str) -> None:
        """Forget a multipart upload and its parts. Aborting what is gone is not an error."""
        ...


class Storage(Direct, Protocol):
    """Where media is kept. Raises `Unavailable` where it does not answer."""

    @property
    def backend(self) -> str:
        """`local` or `s3`, as MEDIA_STORAGE_BACKEND says it."""
        ...

    def require(self) -> None:
        """Raise `SettingError` if the settings lead nowhere, and say what to set."""
        ...

    def incoming(self) -> Path:
        """A local folder for uploads under way, from which `adopt` is cheap."""
        ...

    def discard_incoming(self, before: datetime) -> int:
        """Remove what nobody has written to in `incoming` since; answers how many."""
        ...

    def tidy_host(self, before: datetime) -> None:
        """Remove what is left on a host where nobody calls `discard_incoming`, and of `shared`."""
        ...

    def adopt(self, path: Path, key: str) -> None:
        """Take over a local file or folder, which is gone afterwards.

        A file that was under `key` before is replaced; a folder that is there already stays.
        """
        ...

    def copy(self, path: Path, key: str) -> None:
        """Store a local file, and leave it where it is. What was under `key` is replaced."""
        ...

    def rename(self, key: str, target: str) -> None:
        """Have a stored file under another key; what was there is replaced.

        Doing it again changes nothing. Raises `FileNotFoundError` if it is under neither.
        """
        ...

    def local(self, key: str) -> AbstractContextManager[Path]:
        """A local file to read for as long as the context lasts. Raises `FileNotFoundError`."""
        ...

    def shared(self, key: str) -> AbstractContextManager[Path]:
        """As `local`, for what several processes of a host read: it comes here once for all."""
        ...

    def file(self, key: str) -> Path | None:
        """The file itself, where it lies on this disk; None if it does not."""
        ...

    def open(self, key: str) -> Readable | None:
        """A stored file to read and seek in, wherever it lies; None if it is not there."""
        ...

    def head(self, key: str) -> int | None:
        """How many bytes the file under `key` has; None if there is none."""
        ...

    def fingerprint(self, key: str) -> Fingerprint | None:
        """What a copy of it is known by; None if it is not there. May read all of it."""
        ...

    def size(self, key: str) -> int:
        """How many bytes a file, or all that is in a folder, takes up; 0 if it is not there."""
        ...

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Every stored file whose key begins with `prefix`, in the order of the keys' bytes.

        Memory does not grow with their number. Uploads under way are not among them.
        """
        ...

    def folders(self) -> list[str]:
        """What keys begin with, before the first slash. Uploads under way are not among them."""
        ...

    def remove(self, key: str) -> None:
        """Forget a file or folder. Removing what is not there is not an error."""
        ...
