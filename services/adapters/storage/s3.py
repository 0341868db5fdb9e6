"""Media in a bucket of an S3-compatible store, which may be private.

A file that is stored is whole and verified: each request carries the MD5 of its body, which the
store compares. A folder is many objects, and no player looks into it before all of them are there
(MongoDB points at it afterwards); a marker, stored last, says that it is.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

from config import SettingError
from models.errors import Unavailable
from services.adapters.storage.copies import Copies
from services.adapters.storage.local import INCOMING, LocalStorage
from services.adapters.storage.protocol import Entry, Fingerprint, Readable
from services.adapters.storage.s3_client import Missing, Place, refusals
from services.adapters.storage.s3_direct import S3Direct
from services.adapters.storage.s3_objects import ObjectReader, Sender, buffered, download, md5_of

# What says that a folder is complete. It sorts before what it vouches for, and so goes first.
MARKER = "/.complete"
# What clients have sent there, and CLUTCH has not looked at yet.
UNDER_WAY = f"{INCOMING}/"
BATCH = 1000
AT_ONCE = 16
# Of one request of a copy within the bucket.
COPIED_BYTES = 256 * 1024**2


class S3Storage(S3Direct):
    """`folder` is on this host: for uploads that arrive through CLUTCH, and to read from."""

    backend = "s3"

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place)
        self._disk = LocalStorage(folder)
        self._copies = Copies(folder / "copies")

    def require(self) -> None:
        try:
            with refusals():
                self._client.head_bucket(Bucket=self._bucket)
        except Missing as missing:
            raise SettingError(
                f"There is no bucket {self._bucket!r} at {self.place.endpoint_url or 'AWS'}."
                " Create it, or set AWS_S3_BUCKET to one that is there."
            ) from missing

    def incoming(self) -> Path:
        return self._disk.incoming()

    def discard_incoming(self, before: datetime) -> int:
        stale = [found for found in self._begun() if found["Initiated"] < before]
        for found in stale:
            self.abort(found["Key"], found["UploadId"])
        arrived = [entry.key for entry in self._all(UNDER_WAY) if entry.modified_at < before]
        for key in arrived:
            self.remove(key)
        return self._disk.discard_incoming(before) + len(stale) + len(arrived)

    def tidy_host(self, before: datetime) -> None:
        self._disk.discard_incoming(before)
        self._copies.trim()

    def adopt(self, path: Path, key: str) -> None:
        if path.is_dir():
            self._adopt_folder(path, key)
            shutil.rmtree(path)
        else:
            self.copy(path, key)
            path.unlink()

    def copy(self, path: Path, key: str) -> None:
        self._sender.send(path, key)

    def rename(self, key: str, target: str) -> None:
        if (size_bytes := self.head(key)) is None:
            if self.head(target) is None:
                raise FileNotFoundError(key)
            return
        # The store copies by itself, in requests that each end soon.
        parts = TransferConfig(multipart_threshold=COPIED_BYTES, multipart_chunksize=COPIED_BYTES)
        with refusals():
            self._client.copy(self._at(key), **self._at(target), Config=parts)
        if self.head(target) != size_bytes:
            # Not every compatible store can copy what came in parts.
            with self.local(key) as path:
                self.copy(path, target)
        self.remove(key)

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self.incoming(), prefix="read-") as folder:
            target = Path(folder) / Path(key).name
            download(self._client, self._at(key), target)
            yield target

    @contextmanager
    def shared(self, key: str) -> Iterator[Path]:
        if (head := self._head(key)) is None:
            raise FileNotFoundError(key)
        # If it is replaced in between, this fails, and what is there then is fetched another time.
        at = {**self._at(key), "IfMatch": head["ETag"]}
        with self._copies.of(key, head["ETag"], partial(download, self._client, at)) as path:
            yield path

    def file(self, key: str) -> Path | None:  # noqa: ARG002 - nothing lies here
        return None

    def open(self, key: str) -> Readable | None:
        if (head := self._head(key)) is None:
            return None
        reader = ObjectReader(self._client, self._at(key), head["ContentLength"])
        return Readable(
            stream=buffered(reader),
            size_bytes=head["ContentLength"],
            etag=head["ETag"].strip('"'),
            modified_at=head["LastModified"],
        )

    def head(self, key: str) -> int | None:
        head = self._head(key)
        return None if head is None else head["ContentLength"]

    def fingerprint(self, key: str) -> Fingerprint | None:
        if (head := self._head(key)) is None:
            return None
        return Fingerprint(size_bytes=head["ContentLength"], md5=md5_of(head))

    def size(self, key: str) -> int:
        return sum(entry.size_bytes for entry in self._within(key))

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        return (
            entry
            for entry in self._all(prefix)
            if not entry.key.endswith(MARKER) and not entry.key.startswith(UNDER_WAY)
        )

    def folders(self) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2")
        with refusals():
            found = [
                prefix["Prefix"].rstrip("/")
                for page in pages.paginate(Bucket=self._bucket, Delimiter="/")
                for prefix in page.get("CommonPrefixes", ())
            ]
        return [name for name in found if name != INCOMING]

    def remove(self, key: str) -> None:
        """In batches, in order: a folder loses its marker first, and is incomplete from then on."""
        found = (entry.key for entry in self._within(key))
        while batch := list(islice(found, BATCH)):
            self._remove(batch)
        self._copies.forget(key)

    @cached_property
    def _sender(self) -> Sender:
        return Sender(self._client, self._bucket)

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            with refusals():
                return self._client.head_object(**self._at(key))
        except Missing:
            return None

    def _adopt_folder(self, folder: Path, key: str) -> None:
        if self._head(key + MARKER) is not None:
            return  # of an earlier run: complete, and perhaps being watched
        files = [path for path in folder.rglob("*") if path.is_file()]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            keys = (f"{key}/{path.relative_to(folder).as_posix()}" for path in files)
            _finished(pool.map(self._sender.send, files, keys))
        with refusals():
            self._client.put_object(**self._at(key + MARKER), Body=b"")

    def _within(self, key: str) -> Iterator[Entry]:
        """The object of this key, or those of this folder; not those of which it is a beginning."""
        return (e for e in self._all(key) if e.key == key or e.key.startswith(f"{key}/"))

    def _all(self, prefix: str) -> Iterator[Entry]:
        pages = self._client.get_paginator("list_objects_v2")
        with refusals():
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for found in page.get("Contents", ()):
                    yield Entry(
                        key=found["Key"],
                        size_bytes=found["Size"],
                        modified_at=found["LastModified"],
                    )

    def _begun(self) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("list_multipart_uploads")
        with refusals():
            for page in pages.paginate(Bucket=self._bucket):
                yield from page.get("Uploads", ())

    def _remove(self, keys: list[str]) -> None:
        objects = [{"Key": key} for key in keys]
        with refusals():
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
            )
        if answer.get("Errors"):
            raise Unavailable("The media store could not remove all of it. Please try again.")


def _finished(results: Iterable[None]) -> None:
    """Wait for all, and raise what the first to fail raised."""
    for _ in results:
        pass
