"""What a source brings along beside its picture: sounds in other languages, and its small pictures.

The pipeline calls this while it has the source and the lowest rendition at hand.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from models.errors import BadMedia
from models.tracks import AudioTrack, TrackState
from models.video import Video
from services.processing.encoder import Encoder
from services.processing.ladder import Rendition, SourceSound
from services.processing.work import Work
from services.tracks.changes import TrackChanges
from services.tracks.languages import canonical
from services.tracks.presenting import PresentingService
from services.tracks.sounds import MOST

log = logging.getLogger(__name__)

STORYBOARD = "storyboard"
LABEL_LENGTH = 64


class StoryboardMaker(Protocol):
    def make(
        self, rendition: Path, size: tuple[int, int], duration_seconds: float, target: Path
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTracks:
    changes: TrackChanges
    presenting: PresentingService
    encoder: Encoder
    storyboards: StoryboardMaker
    now: Callable[[], datetime]

    def note(self, work: Work) -> None:
        """Say which sounds a source has, before the first rendition is published.

        Those of the content before go, also where this has none: they belong to another picture.
        """
        made = self._tracks_of(work)

        def noted(now: Video) -> Video:
            kept = [sound for sound in now.audio_tracks if not sound.is_of_source]
            known = {sound.id: sound for sound in now.audio_tracks}
            sounds = [known.get(sound.id, sound) for sound in made]
            return replace(now, audio_tracks=(*_told_apart(sounds, kept), *kept))

        video = self.changes.videos.get(work.video.id)
        known = video.audio_tracks if video else ()
        if made or any(sound.is_of_source for sound in known):
            self.changes.apply(work.video.id, noted)

    def make(self, work: Work) -> None:
        """Encode and package all but the sound that goes with the picture."""
        video = self.changes.videos.get(work.video.id)
        waiting = {
            sound.id
            for sound in (video.audio_tracks if video else ())
            if sound.is_of_source and sound.state is TrackState.WAITING
        }
        for sound in work.info.sounds:
            if (track_id := _id_of(work, sound)) in waiting:
                self._make(work, sound, track_id)
        if waiting:
            self.presenting.present(work.video.id)

    def storyboard(self, work: Work, lowest: Rendition) -> None:
        """Small pictures, where the packager finds them. Made once, of the lowest rendition."""
        target = work.folder / STORYBOARD
        if not target.exists():
            size = (lowest.width, lowest.height)
            rendition = work.folder / f"{lowest.name}.mp4"
            self.storyboards.make(rendition, size, work.info.duration_seconds, target)

    def _make(self, work: Work, sound: SourceSound, track_id: str) -> None:
        folder = work.folder / f"sound-{track_id}"
        folder.mkdir(exist_ok=True)
        alone = replace(work.info, audio_stream=sound.stream)
        try:
            self.encoder.encode(
                work.source,
                alone,
                (),
                folder,
                with_audio=True,
                on_progress=lambda _: work.heartbeat.report("encoding", 20),
            )
        except BadMedia as bad:
            log.info("no sound", extra={"video_id": work.video.id, "reason": bad.reason})
            self.presenting.settle(
                work.video.id,
                track_id,
                state=TrackState.FAILED,
                error_code=bad.reason,
                error_message="This sound of the file could not be read.",
            )
            return
        self.presenting.package_sound(work.video, track_id, folder / "audio.mp4")
        self.presenting.settle(work.video.id, track_id, state=TrackState.READY)

    def _tracks_of(self, work: Work) -> list[AudioTrack]:
        main = work.info.audio_stream
        ordered = sorted(work.info.sounds, key=lambda sound: sound.stream != main)[:MOST]
        return [
            AudioTrack(
                id=_id_of(work, sound),
                language=canonical(sound.language) or "",
                label=_label_of(sound, number),
                is_main=sound.stream == main,
                is_of_source=True,
                state=TrackState.READY if sound.stream == main else TrackState.WAITING,
                created_at=self.now(),
            )
            for number, sound in enumerate(ordered, start=1)
        ]


def _id_of(work: Work, sound: SourceSound) -> str:
    """The same whenever it is done again; another where the video's content is another."""
    return f"s{work.video.processing.edition}-{sound.stream.rpartition(':')[2]}"


def _label_of(sound: SourceSound, number: int) -> str:
    said = "".join(c for c in sound.title if c.isprintable()).strip()[:LABEL_LENGTH]
    return said or canonical(sound.language) or f"Audio {number}"


def _told_apart(sounds: Iterable[AudioTrack], others: Iterable[AudioTrack]) -> list[AudioTrack]:
    """With a number behind names that are there already."""
    taken = {other.label for other in others}
    told: list[AudioTrack] = []
    for sound in sounds:
        labels = [sound.label, *(f"{sound.label} {n}" for n in range(2, 2 * MOST + 2))]
        label = next(name for name in labels if name not in taken)
        taken.add(label)
        told.append(replace(sound, label=label))
    return told
