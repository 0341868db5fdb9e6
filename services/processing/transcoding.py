"""One run over one video: who holds it, and how that ends.

MongoDB owns the state, by a lease that `Heartbeat` keeps. A run may be killed anywhere and is done
again by another worker; what is made of the video is in `steps.py`.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from models.errors import BadMedia, Unavailable
from models.video import Phase, ProcessingStatus, Video
from models.videos import Videos
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.processing.announce import Announcer
from services.processing.chunks import ChunkService
from services.processing.failures import details_of, is_for_want_of_room
from services.processing.heartbeat import REPORT_SECONDS, Cancelled, Heartbeat, LostLease
from services.processing.inspection import Inspection
from services.processing.sources import source_of
from services.processing.steps import Steps
from services.processing.work import BACKOFF_SECONDS, Work, hold
from services.tracks.tidying import watchable
from services.videos.keys import (
    kept_key,
    keys_of,
    playback_key,
    poster_key,
    progressive_key,
    source_key,
)

log = logging.getLogger(__name__)

# Longer than any job may take (services/adapters/queue.py).
KEPT_SCRATCH = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscodingService:
    videos: Videos
    storage: Storage
    queue: JobQueue
    steps: Steps
    pieces: ChunkService
    announcer: Announcer
    scratch: Path
    lease_lifetime: timedelta
    max_attempts: int
    # Whether the upload of what failed is kept for another try (`holding.py`).
    keeps_failed: bool
    # Who this is, for whoever looks who holds a video.
    worker: str
    # What is raised while MongoDB or Redis restarts.
    outages: tuple[type[Exception], ...]
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def run(self, video_id: str) -> bool:
        """Process a video; False if somebody else does, or it is done. Raising: try again later.

        It may be handed over halfway, to be gone on with when its turn comes.
        """
        video = self._claim(video_id)
        if video is None or video.processing.lease is None:
            log.info("nothing to do", extra={"video_id": video_id})
            return False
        lease = video.processing.lease
        if video.processing.attempts > self.max_attempts:
            self._give_up(video, lease)
            return True
        try:
            with self._heartbeat(video, lease) as heartbeat:
                self._process(video, lease, heartbeat)
        except LostLease:
            log.warning("stopped: it is not ours any more", extra={"video_id": video_id})
        except Cancelled:
            self._fail(video_id, lease, "cancelled", "Processing was cancelled.")
        except BadMedia as bad:
            self._fail(video_id, lease, bad.reason, bad.message, details_of(bad))
        except (KeyboardInterrupt, SystemExit):
            self.videos.release(video_id, lease, until=self.now(), counted=False)
            raise
        except Unavailable:
            # Not the video's fault, however often it is tried.
            until = self.now() + timedelta(seconds=BACKOFF_SECONDS)
            self.videos.release(video_id, lease, until=until, counted=False)
            raise
        except BaseException as failure:
            counted = not is_for_want_of_room(failure)
            doubled = video.processing.attempts if counted else 0
            until = self.now() + timedelta(seconds=BACKOFF_SECONDS * 2**doubled)
            details = details_of(failure)
            self.videos.release(video_id, lease, until=until, counted=counted, details=details)
            raise
        finally:
            self._leave(video_id)
        return True

    def sweep(self) -> int:
        """Queue again what no living worker holds; returns how many were not queued already."""
        for video in self.videos.untidy(self.now() - self.lease_lifetime):
            self._clear(video)
        stalled = self.videos.stalled(self.now())
        return sum(self.queue.enqueue(Job.PROCESS_VIDEO, video_id) for video_id in stalled)

    def discard_leftovers(self) -> None:
        """Remove what a worker that was killed on this host has left for a day."""
        before = (self.now() - KEPT_SCRATCH).timestamp()
        for folder in self.scratch.glob("*"):
            # Another worker may have just ended with it.
            with suppress(FileNotFoundError):
                if folder.stat().st_mtime < before:
                    shutil.rmtree(folder, ignore_errors=True)

    def _claim(self, video_id: str) -> Video | None:
        now = self.now()
        until = now + self.lease_lifetime
        return self.videos.claim(video_id, self.new_id(), now=now, until=until, worker=self.worker)

    def _heartbeat(self, video: Video, lease: str) -> Heartbeat:
        def beat(stage: str, percent: float) -> bool:
            until = self.now() + self.lease_lifetime
            self.announcer.progress(video, stage, percent)
            held = self.videos.renew(video.id, lease, until=until, stage=stage, percent=percent)
            if held and held.processing.cancelled:
                raise Cancelled
            return held is not None

        third = self.lease_lifetime.total_seconds() / 3
        return Heartbeat(
            beat=beat, interval_seconds=min(REPORT_SECONDS, third), tolerated=self.outages
        )

    def _process(self, video: Video, lease: str, heartbeat: Heartbeat) -> None:
        if video.processing.cancelled:
            raise Cancelled
        # What another edition has left here is of no use to this one.
        folder = self.scratch / video.id / str(video.processing.edition)
        folder.mkdir(parents=True, exist_ok=True)
        with source_of(self.storage, video.id) as source:
            heartbeat.report("probing", 0)
            with self._inspected(video, source) as inspection:
                work = Work(
                    video=video, lease=lease, source=source, folder=folder,
                    info=self.steps.begin_with(video, inspection), heartbeat=heartbeat,
                )  # fmt: skip
                if video.processing.phase is Phase.FIRST:
                    work = self.steps.first(
                        work, inspection, on_playable=lambda info: self.pieces.plan(video, info)
                    )
                    if self._is_handed_over(work):
                        return
            self.steps.rest(work)
        self._finish(work)

    def _inspected(self, video: Video, source: Path) -> AbstractContextManager[Inspection]:
        known = self.pieces.described(video)
        if known is None and video.processing.phase is Phase.FIRST:
            return self.steps.encoder.inspecting(source)
        return nullcontext(Inspection.of(known or self.steps.encoder.inspect(source)))

    def _is_handed_over(self, work: Work) -> bool:
        """Whether the rest is for another turn: others encode pieces of it, or wait themselves."""
        video_id, now = work.video.id, self.now()
        if self.pieces.are_under_way(video_id):
            phase = Phase.CHUNKS
        elif self.videos.is_another_first_waiting(video_id, now):
            phase = Phase.REST
        else:
            return False
        self.steps.keep(work)
        hold(self.videos.hand_over(video_id, work.lease, phase, now=now))
        shutil.rmtree(self.scratch / video_id, ignore_errors=True)
        if phase is Phase.REST:
            self.pieces.enqueue(Job.ENCODE_REST, video_id)
        self.pieces.resume(video_id)
        return True

    def _finish(self, work: Work) -> None:
        video, now = work.video, self.now()
        as_found = replace(video, duration_seconds=work.info.duration_seconds)
        key = None if video.drm_enabled else progressive_key(video.id)
        if key is None:
            # An earlier edition may have been in the clear.
            self.storage.remove(progressive_key(video.id))
        ready = hold(
            self.videos.finish(
                video.id, work.lease, progressive=key, now=now, tidy_at=now + watchable(as_found)
            )
        )
        self._clear(ready)
        self.announcer.ready(ready)

    def _give_up(self, video: Video, lease: str) -> None:
        attempts = self.max_attempts
        self._fail(
            video.id,
            lease,
            "processing_interrupted",
            f"Processing stopped unexpectedly {attempts} times. Please upload the video again.",
        )

    def _fail(self, video_id: str, lease: str, code: str, message: str, details: str = "") -> None:
        self.steps.withdraw_early(video_id, lease)
        failed = self.videos.fail(
            video_id,
            lease,
            code=code,
            message=message,
            now=self.now(),
            details=details,
            keeps_source=self.keeps_failed,
        )
        if failed is None:
            return
        if failed.previous is not None:
            # New content for a video that plays: what played before plays on.
            failed = self.videos.fall_back(video_id, self.now()) or failed
        self._clear(failed)
        self.announcer.failed(failed)

    def _clear(self, video: Video) -> None:
        """What is of no use to a video that is ready, or has failed."""
        has_failed = video.processing_status is ProcessingStatus.ERROR
        if has_failed and not video.playable and video.previous is None:
            self.videos.forget_poster(video.id)
            self.storage.remove(playback_key(video.id))
            self.storage.remove(poster_key(video.id))
        self._tidy(video.id, keeps_source=video.source is not None)

    def _leave(self, video_id: str) -> None:
        """Leave nothing of a video that was deleted while we were at it.

        Whoever deleted it has removed what was there; what we stored since is ours to remove.
        """
        if self.videos.is_withdrawn(video_id):
            for key in keys_of(video_id):
                self.storage.remove(key)
            self._tidy(video_id)

    def _tidy(self, video_id: str, *, keeps_source: bool = False) -> None:
        """What only processing needed. Of what failed, the upload is kept for another try."""
        if not keeps_source:
            self.storage.remove(source_key(video_id))
        self.pieces.drop(video_id)
        self.storage.remove(kept_key(video_id))
        self.videos.weighed(video_id, sum(map(self.storage.size, keys_of(video_id))))
        shutil.rmtree(self.scratch / video_id, ignore_errors=True)
        self.videos.tidied(video_id)
