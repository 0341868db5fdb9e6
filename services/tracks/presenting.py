"""From tracks to manifests: what is waiting is encoded and packaged, and then named.

The renditions are not touched. Each track is packaged once, into a folder of its own beside theirs,
and new manifests name all of them from one more folder, so that whoever watches by older ones goes
on. Every folder's name says what is in it:

    playback/<video>/v2/...          renditions and the sound that belongs to them (steps.py)
                     c-<id>/...      captions     a-<id>/...      another sound
                     t7-v2/...       manifests of revision 7 of the tracks, over v2
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from models.errors import BadMedia, NotFound
from models.tracks import AudioTrack, Caption, Presentation, TextKind, TrackState
from models.video import Video
from models.videos import Videos
from services.adapters.events import Events
from services.adapters.media import manifests, subtitles
from services.adapters.media.encryption import Encryption
from services.adapters.media.manifests import MANIFEST, MASTER, single_master
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.playback.content_keys import ContentKeyService
from services.processing.heartbeat import Heartbeat
from services.tracks.changes import TRIES, TrackChanges
from services.tracks.sounds import sound_of, with_sound
from services.tracks.tidying import caption_folder, manifest_folder, sound_folder, watchable
from services.videos.keys import caption_key, keys_of, playback_key, sound_key

log = logging.getLogger(__name__)

# Writing manifests takes a moment; who encodes renews it.
LEASE = timedelta(seconds=60)
LONGEST_PAUSE = 6


class SoundEncoder(Protocol):
    def encode(self, source: Path, target: Path, video_seconds: float) -> None:
        """Raises `BadMedia` for what cannot go with the video."""
        ...


class TrackPackager(Protocol):
    def package_sound(self, audio: Path, target: Path, encryption: Encryption | None) -> None: ...

    def package_text(self, vtt: Path, target: Path) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentingService:
    videos: Videos
    changes: TrackChanges
    storage: Storage
    queue: JobQueue
    events: Events
    sounds: SoundEncoder
    packager: TrackPackager
    keys: ContentKeyService
    scratch: Path
    now: Callable[[], datetime]
    beat_seconds: float = LEASE.total_seconds() / 4

    def run(self, video_id: str) -> None:
        """Encode what waits, and bring manifests up to date; a job calls this. May run twice."""
        known = self.videos.get(video_id)
        if known is None:
            return
        now = self.now()
        pause = LEASE * 2 ** min(known.tracks.attempts, LONGEST_PAUSE)
        video = self.videos.claim_tracks(video_id, now=now, until=now + pause)
        if video is None:
            log.info("nothing to do", extra={"video_id": video_id})
            return
        for sound in video.audio_tracks:
            if sound.state is TrackState.WAITING and not sound.is_of_source:
                with self._at_it(video_id, pause):
                    self._encode(video, sound)
        self.present(video_id)
        self.videos.weighed(video_id, sum(map(self.storage.size, keys_of(video_id))))

    def sweep(self) -> int:
        """Queue again what nobody is at; returns how many were not queued already."""
        due = self.videos.due_tracks(self.now())
        return sum(self.queue.enqueue(Job.PACKAGE_TRACKS, video_id) for video_id in due)

    def present(self, video_id: str) -> None:
        """Write manifests that name every track that is ready, and point players at them."""
        for _ in range(TRIES):
            video = self.videos.get(video_id)
            if video is None or video.playback_version is None:
                return
            made, tidy_at = self._presentation(video), self.now() + watchable(video)
            if self.videos.present(video, made, tidy_at=tidy_at):
                told = {"type": "tracks", "video_id": video.id}
                self.events.publish(f"user:{video.author_id}", told)
                return
        log.warning("manifests are left to the sweeper", extra={"video_id": video_id})

    def _at_it(self, video_id: str, lease: timedelta) -> Heartbeat:
        """While it lasts, nobody else begins; soon after a kill, somebody does."""

        def renew(_stage: str, _percent: float) -> bool:
            self.videos.delay_tracks(video_id, self.now() + lease)
            return True

        return Heartbeat(beat=renew, interval_seconds=self.beat_seconds)

    def package_sound(self, video: Video, track_id: str, audio: Path) -> None:
        """Store a sound as players load it, encrypted where the video is."""
        target = audio.parent / sound_folder(track_id)
        self.packager.package_sound(audio, target, self.keys.encryption(video))
        self.storage.adopt(target, f"{playback_key(video.id)}/{target.name}")

    def _encode(self, video: Video, sound: AudioTrack) -> None:
        try:
            with self._aside() as aside, self.storage.local(sound_key(video.id, sound.id)) as kept:
                audio = aside / "audio.mp4"
                self.sounds.encode(kept, audio, video.duration_seconds)
                self.package_sound(video, sound.id, audio)
            settled = {"state": TrackState.READY}
        except BadMedia as bad:
            settled = {
                "state": TrackState.FAILED,
                "error_code": bad.reason,
                "error_message": bad.message,
            }
        except FileNotFoundError:
            log.info("removed meanwhile", extra={"video_id": video.id, "track_id": sound.id})
            return
        self.settle(video.id, sound.id, **settled)
        self.storage.remove(sound_key(video.id, sound.id))

    def settle(self, video_id: str, track_id: str, **values: object) -> None:
        """Note what became of a sound, unless it was removed meanwhile."""

        def settled(now: Video) -> Video:
            return with_sound(now, replace(sound_of(now, track_id), **values))  # type: ignore[arg-type]  # fields of it

        try:
            self.changes.apply(video_id, settled)
        except NotFound:
            log.info("removed meanwhile", extra={"video_id": video_id, "track_id": track_id})

    def _presentation(self, video: Video) -> Presentation | None:
        """Manifests of all its tracks, stored; None where the packaged ones say everything."""
        base = video.playback_version or ""
        with self._aside() as aside:
            tracks = self._tracks(video, aside)
            if not tracks.sounds and not tracks.texts:
                return None
            folder = aside / manifest_folder(video)
            folder.mkdir()
            self._write(video, base, tracks, folder)
            self.storage.adopt(folder, f"{playback_key(video.id)}/{folder.name}")
        named = tuple(text.identity for text in tracks.texts)
        return Presentation(folder=folder.name, base=base, captions=named)

    def _write(self, video: Video, base: str, tracks: manifests.Tracks, folder: Path) -> None:
        # An early version may have but the first of these.
        for name in (MASTER, *(single_master(r.name) for r in video.renditions)):
            if (master := self._packaged(video, f"{base}/{name}")) is not None:
                (folder / name).write_text(manifests.hls(master, f"../{base}", tracks))
        if (manifest := self._packaged(video, f"{base}/{MANIFEST}")) is not None:
            (folder / MANIFEST).write_text(manifests.dash(manifest, f"../{base}", tracks))

    def _tracks(self, video: Video, aside: Path) -> manifests.Tracks:
        main = next((sound for sound in video.audio_tracks if sound.is_main), None)
        ready = [s for s in video.audio_tracks if s.state is TrackState.READY and not s.is_main]
        texts = (self._text(video, caption, aside) for caption in video.captions)
        return manifests.Tracks(
            main=main and _named(main, is_default=True),
            sounds=tuple(
                self._sound(video, sound, is_default=main is None and sound is ready[0])
                for sound in ready
                # Picture and sound of an early version are in one file: there is no choice yet.
                if not is_early(video)
            ),
            texts=tuple(text for text in texts if text),
        )

    def _sound(self, video: Video, sound: AudioTrack, *, is_default: bool) -> manifests.Sound:
        folder = sound_folder(sound.id)
        manifest = self._packaged(video, f"{folder}/{MANIFEST}")
        if manifest is None:
            raise FileNotFoundError(folder)
        return manifests.Sound(
            name=sound.label,
            language=sound.language,
            is_default=is_default,
            folder=f"../{folder}",
            manifest=manifest,
        )

    def _text(self, video: Video, caption: Caption, aside: Path) -> manifests.Text | None:
        """Captions, packaged if they are not yet; None where nothing of them is shown."""
        folder = caption_folder(caption.id)
        key = f"{playback_key(video.id)}/{folder}"
        try:
            if not self.storage.size(key):
                self._package_text(video, caption, aside / folder, key)
        except (BadMedia, FileNotFoundError) as nothing:
            log.info("no captions", extra={"video_id": video.id, "reason": str(nothing)})
            return None
        return manifests.Text(
            identity=caption.id,
            name=caption.label,
            language=caption.language,
            is_default=caption.is_default,
            folder=f"../{folder}",
            is_for_the_deaf=caption.kind is TextKind.CAPTIONS,
        )

    def _package_text(self, video: Video, caption: Caption, target: Path, key: str) -> None:
        with self.storage.local(caption_key(video.id, caption.id)) as kept:
            cues = subtitles.until(subtitles.read(kept.read_bytes()), video.duration_seconds)
        vtt = target.with_suffix(".vtt")
        vtt.write_text(subtitles.webvtt(cues), encoding="utf-8")
        self.packager.package_text(vtt, target)
        self.storage.adopt(target, key)

    def _packaged(self, video: Video, file: str) -> str | None:
        try:
            with self.storage.local(f"{playback_key(video.id)}/{file}") as found:
                return found.read_text()
        except FileNotFoundError:
            return None

    @contextmanager
    def _aside(self) -> Iterator[Path]:
        self.scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.scratch, prefix="tracks-") as name:
            yield Path(name)


def is_early(video: Video) -> bool:
    """Whether what plays is still growing (services/processing/early.py)."""
    return (video.playback_version or "").endswith("v0")


def _named(sound: AudioTrack, *, is_default: bool) -> manifests.Named:
    return manifests.Named(name=sound.label, language=sound.language, is_default=is_default)
