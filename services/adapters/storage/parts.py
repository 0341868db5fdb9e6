"""Multipart uploads on local disk: a folder for each, a file for each part that has arrived."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from models.errors import Invalid
from services.adapters.storage.protocol import Part

ID = re.compile(r"parts-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class LocalParts:
    """Whoever receives a part writes it elsewhere in `incoming` and hands it to `keep`."""

    incoming: Callable[[], Path]

    def begin(self) -> str:
        upload_id = f"parts-{uuid4().hex}"
        (self.incoming() / upload_id).mkdir()
        return upload_id

    def keep(self, upload_id: str, number: int, path: Path, etag: str) -> None:
        """Take over the file of one part; the same number again replaces it.

        `etag` names its content, and is what the sender is told. Raises `FileNotFoundError` once
        the upload is finished or aborted.
        """
        folder = self._folder(upload_id)
        path.rename(folder / f"{number}-{etag}")
        for other in folder.glob(f"{number}-*"):
            if other.name != f"{number}-{etag}":
                other.unlink(missing_ok=True)
        # Its age tells whether anybody still sends: see `discard_incoming`.
        folder.touch()

    def join(self, upload_id: str, parts: Sequence[Part], target: Path) -> None:
        """Write the parts, in order, into one file. Raises `Invalid` or `FileNotFoundError`."""
        folder = self._folder(upload_id)
        if not folder.is_dir():
            raise FileNotFoundError(upload_id)
        files = [_named(folder, part) for part in sorted(parts, key=lambda part: part.number)]
        with target.open("wb") as whole:
            for file in files:
                with file.open("rb") as part:
                    shutil.copyfileobj(part, whole, 1024 * 1024)

    def abort(self, upload_id: str) -> None:
        shutil.rmtree(self._folder(upload_id), ignore_errors=True)

    def _folder(self, upload_id: str) -> Path:
        if not ID.fullmatch(upload_id):
            raise Invalid("There is no such upload.")
        return self.incoming() / upload_id


def _named(folder: Path, part: Part) -> Path:
    etag = part.etag.strip('"')
    file = folder / f"{part.number}-{etag}"
    if not etag.isalnum() or not file.is_file():
        raise Invalid(
            f"Part {part.number} has not arrived, or is another than its ETag says.",
            fields={"parts": [f"Part {part.number} is missing."]},
        )
    return file
