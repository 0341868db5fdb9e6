"""Folders that nobody is sent to any more, of versions, tracks and manifests.

They go when nobody can be watching by them: a player that began with an early version, or with
manifests that named other tracks, goes on with them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.video import ProcessingStatus, Video
from models.videos import Videos
from services.adapters.storage import Storage
from services.playback.grants import BUCKET_SECONDS, SPARE_SECONDS
from services.videos.keys import keys_of, playback_key

# Manifests, captions and sounds (presenting.py).
TRACKS = re.compile(r"t\d+-\w+|c-.+|a-.+")
# Renditions (services/processing/work.py).
VERSIONS = re.compile(r"(?:e\d+)?v\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyingService:
    videos: Videos
    storage: Storage
    now: Callable[[], datetime]

    def sweep(self) -> int:
        """Remove what is not in use, where that is known for long enough; of how many videos."""
        found = self.videos.outdated(self.now())
        for video in found:
            # While content is being replaced, the old may have to play again.
            busy = video.previous is not None or video.tracks.due_at is not None
            if not busy:
                self._tidy(video.id)
            put_off = self.now() + watchable(video) if busy else None
            self.videos.put_off_tidying(video, put_off)
        return len(found)

    def _tidy(self, video_id: str) -> None:
        prefix = f"{playback_key(video_id)}/"
        entries = self.storage.entries(prefix)
        folders = {entry.key.removeprefix(prefix).partition("/")[0] for entry in entries}
        # Read after that: whoever stores a folder from now on is not in the way.
        video = self.videos.get(video_id)
        if video is None:
            return
        # Until it is ready, a version may be stored that nobody is sent to yet.
        is_done = video.processing_status is ProcessingStatus.READY
        for folder in folders - used(video):
            if TRACKS.fullmatch(folder) or (is_done and VERSIONS.fullmatch(folder)):
                self.storage.remove(f"{prefix}{folder}")
        self.videos.weighed(video_id, sum(map(self.storage.size, keys_of(video_id))))


def watchable(video: Video) -> timedelta:
    """For how long somebody may go on with what they were sent to until now."""
    return timedelta(seconds=2 * video.duration_seconds + SPARE_SECONDS + 2 * BUCKET_SECONDS)


def used(video: Video) -> set[str]:
    """The folders that players are sent to, or may be at any moment."""
    manifests = {manifest_folder(video)}
    manifests |= {video.playback_version or ""}
    if video.presentation:
        manifests |= {video.presentation.folder, video.presentation.base}
    if video.storyboard:
        manifests.add(video.storyboard.partition("/")[0])
    texts = {caption_folder(caption.id) for caption in video.captions}
    return manifests | texts | {sound_folder(sound.id) for sound in video.audio_tracks}


def manifest_folder(video: Video) -> str:
    """Where the manifests are that name its tracks as they are now."""
    return f"t{video.tracks.revision}-{video.playback_version}"


def caption_folder(caption_id: str) -> str:
    return f"c-{caption_id}"


def sound_folder(track_id: str) -> str:
    return f"a-{track_id}"
