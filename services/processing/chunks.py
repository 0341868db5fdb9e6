"""Long videos, encoded in pieces by as many workers as there are, on any host.

Whoever makes the first rendition plans the pieces, and waits for nobody: the worker that finishes
the last one lets the video go on, and whoever takes it up joins them. Pieces come from storage and
go there. Where one cannot be encoded so, the video is encoded as a whole instead, which also tells
whether its file is to blame.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from models.chunks import Chunk, Chunks
from models.documents import from_doc, identity, to_doc
from models.errors import BadMedia, Unavailable
from models.video import ProcessingStatus, Video
from models.videos import Videos
from models.waiting import Kind
from services.adapters.media.unfinished import unfinished
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.processing import grid, ladder
from services.processing.announce import Announcer
from services.processing.encoder import Encoder
from services.processing.failures import is_for_want_of_room
from services.processing.heartbeat import REPORT_SECONDS, Cancelled, Heartbeat, LostLease
from services.processing.work import BACKOFF_SECONDS, Work
from services.videos.keys import chunk_key, chunks_key, source_key

log = logging.getLogger(__name__)

# Where the pieces begin and end among a video's percents.
FROM_PERCENT, TO_PERCENT = 20, 95


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkService:
    videos: Videos
    chunks: Chunks
    storage: Storage
    queue: JobQueue
    announcer: Announcer
    encoder: Encoder
    scratch: Path
    heights: tuple[int, ...]
    # How long a piece is, and from which length on a video is cut.
    seconds: int
    from_seconds: int
    lease_lifetime: timedelta
    max_attempts: int
    outages: tuple[type[Exception], ...]
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def plan(self, video: Video, info: ladder.MediaInfo) -> bool:
        """Have a long video encoded in pieces; False if it is to be encoded as a whole."""
        cut = grid.pieces(info, seconds=self.seconds, from_seconds=self.from_seconds)
        if video.processing.whole or not cut or not self._renditions(info):
            return False
        now, edition = self.now(), video.processing.edition
        if any(chunk.edition != edition for chunk in self.chunks.of_video(video.id)):
            self.drop(video.id)
        self.chunks.plan(
            Chunk(
                **identity(self.new_id()),
                video_id=video.id,
                author_id=video.author_id,
                edition=edition,
                media=to_doc(info),
                lease_until=now,
                **dataclasses.asdict(piece),
            )
            for piece in cut
        )
        for chunk in self.chunks.of_video(video.id):
            if not chunk.is_done:
                self.enqueue(Job.ENCODE_CHUNK, chunk.id)
        return True

    def run(self, chunk_id: str) -> bool:
        """Encode a piece, if nobody else does, and more of the same video while nobody waits."""
        chunk = self._claim(chunk_id)
        if chunk is None:
            return False
        video_id = chunk.video_id
        try:
            with ExitStack() as opened:
                key = source_key(video_id)
                source = cache(lambda: opened.enter_context(self.storage.shared(key)))
                while chunk is not None:
                    self._try(chunk, source)
                    chunk = self._another(chunk)
        except FileNotFoundError:
            log.info("its source is gone", extra={"video_id": video_id})
        finally:
            self._leave(video_id)
        return True

    def described(self, video: Video) -> ladder.MediaInfo | None:
        """What the source of a video was found to be when its pieces were planned."""
        chunks = self._of(video)
        return from_doc(ladder.MediaInfo, chunks[0].media) if chunks else None

    def are_under_way(self, video_id: str) -> bool:
        return not self.chunks.are_done(video_id)

    def join(self, work: Work, renditions: tuple[ladder.Rendition, ...]) -> bool:
        """Put the pieces together in the folder; False where they are not there."""
        chunks = self._of(work.video)
        if work.video.processing.whole or not chunks or not all(c.is_done for c in chunks):
            return False
        try:
            for rendition in renditions:
                if not (work.folder / f"{rendition.name}.mp4").exists():
                    self._join(work, chunks, rendition)
        except FileNotFoundError:
            log.warning("pieces are missing", extra={"video_id": work.video.id})
            return False
        return True

    def _join(self, work: Work, chunks: list[Chunk], rendition: ladder.Rendition) -> None:
        with ExitStack() as opened:
            made = []
            for chunk in chunks:
                work.heartbeat.report("joining", TO_PERCENT)
                key = f"{_key(chunk)}/{rendition.name}.mp4"
                made.append((_piece(chunk), opened.enter_context(self.storage.local(key))))
            self.encoder.join(made, work.info, rendition, work.folder)

    def resume(self, video_id: str) -> None:
        """Let a video go on whose pieces are done, once whoever notices."""
        if self.chunks.are_done(video_id) and self.videos.resume(video_id, now=self.now()):
            self.enqueue(Job.ENCODE_REST, video_id)

    def sweep(self) -> int:
        """Queue again what no living worker holds; returns how many were not queued already."""
        for video in self.videos.in_pieces():
            if video.processing.cancelled:
                self.drop(video.id)
            self.resume(video.id)
        stalled = self.chunks.stalled(self.now())
        return sum(self.queue.enqueue(Job.ENCODE_CHUNK, chunk_id) for chunk_id in stalled)

    def drop(self, video_id: str) -> None:
        """Forget a video's pieces. Whoever is at one loses it, and clears up after themselves."""
        self.chunks.drop(video_id)
        self.storage.remove(chunks_key(video_id))

    def _claim(self, chunk_id: str) -> Chunk | None:
        now = self.now()
        return self.chunks.claim(chunk_id, self.new_id(), now=now, until=now + self.lease_lifetime)

    def _another(self, chunk: Chunk) -> Chunk | None:
        """The source is at hand: encode more of it, unless that would keep others waiting."""
        now = self.now()
        waiting = [*self.videos.waiting(now), *self.chunks.waiting(now)]
        mine = {Kind.REST, Kind.CHUNK}
        if any(w.author_id != chunk.author_id or w.kind not in mine for w in waiting):
            return None
        following = self.chunks.next_of(chunk.author_id, now, chunk.video_id)
        return self._claim(following) if following else None

    def _try(self, chunk: Chunk, source: Callable[[], Path]) -> None:
        lease = chunk.lease or ""
        if chunk.attempts > self.max_attempts:
            self._give_up(chunk.video_id)
            return
        try:
            with self._heartbeat(chunk, lease) as heartbeat:
                # Fetching it may take longer than a lease lasts.
                self._encode(chunk, source(), heartbeat)
        except LostLease:
            log.warning("stopped: it is not ours any more", extra={"video_id": chunk.video_id})
        except Cancelled:
            self.drop(chunk.video_id)
            self.resume(chunk.video_id)
        except BadMedia:
            self._give_up(chunk.video_id)
        except (KeyboardInterrupt, SystemExit):
            self.chunks.release(chunk.id, lease, until=self.now(), counted=False)
            raise
        except Unavailable:
            # Not the video's fault, however often it is tried.
            until = self.now() + timedelta(seconds=BACKOFF_SECONDS)
            self.chunks.release(chunk.id, lease, until=until, counted=False)
            raise
        except BaseException as failure:
            counted = not is_for_want_of_room(failure)
            wait = timedelta(seconds=BACKOFF_SECONDS * 2 ** (chunk.attempts if counted else 0))
            self.chunks.release(chunk.id, lease, until=self.now() + wait, counted=counted)
            raise

    def _encode(self, chunk: Chunk, source: Path, heartbeat: Heartbeat) -> None:
        info, folder = from_doc(ladder.MediaInfo, chunk.media), self.scratch / chunk.id
        folder.mkdir(parents=True, exist_ok=True)

        def on_progress(done: float) -> None:
            heartbeat.report("encoding", 100 * done)

        try:
            with unfinished(folder) as aside:
                made = aside / "made"
                made.mkdir()
                self.encoder.encode_piece(
                    source, info, _piece(chunk), self._renditions(info), made,
                    on_progress=on_progress,
                )  # fmt: skip
                on_progress(1)
                self._keep(chunk, made)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _keep(self, chunk: Chunk, made: Path) -> None:
        key = _key(chunk)
        self.storage.adopt(made, key)
        if not self.chunks.finish(chunk.id, chunk.lease or ""):
            if self.chunks.get(chunk.id) is None:
                # They were dropped, and what was stored by then was removed.
                self.storage.remove(key)
            raise LostLease
        self.resume(chunk.video_id)

    def _heartbeat(self, chunk: Chunk, lease: str) -> Heartbeat:
        def beat(_stage: str, percent: float) -> bool:
            until = self.now() + self.lease_lifetime
            if self.chunks.renew(chunk.id, lease, until=until, percent=percent) is None:
                return False
            self._report(chunk.video_id)
            return True

        third = self.lease_lifetime.total_seconds() / 3
        return Heartbeat(
            beat=beat, interval_seconds=min(REPORT_SECONDS, third), tolerated=self.outages
        )

    def _report(self, video_id: str) -> None:
        """Progress of the whole, as soon as nobody is at its first rendition any more."""
        video = self.videos.get(video_id)
        if video is None or video.processing.cancelled:
            # Of a deleted video nothing is missed: should it be restored, it is encoded as a whole.
            raise Cancelled
        share = self.chunks.percent(video_id) / 100
        percent = round(FROM_PERCENT + (TO_PERCENT - FROM_PERCENT) * share, 1)
        if video := self.videos.advance(video_id, percent):
            self.announcer.progress(video, "encoding", percent)

    def _give_up(self, video_id: str) -> None:
        log.warning("not to be encoded in pieces", extra={"video_id": video_id})
        self.videos.encode_whole(video_id)
        self.drop(video_id)
        self.resume(video_id)

    def _leave(self, video_id: str) -> None:
        """Leave nothing of a video that was deleted, or came to its end, while we were at it."""
        video = self.videos.get(video_id)
        ended = {ProcessingStatus.READY, ProcessingStatus.ERROR}
        if video is None or video.processing_status in ended:
            self.drop(video_id)

    def _of(self, video: Video) -> list[Chunk]:
        edition = video.processing.edition
        return [chunk for chunk in self.chunks.of_video(video.id) if chunk.edition == edition]

    def _renditions(self, info: ladder.MediaInfo) -> tuple[ladder.Rendition, ...]:
        """The lowest is not among them: it is made first, and in one."""
        return ladder.ladder(info, self.heights)[1:]

    def enqueue(self, job: Job, entity_id: str) -> None:
        try:
            self.queue.enqueue(job, entity_id)
        except Unavailable:
            log.warning("not queued, left to the sweeper", extra={"entity_id": entity_id})


def _key(chunk: Chunk) -> str:
    return chunk_key(chunk.video_id, chunk.edition, chunk.number)


def _piece(chunk: Chunk) -> grid.Piece:
    return grid.Piece(number=chunk.number, first_frame=chunk.first_frame, frames=chunk.frames)
