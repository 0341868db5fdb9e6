"""Objects of a bucket as files: one that is sent, whole or in parts, and one that is read."""

from __future__ import annotations

import base64
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from services.adapters.storage.s3_client import refusals

# What is longer goes in parts, and no part is held in memory whole but those under way.
PART_BYTES = 16 * 1024 * 1024
MOST_PARTS = 10_000
PARTS_AT_ONCE = 4
READ_BYTES = 1024 * 1024
TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
}
UNKNOWN = "application/octet-stream"


class Sender:
    """Puts local files into a bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def send(self, path: Path, key: str) -> None:
        """Store a file; the store refuses what did not arrive as it was sent."""
        size_bytes = path.stat().st_size
        with path.open("rb") as opened, refusals():
            if size_bytes <= PART_BYTES:
                body = opened.read()
                self._client.put_object(
                    **self._at(key), **_kind(key), Body=body, ContentMD5=_md5(body)
                )
                return
            whole = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False))
            kind = {**_kind(key), "Metadata": {"md5": whole.hexdigest()}}
            self._in_parts(path, key, kind, max(PART_BYTES, -(-size_bytes // MOST_PARTS)))

    def _in_parts(self, path: Path, key: str, kind: dict[str, Any], part_bytes: int) -> None:
        at = self._at(key)
        begun = at | {"UploadId": self._client.create_multipart_upload(**at, **kind)["UploadId"]}
        offsets = range(0, path.stat().st_size, part_bytes)

        def part(number: int) -> dict[str, Any]:
            with path.open("rb") as opened:
                opened.seek(offsets[number - 1])
                body = opened.read(part_bytes)
            sent = self._client.upload_part(
                **begun, PartNumber=number, Body=body, ContentMD5=_md5(body)
            )
            return {"PartNumber": number, "ETag": sent["ETag"]}

        try:
            with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
                parts = list(pool.map(part, range(1, len(offsets) + 1)))
            self._client.complete_multipart_upload(**begun, MultipartUpload={"Parts": parts})
        except BaseException:
            # What cannot be aborted now is, by age (`discard_incoming`).
            with suppress(Exception):
                self._client.abort_multipart_upload(**begun)
            raise

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": key}


class ObjectReader(io.RawIOBase):
    """A stored object as a file to read and seek in. Nothing is asked for before it is read."""

    def __init__(self, client: Any, at: dict[str, str], size_bytes: int) -> None:
        self._client = client
        self._at = at
        self._size_bytes = size_bytes
        self._position = 0
        self._body: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}
        if (position := base[whence] + offset) != self._position:
            self._hang_up()
            self._position = position
        return position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self._size_bytes:
            return 0
        with refusals():
            if self._body is None:
                since = f"bytes={self._position}-"
                self._body = self._client.get_object(**self._at, Range=since)["Body"]
            piece = self._body.read(len(buffer))
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        self._hang_up()
        super().close()

    def _hang_up(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None


def buffered(reader: ObjectReader) -> io.BufferedReader:
    return io.BufferedReader(reader, READ_BYTES)


def download(client: Any, at: dict[str, str], target: Path) -> None:
    """Raises `Missing`."""
    with refusals(), target.open("wb") as opened:
        body = client.get_object(**at)["Body"]
        for piece in body.iter_chunks(READ_BYTES):
            opened.write(piece)


def md5_of(head: dict[str, Any]) -> str | None:
    """What the store, or who sent it in parts, says of the content; None where neither does."""
    etag = head["ETag"].strip('"')
    said = head.get("Metadata", {}).get("md5")
    return said or (etag if _is_md5(etag) and not _is_encrypted(head) else None)


def _is_md5(etag: str) -> bool:
    # That of an object in parts ends in their number.
    return len(etag) == 32 and all(digit in "0123456789abcdef" for digit in etag)  # noqa: PLR2004 - hexadecimal


def _is_encrypted(head: dict[str, Any]) -> bool:
    """With keys of somebody, which makes the ETag something else."""
    return "SSECustomerAlgorithm" in head or "kms" in head.get("ServerSideEncryption", "")


def _kind(key: str) -> dict[str, Any]:
    return {"ContentType": TYPES.get(Path(key).suffix, UNKNOWN)}


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
