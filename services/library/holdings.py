"""What storage holds, video by video, in the order of their ids.

A video's files are in several folders. Each folder is listed in order, and the listings are merged:
a million files take no more memory than those of one video.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter

from services.adapters.storage import Entry, Storage
from services.videos.keys import keys_of

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# `posters/<id>.jpg`, `playback/<id>/v1/master.m3u8`, `sources/<id>`.
KEY = re.compile(rf"[a-z]+/(?P<video_id>{UUID})(?![0-9a-f])")
FOLDERS = tuple(key.split("/")[0] for key in keys_of("any"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """All files of one video."""

    video_id: str
    entries: tuple[Entry, ...]

    @property
    def size_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.entries)

    def sizes(self) -> dict[str, int]:
        return {entry.key: entry.size_bytes for entry in self.entries}


def holdings(storage: Storage) -> Iterator[Holding]:
    """Every video of which something is stored, in order."""
    listings = [_listing(storage, folder) for folder in FOLDERS]
    merged = merge(*listings, key=itemgetter(0))
    for video_id, found in groupby(merged, key=itemgetter(0)):
        yield Holding(video_id=video_id, entries=tuple(entry for _, entry in found))


def holding_of(storage: Storage, video_id: str) -> Holding:
    """The same of one video, as it is now."""
    found = (entry for key in keys_of(video_id) for entry in storage.entries(key))
    mine = (entry for entry in found if _owner(entry.key) == video_id)
    return Holding(video_id=video_id, entries=tuple(mine))


def strangers(storage: Storage) -> Iterator[Entry]:
    """Files that lie where CLUTCH keeps nothing."""
    for folder in storage.folders():
        for entry in storage.entries(f"{folder}/"):
            if folder not in FOLDERS or not _owner(entry.key):
                yield entry


def _listing(storage: Storage, folder: str) -> Iterator[tuple[str, Entry]]:
    found = ((_owner(entry.key), entry) for entry in storage.entries(f"{folder}/"))
    return (named for named in found if named[0])


def _owner(key: str) -> str:
    named = KEY.match(key)
    return named["video_id"] if named else ""
