"""One upload's way to a video that plays: safe to run twice, and to be killed halfway.

    probe -> poster -> lowest rendition -> published -> the others in one decode -> published
          -> progressive MP4 -> ready

MongoDB owns the state, by a lease that `Heartbeat` keeps. What a killed worker had finished lies
in the scratch folder and is not done again there; every stored key follows from the video's id.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from models.errors import BadMedia
from models.video import Rendition, Video
from models.videos import Videos
from services.adapters.events import Events
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.processing import ladder
from services.processing.heartbeat import REPORT_SECONDS, Heartbeat, LostLease
from services.videos.keys import keys_of, playback_key, poster_key, progressive_key, source_key
from services.videos.ranking import first_score

log = logging.getLogger(__name__)

BACKOFF_SECONDS = 10
# 003 keeps its one-file MP4 at 1080 lines and no more.
PROGRESSIVE_HEIGHT = 1080


class Encoder(Protocol):
    """FFmpeg, in the words of this module (services/adapters/media/ffmpeg.py)."""

    def inspect(self, source: Path) -> ladder.MediaInfo:
        """Raises `BadMedia` for what cannot become a video."""
        ...

    def poster(self, source: Path, info: ladder.MediaInfo, target: Path) -> None: ...

    def encode(
        self,
        source: Path,
        info: ladder.MediaInfo,
        renditions: tuple[ladder.Rendition, ...],
        folder: Path,
        *,
        with_audio: bool,
        on_progress: Callable[[float], None],
    ) -> None: ...

    def progressive(self, video: Path, audio: Path | None, target: Path) -> None: ...


class SegmentPackager(Protocol):
    def package(
        self,
        renditions: tuple[ladder.Rendition, ...],
        encoded_folder: Path,
        has_audio: bool,  # noqa: FBT001 - a fact about the media, always named by the caller
        target: Path,
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the steps of one run share."""

    video: Video
    lease: str
    source: Path
    folder: Path
    info: ladder.MediaInfo
    heartbeat: Heartbeat


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscodingService:
    videos: Videos
    storage: Storage
    queue: JobQueue
    events: Events
    encoder: Encoder
    packager: SegmentPackager
    scratch: Path
    heights: tuple[int, ...]
    lease_lifetime: timedelta
    max_attempts: int
    # What is raised while MongoDB or Redis restarts.
    outages: tuple[type[Exception], ...]
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def run(self, video_id: str) -> None:
        """Process a video, if nobody else does. Raising means: try again later."""
        video = self._claim(video_id)
        if video is None or video.processing.lease is None:
            log.info("nothing to do", extra={"video_id": video_id})
            return
        lease = video.processing.lease
        if video.processing.attempts > self.max_attempts:
            self._give_up(video, lease)
            return
        try:
            with self._heartbeat(video, lease) as heartbeat:
                self._process(video, lease, heartbeat)
        except LostLease:
            log.warning("stopped: it is not ours any more", extra={"video_id": video_id})
        except BadMedia as bad:
            self._fail(video_id, lease, bad.reason, bad.message)
        except (KeyboardInterrupt, SystemExit):
            self.videos.release(video_id, lease, until=self.now(), counted=False)
            raise
        except BaseException:
            wait = timedelta(seconds=BACKOFF_SECONDS * 2**video.processing.attempts)
            self.videos.release(video_id, lease, until=self.now() + wait, counted=True)
            raise
        finally:
            self._leave(video_id)

    def sweep(self) -> int:
        """Queue again what no living worker holds; returns how many were not queued already."""
        stalled = self.videos.stalled(self.now())
        return sum(self.queue.enqueue(Job.PROCESS_VIDEO, video_id) for video_id in stalled)

    def _claim(self, video_id: str) -> Video | None:
        now = self.now()
        return self.videos.claim(video_id, self.new_id(), now=now, until=now + self.lease_lifetime)

    def _heartbeat(self, video: Video, lease: str) -> Heartbeat:
        def beat(stage: str, percent: float) -> bool:
            until = self.now() + self.lease_lifetime
            self._tell(video, "processing", stage=stage, percent=percent)
            return self.videos.renew(video.id, lease, until=until, stage=stage, percent=percent)

        third = self.lease_lifetime.total_seconds() / 3
        return Heartbeat(
            beat=beat, interval_seconds=min(REPORT_SECONDS, third), tolerated=self.outages
        )

    def _process(self, video: Video, lease: str, heartbeat: Heartbeat) -> None:
        folder = self.scratch / video.id
        folder.mkdir(parents=True, exist_ok=True)
        with self.storage.local(source_key(video.id)) as source:
            heartbeat.report("probing", 0)
            info = self.encoder.inspect(source)
            work = Work(
                video=video, lease=lease, source=source, folder=folder, info=info,
                heartbeat=heartbeat,
            )  # fmt: skip
            self._make_poster(work)
            renditions = ladder.ladder(info, self.heights)
            self._encode(work, renditions[:1], with_audio=info.has_audio, stage=(2, 20))
            self._publish(work, renditions[:1], "v1")
            if renditions[1:]:
                self._encode(work, renditions[1:], with_audio=False, stage=(20, 97))
                self._publish(work, renditions, "v2")
            self._keep_progressive(work, renditions)
        self._finish(video, lease)

    def _make_poster(self, work: Work) -> None:
        work.heartbeat.report("poster", 1)
        poster = work.folder / "poster.jpg"
        self.encoder.poster(work.source, work.info, poster)
        self.storage.adopt(poster, poster_key(work.video.id))
        _hold(
            self.videos.describe(
                work.video.id,
                work.lease,
                {"has_poster": True, "duration_seconds": work.info.duration_seconds},
            )
        )

    def _encode(
        self,
        work: Work,
        renditions: tuple[ladder.Rendition, ...],
        *,
        with_audio: bool,
        stage: tuple[float, float],
    ) -> None:
        """Encode these renditions in one decode; `stage` is their share of the percents."""
        start, end = stage

        def on_progress(done: float) -> None:
            work.heartbeat.report("encoding", start + (end - start) * done)

        on_progress(0)
        self.encoder.encode(
            work.source,
            work.info,
            renditions,
            work.folder,
            with_audio=with_audio,
            on_progress=on_progress,
        )

    def _publish(self, work: Work, renditions: tuple[ladder.Rendition, ...], version: str) -> None:
        """Package what is encoded so far and point players at it. Nothing is overwritten."""
        work.heartbeat.report("packaging", 20 if version == "v1" else 97)
        packaged = work.folder / version
        if not packaged.exists():
            self.packager.package(renditions, work.folder, work.info.has_audio, packaged)
        self.storage.adopt(packaged, f"{playback_key(work.video.id)}/{version}")
        self._point_players_at(work, renditions, version)
        self._tell(work.video, "playable", renditions=[r.name for r in renditions])

    def _point_players_at(
        self, work: Work, renditions: tuple[ladder.Rendition, ...], version: str
    ) -> None:
        now = self.now()
        _hold(
            self.videos.publish(
                work.video.id,
                work.lease,
                version=version,
                renditions=tuple(
                    Rendition(name=r.name, width=r.width, height=r.height) for r in renditions
                ),
                now=now,
                score=first_score(now),
            )
        )

    def _keep_progressive(self, work: Work, renditions: tuple[ladder.Rendition, ...]) -> None:
        work.heartbeat.report("progressive", 99)
        kept = [r for r in renditions if r.nominal_height <= PROGRESSIVE_HEIGHT]
        best = kept[-1] if kept else renditions[0]
        target = work.folder / "progressive.mp4"
        audio = work.folder / "audio.mp4" if work.info.has_audio else None
        self.encoder.progressive(work.folder / f"{best.name}.mp4", audio, target)
        self.storage.adopt(target, progressive_key(work.video.id))

    def _finish(self, video: Video, lease: str) -> None:
        key = progressive_key(video.id)
        _hold(self.videos.finish(video.id, lease, progressive=key, now=self.now()))
        self._tidy(video.id)
        self._tell(video, "ready")
        log.info("ready", extra={"video_id": video.id})

    def _give_up(self, video: Video, lease: str) -> None:
        attempts = self.max_attempts
        self._fail(
            video.id,
            lease,
            "processing_interrupted",
            f"Processing stopped unexpectedly {attempts} times. Please upload the video again.",
        )

    def _fail(self, video_id: str, lease: str, code: str, message: str) -> None:
        failed = self.videos.fail(video_id, lease, code=code, message=message, now=self.now())
        if failed is None:
            return
        log.info("failed", extra={"video_id": video_id, "reason": code})
        if not failed.playable:
            self.storage.remove(playback_key(video_id))
            self.storage.remove(poster_key(video_id))
        self._tidy(video_id)
        self._tell(failed, "failed", code=code, message=message)

    def _leave(self, video_id: str) -> None:
        """Leave nothing of a video that was deleted while we were at it.

        Whoever deleted it has removed what was there; what we stored since is ours to remove.
        """
        if self.videos.is_withdrawn(video_id):
            for key in keys_of(video_id):
                self.storage.remove(key)
            self._tidy(video_id)

    def _tidy(self, video_id: str) -> None:
        """What only processing needed."""
        self.storage.remove(source_key(video_id))
        self.videos.weighed(video_id, sum(map(self.storage.size, keys_of(video_id))))
        shutil.rmtree(self.scratch / video_id, ignore_errors=True)

    def _tell(self, video: Video, event: str, **data: object) -> None:
        """Tell the owner, wherever they are connected."""
        said = {"type": event, "video_id": video.id, **data}
        self.events.publish(f"user:{video.author_id}", said)


def _hold(still_ours: Video | bool | None) -> Video | bool:  # noqa: FBT001 - what a repository says
    """What an update under the lease answered; raises `LostLease` if it changed nothing."""
    if not still_ours:
        raise LostLease
    return still_ours
