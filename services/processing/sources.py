"""The upload that is processed, on this worker's disk for as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from models.errors import BadMedia
from services.adapters.storage import Storage
from services.videos.keys import source_key

MISSING = (
    "The uploaded file is not where this worker looks for it. Workers need the same MEDIA_ROOT as"
    " the API, or both need MEDIA_STORAGE_BACKEND=s3."
)


@contextmanager
def source_of(storage: Storage, video_id: str) -> Iterator[Path]:
    """Raises `BadMedia` where it is not: trying again here would not find it either."""
    with ExitStack() as opened:
        try:
            path = opened.enter_context(storage.shared(source_key(video_id)))
        except FileNotFoundError as missing:
            raise BadMedia("source_missing", MISSING) from missing
        yield path
