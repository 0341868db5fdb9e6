"""Whether storage holds what MongoDB says: one pass over both, in the order of videos' ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby
from operator import attrgetter

from models.uploads import Uploads
from models.video import Video
from models.videos import Videos
from services.adapters.storage import Storage
from services.library.holdings import Holding, holding_of, holdings, strangers
from services.library.judgement import Finding, Kind, judged

# What is younger may be about to be pointed at.
YOUNG = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One video that was looked at, and what was found of it."""

    findings: tuple[Finding, ...] = ()
    files: int = 0
    size_bytes: int = 0
    # Of the findings, those that are no more.
    repaired: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckService:
    videos: Videos
    uploads: Uploads
    storage: Storage
    now: Callable[[], datetime]

    def expected_steps(self) -> int:
        """About how many videos there are to look at."""
        return self.videos.estimated_count()

    def check(self, *, repair: bool = False) -> Iterator[Step]:
        """Compare, video by video; with `repair`, remove what was orphaned for an hour.

        What differs is looked at a second time, since people upload and delete meanwhile.
        """
        for held, video in self._pairs():
            step = Step(files=len(held.entries), size_bytes=held.size_bytes)
            if self._judged(held, video):
                step = replace(step, findings=tuple(self._again(held.video_id)))
            yield self._repaired(step) if repair and step.findings else step
        for entry in strangers(self.storage):
            finding = Finding(kind=Kind.UNKNOWN, key=entry.key, size_bytes=entry.size_bytes)
            yield Step(findings=(finding,), files=1, size_bytes=entry.size_bytes)

    def _pairs(self) -> Iterator[tuple[Holding, Video | None]]:
        """What is stored of a video beside the video; either may be missing."""
        rows = (_Side(video_id=v.id, video=v) for v in self.videos.in_order())
        stored = (_Side(video_id=h.video_id, holding=h) for h in holdings(self.storage))
        both = merge(rows, stored, key=attrgetter("video_id"))
        for video_id, sides in groupby(both, key=attrgetter("video_id")):
            found = list(sides)
            held = next((side.holding for side in found if side.holding), None)
            video = next((side.video for side in found if side.video), None)
            yield held or Holding(video_id=video_id, entries=()), video

    def _again(self, video_id: str) -> list[Finding]:
        held = holding_of(self.storage, video_id)
        return self._judged(held, self.videos.whatever_is_left_of(video_id))

    def _judged(self, held: Holding, video: Video | None) -> list[Finding]:
        is_awaited = (video is None or video.source is None) and bool(held.entries)
        return judged(held, video, is_awaited=is_awaited and self.uploads.are_for(held.video_id))

    def _repaired(self, step: Step) -> Step:
        return replace(step, repaired=tuple(f for f in step.findings if self._repair(f)))

    def _repair(self, finding: Finding) -> bool:
        if finding.kind is not Kind.ORPHANED or finding.modified_at is None:
            return False
        if finding.modified_at > self.now() - YOUNG:
            return False
        self.storage.remove(finding.key)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    video_id: str
    video: Video | None = None
    holding: Holding | None = None
