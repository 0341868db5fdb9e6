"""The end of a live stream: what was sent becomes a video like any other, or goes.

    interrupted: whoever sends it has a while to come back, then it has ended
    ended:       the playlist is complete, so that all of it can be watched at once
    replay:      the segments, joined, replace it as new content does (services/videos/replacing.py)

Each step can be killed, and is done again by the sweep.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from models.broadcasts import Broadcast, Broadcasts
from models.errors import Unavailable
from models.video import LiveStatus
from models.videos import Videos
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.live.audience import Audience
from services.live.segments import Segment, init_name, live_key, seconds_of
from services.live.version import publish_playlist, stored_segments
from services.policies import OPERATOR
from services.uploads.uploads import Upload
from services.videos.replacing import ReplacingService

log = logging.getLogger(__name__)

# After what was killed, or failed, it is tried again; hours of a stream are not joined at once.
LEASE = timedelta(seconds=60)
REPLAY_LEASE = timedelta(minutes=15)
MOST_REPLAYS = 8
# How soon it is noticed that what was deleted has been restored.
RESTORED_WITHIN = timedelta(minutes=15)
NOT_BACK = "Nobody sent it any more."


class Joiner(Protocol):
    def join_parts(self, parts: list[Path], target: Path) -> None:
        """Write one MP4 of the parts of a stream, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingService:
    broadcasts: Broadcasts
    videos: Videos
    storage: Storage
    queue: JobQueue
    audience: Audience
    replacing: ReplacingService
    joiner: Joiner
    scratch: Path
    # How long who is interrupted has to come back.
    patience: timedelta
    now: Callable[[], datetime]

    def end(self, video_id: str, reason: str) -> Broadcast | None:
        """None if it had ended."""
        ended = self.broadcasts.end(video_id, self.now(), reason)
        if ended is not None:
            log.info("live stream ended", extra={"video_id": video_id, "reason": reason})
            if ended.lease is None:
                self._enqueue(video_id)
        return ended

    def interrupted(self, broadcast: Broadcast) -> None:
        """Nobody holds it any more."""
        if broadcast.unfinished:
            self._enqueue(broadcast.video_id)
        elif broadcast.status is LiveStatus.OFFLINE:
            self.videos.go_offline(broadcast.video_id)
            viewers = self.audience.count(broadcast.video_id)
            self.audience.tell(broadcast.video_id, LiveStatus.OFFLINE, viewers)

    def sweep(self) -> int:
        """What has been waited for long enough; returns how many that were."""
        now, found = self.now(), 0
        for lost in self.broadcasts.lost(now):
            left = self.broadcasts.drop(lost.video_id, lost.lease or "", now)
            if left is not None:
                self.interrupted(left)
                found += 1
        for given_up in self.broadcasts.given_up(now - self.patience):
            found += self.end(given_up.video_id, NOT_BACK) is not None
        return found + sum(map(self._enqueue, self.broadcasts.unfinished(now)))

    def run(self, video_id: str) -> None:
        """Do what is to be done after the end; a job calls this. Raising: try again later."""
        now = self.now()
        broadcast = self.broadcasts.claim_end(video_id, now=now, until=now + LEASE)
        if broadcast is None:
            log.info("nothing to do", extra={"video_id": video_id})
            return
        segments = stored_segments(self.storage, video_id)
        # A deleted video may be restored: it plays then what was sent.
        is_kept = bool(segments) and broadcast.keep_replay
        with self._folder() as folder:
            if is_kept:
                publish_playlist(self.storage, video_id, folder, segments, has_ended=True)
            self.videos.end_live(video_id, seconds=seconds_of(segments), plays=is_kept)
            self.audience.tell(video_id, LiveStatus.ENDED, 0)
            if not is_kept or self.videos.is_withdrawn(video_id):
                self.storage.remove(live_key(video_id))
            elif self.videos.get(video_id) is None:
                self.broadcasts.stay_at_end(video_id, now + RESTORED_WITHIN)
                return
            elif self._gets_replay(broadcast):
                self._replay(broadcast, segments, folder)
        self.broadcasts.finish(video_id)

    def _gets_replay(self, broadcast: Broadcast) -> bool:
        """Not where others process videos, nor what cannot be joined: what was sent plays on."""
        if broadcast.replays >= MOST_REPLAYS:
            log.error("no replay can be made of it", extra={"video_id": broadcast.video_id})
            return False
        return not self.replacing.uploads.is_external

    def _replay(self, broadcast: Broadcast, segments: list[Segment], folder: Path) -> None:
        video_id, target = broadcast.video_id, folder / "replay.mp4"
        self.broadcasts.stay_at_end(video_id, self.now() + REPLAY_LEASE, replays=1)
        parts = [
            self._joined(video_id, number, list(some), folder)
            for number, some in groupby(segments, key=attrgetter("part"))
        ]
        self.joiner.join_parts(parts, target)
        upload = Upload(path=target, filename="live.mp4")
        self.replacing.complete(OPERATOR, upload, video_id, upload_id=broadcast.id)

    def _joined(self, video_id: str, number: int, segments: list[Segment], folder: Path) -> Path:
        """One part as a file: a fragmented MP4 is what its pieces are, one after the other."""
        target = folder / f"{number}.mp4"
        with target.open("wb") as written:
            for name in (init_name(number), *(segment.name for segment in segments)):
                found = self.storage.open(f"{live_key(video_id)}/{name}")
                if found is None:
                    raise FileNotFoundError(name)
                with found.stream as stream:
                    shutil.copyfileobj(stream, written)
        return target

    def _enqueue(self, video_id: str) -> bool:
        try:
            return self.queue.enqueue(Job.END_LIVE, video_id)
        except Unavailable:
            log.warning("not queued, left to the sweeper", extra={"video_id": video_id})
            return False

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        self.scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.scratch, prefix="live-") as name:
            yield Path(name)
