"""What is made of a video, step by step. Each can be killed anywhere, and done again.

    first   headers -> poster -> lowest rendition, published while it grows -> published
    rest    the other renditions -> published -> one-file MP4

What a killed worker had finished lies in the folder and is not made again; every stored key
follows from the video's id. Another worker may do the rest: `keep` puts what it needs in storage.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from models.video import Rendition, Video
from models.videos import Videos
from services.adapters.media.unfinished import unfinished
from services.adapters.storage import Storage
from services.playback.content_keys import ContentKeyService
from services.processing import ladder
from services.processing.announce import Announcer
from services.processing.chunks import ChunkService
from services.processing.early import FROM_SECONDS, EarlyVersion
from services.processing.encoder import Beside, Encoder, SegmentPackager
from services.processing.inspection import BrokenPromise, Inspection
from services.processing.ladder import MediaInfo
from services.processing.work import Work, hold, version_name
from services.videos.keys import kept_key, playback_key, poster_key, progressive_key
from services.videos.ranking import first_score

log = logging.getLogger(__name__)

# Of a first version that is never going to be complete.
NOT_PLAYABLE = {"playable": False, "playback_version": None, "renditions": []}
# Of how much a poster is chosen: at first of little, as nothing plays before it is there.
HASTY_SECONDS, POSTER_SECONDS = 10, 60
# 003 keeps its one-file MP4 at 1080 lines and no more.
PROGRESSIVE_HEIGHT = 1080


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    videos: Videos
    storage: Storage
    announcer: Announcer
    encoder: Encoder
    packager: SegmentPackager
    pieces: ChunkService
    beside: Beside
    keys: ContentKeyService
    heights: tuple[int, ...]
    now: Callable[[], datetime]

    def begin_with(self, video: Video, inspection: Inspection) -> MediaInfo:
        """What to take the source for: what its headers promise, where half of it is shown."""
        promised = inspection.promised
        return promised if promised and _is_worth_it(video, promised) else inspection.found()

    def first(
        self, work: Work, inspection: Inspection, *, on_playable: Callable[[MediaInfo], object]
    ) -> Work:
        """To a video that plays; `on_playable` is called as soon as it does and is well known.

        Answers with what is to be gone on.
        """
        self._fetch(work)
        self._introduce(work)
        if _is_worth_it(work.video, work.info):
            work = self._show_early(work, inspection, on_playable)
        lowest = self.renditions(work)[0]
        self._encode(work, (lowest,), with_audio=work.info.has_audio, stage=(2, 20))
        self._publish(work, (lowest,), 1)
        on_playable(work.info)
        return work

    def rest(self, work: Work) -> None:
        """To a video that has everything."""
        self._fetch(work)
        is_replacing = work.video.previous is not None
        # A first one was chosen in haste.
        if not is_replacing and work.info.duration_seconds > HASTY_SECONDS:
            self._make_poster(work, POSTER_SECONDS)
        renditions = self.renditions(work)
        if renditions[1:]:
            if not self.pieces.join(work, renditions[1:]):
                self._encode(work, renditions, with_audio=work.info.has_audio, stage=(20, 97))
            self._publish(work, renditions, 2)
        self.beside.make(work)
        if is_replacing:
            # There is one for both: until now, that of what played before was needed if this fails.
            self._make_poster(work, POSTER_SECONDS)
        self._keep_progressive(work, renditions)

    def withdraw_early(self, video_id: str, lease: str) -> None:
        """Nobody is to watch half of what will never be whole."""
        video = self.videos.get(video_id)
        if video and video.playback_version == (version := version_name(video, 0)):
            hold(self.videos.describe(video_id, lease, NOT_PLAYABLE))
            self.storage.remove(f"{playback_key(video_id)}/{version}")

    def keep(self, work: Work) -> None:
        """Have what is encoded so far at hand for whoever does the rest, on whichever host."""
        for made in sorted(work.folder.glob("*.mp4")):
            self.storage.adopt(made, f"{_kept_by(work)}/{made.name}")

    def _fetch(self, work: Work) -> None:
        for entry in list(self.storage.entries(f"{_kept_by(work)}/")):
            made = work.folder / Path(entry.key).name
            if not made.exists():
                with self.storage.local(entry.key) as kept, unfinished(work.folder) as aside:
                    shutil.copyfile(kept, aside / made.name)
                    (aside / made.name).replace(made)

    def renditions(self, work: Work) -> tuple[ladder.Rendition, ...]:
        return ladder.ladder(work.info, self.heights)

    def _introduce(self, work: Work) -> None:
        """What is shown of a video before anything of it can be played."""
        if work.video.previous is None:
            self._make_poster(work, HASTY_SECONDS)
        self.beside.note(work)

    def _make_poster(self, work: Work, seconds: int) -> None:
        work.heartbeat.report("poster", 1)
        poster = work.folder / "poster.jpg"
        self.encoder.poster(work.source, work.info, poster, seconds=seconds)
        self.storage.adopt(poster, poster_key(work.video.id))
        hold(
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

    def _show_early(
        self, work: Work, inspection: Inspection, on_playable: Callable[[MediaInfo], object]
    ) -> Work:
        """Let people watch the lowest rendition while it is encoded; begin anew if it was wrong."""
        try:
            self._encode_growing(work, inspection, on_playable)
            found = inspection.found()
            inspection.check()
        except BrokenPromise:
            log.info("not what its headers say", extra={"video_id": work.video.id})
            self.withdraw_early(work.video.id, work.lease)
            for made in work.folder.glob("*.mp4"):
                made.unlink()
            work = replace(work, info=inspection.found())
            self._introduce(work)
            return work
        return replace(work, info=found)

    def _encode_growing(
        self, work: Work, inspection: Inspection, on_playable: Callable[[MediaInfo], object]
    ) -> None:
        version, rendition = version_name(work.video, 0), self.renditions(work)[0]

        def on_first() -> None:
            if work.video.playback_version not in _complete_versions(work.video):
                self._point_players_at(work, (rendition,), version)

        early = EarlyVersion(
            storage=self.storage,
            key=f"{playback_key(work.video.id)}/{version}",
            rendition=rendition,
            has_audio=work.info.has_audio,
            on_first=on_first,
        )
        early.recall()
        is_told = False

        def on_segments(folder: Path, done: float) -> None:
            nonlocal is_told
            work.heartbeat.report("encoding", 2 + 18 * done)
            inspection.check()
            early.take(folder)
            if early.is_announced and inspection.is_done and not is_told:
                is_told = True
                on_playable(inspection.found())

        self.encoder.encode_growing(
            work.source, work.info, rendition, work.folder,
            with_audio=work.info.has_audio, on_segments=on_segments,
        )  # fmt: skip

    def _publish(self, work: Work, renditions: tuple[ladder.Rendition, ...], number: int) -> None:
        """Package what is encoded so far and point players at it. Nothing is overwritten."""
        version = version_name(work.video, number)
        work.heartbeat.report("packaging", 20 if number == 1 else 97)
        packaged = work.folder / version
        if not packaged.exists():
            self.beside.storyboard(work, renditions[0])
            encryption = self.keys.encryption(work.video)
            self.packager.package(
                renditions, work.folder, work.info.has_audio, packaged, encryption
            )
        self.storage.adopt(packaged, f"{playback_key(work.video.id)}/{version}")
        storyboard = {"storyboard": f"{version}/storyboard.vtt"}
        hold(self.videos.describe(work.video.id, work.lease, storyboard))
        self._point_players_at(work, renditions, version)

    def _point_players_at(
        self, work: Work, renditions: tuple[ladder.Rendition, ...], version: str
    ) -> None:
        now = self.now()
        published = self.videos.publish(
            work.video.id,
            work.lease,
            version=version,
            renditions=tuple(
                Rendition(name=r.name, width=r.width, height=r.height) for r in renditions
            ),
            duration_seconds=work.info.duration_seconds,
            now=now,
            score=first_score(now),
        )
        self.announcer.playable(hold(published), renditions)

    def _keep_progressive(self, work: Work, renditions: tuple[ladder.Rendition, ...]) -> None:
        if work.video.drm_enabled:
            return  # it would be the whole video, in the clear
        work.heartbeat.report("progressive", 99)
        kept = [r for r in renditions if r.nominal_height <= PROGRESSIVE_HEIGHT]
        best = kept[-1] if kept else renditions[0]
        target = work.folder / "progressive.mp4"
        audio = work.folder / "audio.mp4" if work.info.has_audio else None
        self.encoder.progressive(work.folder / f"{best.name}.mp4", audio, target)
        self.storage.adopt(target, progressive_key(work.video.id))


def _kept_by(work: Work) -> str:
    return kept_key(work.video.id, work.video.processing.edition)


def _is_worth_it(video: Video, info: MediaInfo) -> bool:
    """Whether to show a video that is not complete yet; one to be encrypted never is."""
    return info.duration_seconds >= FROM_SECONDS and not video.drm_enabled


def _complete_versions(video: Video) -> set[str]:
    return {version_name(video, number) for number in (1, 2)}
