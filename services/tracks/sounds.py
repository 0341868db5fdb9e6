"""Further sounds of a video: those that its source brought along, and those uploaded later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypedDict, Unpack

from models.errors import Conflict, Invalid, NotFound, TooLarge, UnsupportedFormat
from models.tracks import AudioTrack, TrackState
from models.video import Video
from services.adapters.media.sounds import may_be_sound
from services.adapters.storage import Storage
from services.policies import Actor
from services.tracks.changes import TrackChanges, language_of
from services.videos.keys import sound_key

# Four hours of it uncompressed are three times as much; who has that has a FLAC as well.
MAX_BYTES = 1024**3
# The sound of the picture counts.
MOST = 8
HEAD_BYTES = 16
ACCEPTED = "MP3, AAC, M4A, WAV, FLAC, Ogg or Matroska"


class Said(TypedDict, total=False):
    """What an owner says of a sound, or changes."""

    language: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrackService:
    changes: TrackChanges
    storage: Storage
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def add(self, actor: Actor, reference: str, file: Path, **said: Unpack[Said]) -> AudioTrack:
        """Keep a sound; a job encodes it once the video plays, and says so in its `state`.

        Raises `TooLarge`, `UnsupportedFormat`, `Invalid`, or `Conflict` where there is one of this
        name.
        """
        video = self.changes.editable(actor, reference)
        language = language_of(said.get("language", ""))
        _check(file)
        sound = AudioTrack(
            id=self.new_id(),
            language=language,
            label=said.get("label") or language,
            state=TrackState.WAITING,
            created_at=self.now(),
        )
        key = sound_key(video.id, sound.id)
        self.storage.adopt(file, key)
        try:
            kept = self.changes.apply(video.id, lambda now: with_sound(now, sound))
        except BaseException:
            self.storage.remove(key)
            raise
        self.changes.have_written(kept)
        return sound

    def all_of(self, actor: Actor, reference: str) -> tuple[AudioTrack, ...]:
        return self.changes.seen(actor, reference).audio_tracks

    def change(
        self, actor: Actor, reference: str, track_id: str, **said: Unpack[Said]
    ) -> AudioTrack:
        video = self.changes.editable(actor, reference)
        if "language" in said:
            said["language"] = language_of(said["language"])

        def changed(now: Video) -> Video:
            return with_sound(now, replace(sound_of(now, track_id), **said))

        kept = self.changes.apply(video.id, changed)
        self.changes.have_written(kept)
        return sound_of(kept, track_id)

    def remove(self, actor: Actor, reference: str, track_id: str) -> None:
        """All but the sound that belongs to the picture."""
        video = self.changes.editable(actor, reference)

        def without(now: Video) -> Video:
            gone = sound_of(now, track_id)
            if gone.is_main:
                raise Conflict("The sound that came with the picture cannot be taken from it.")
            return replace(now, audio_tracks=tuple(s for s in now.audio_tracks if s != gone))

        kept = self.changes.apply(video.id, without)
        self.storage.remove(sound_key(video.id, track_id))
        self.changes.have_written(kept)


def sound_of(video: Video, track_id: str) -> AudioTrack:
    for sound in video.audio_tracks:
        if sound.id == track_id:
            return sound
    raise NotFound("Audio track not found")


def with_sound(video: Video, sound: AudioTrack) -> Video:
    """The video with this sound, new or in place of the one with its id."""
    others = [s for s in video.audio_tracks if s.id != sound.id]
    if len(others) >= MOST:
        raise Conflict(f"A video may have at most {MOST} audio tracks.")
    # A playlist tells tracks apart by their names.
    if sound.label in {other.label for other in others}:
        message = f"There is an audio track called {sound.label} already; choose another label."
        raise Conflict(message, fields={"label": ["Taken."]})
    kept = sorted([*others, sound], key=lambda s: (not s.is_main, s.created_at, s.id))
    return replace(video, audio_tracks=tuple(kept))


def _check(file: Path) -> None:
    size_bytes = file.stat().st_size
    if size_bytes == 0:
        raise Invalid("The uploaded file is empty.", fields={"file": ["Empty file."]})
    if size_bytes > MAX_BYTES:
        raise TooLarge(f"A sound may have at most {MAX_BYTES} bytes.")
    with file.open("rb") as opened:
        if not may_be_sound(opened.read(HEAD_BYTES)):
            raise UnsupportedFormat(
                f"This is not a sound that is accepted here. Upload {ACCEPTED}.",
                fields={"file": [f"Not {ACCEPTED}."]},
            )
