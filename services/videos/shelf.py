"""The shelf: public videos within reach, up to a second old.

000 would remember a video's facts for an hour. A second is enough for what many ask at once to cost
MongoDB one query, and short enough that nobody waits for a change. Who may change a video is never
answered from here, so that everybody sees their own changes at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from models.video import Video
from models.videos import Videos
from services.policies import Actor, is_public, may_edit
from services.remembered import Remembered

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    videos: Videos
    recent: Remembered[str, Video]
    pages: Remembered[tuple[object, ...], Any]

    def get(self, actor: Actor, reference: str) -> Video | None:
        """One video by either id, whoever may see it."""
        known = self.recent.known(reference)
        if known is not None and not may_edit(actor, known):
            return known
        found = self.videos.get(reference)
        if found is not None and is_public(found):
            self.recent.keep(reference, found)
        return found

    def forget(self, video: Video) -> None:
        """It was changed: within this process nobody waits. Lists are as they were for a second."""
        self.recent.forget(video.id, video.oid)

    def page(self, key: tuple[object, ...], find: Callable[[], V]) -> V:
        """A list that looks the same to everybody."""
        return self.pages.one(key, find)
