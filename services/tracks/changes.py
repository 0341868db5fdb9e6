"""Changing a video's tracks: by whom, and so that of two changes at once neither is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from models.video import Video
from models.videos import Videos
from services.adapters.queue import Job, JobQueue
from services.policies import Actor, may_edit
from services.tracks.languages import canonical
from services.videos.visible import visible

log = logging.getLogger(__name__)

TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackChanges:
    videos: Videos
    queue: JobQueue
    now: Callable[[], datetime]

    def seen(self, actor: Actor, reference: str) -> Video:
        """The video, for who may see it."""
        return visible(actor, self.videos.get(reference))

    def editable(self, actor: Actor, reference: str) -> Video:
        """The video, for its owner and staff. Raises `NotFound`, `Forbidden` or `Conflict`."""
        video = self.seen(actor, reference)
        if not may_edit(actor, video):
            raise Forbidden("Only its owner may change the tracks of a video.")
        if video.youtube_id:
            raise Conflict("This video plays elsewhere, with the tracks it has there.")
        return video

    def apply(self, video_id: str, change: Callable[[Video], Video]) -> Video:
        """Change a video's tracks; `change` is given them as they are, maybe more than once."""
        for _ in range(TRIES):
            video = self.videos.get(video_id)
            if video is None:
                raise NotFound("Video not found")
            if kept := self.videos.change_tracks(change(video), self.now()):
                return kept
        raise Conflict("This video's tracks are being changed too often just now. Try again.")

    def have_written(self, video: Video) -> None:
        """Have manifests written that say what the tracks are by now, once the video plays."""
        if not video.playable:
            return
        try:
            self.queue.enqueue(Job.PACKAGE_TRACKS, video.id)
        except Unavailable:
            # It is on record that they are due: the sweeper queues it when the queue is back.
            log.warning("not queued, left to the sweeper", extra={"video_id": video.id})


def language_of(tag: str) -> str:
    """The tag as it is usually written. Raises `Invalid`."""
    found = canonical(tag)
    if found is None:
        message = "Say the language by its BCP 47 tag, such as en or pt-BR."
        raise Invalid(message, fields={"language": ["Not a language tag."]})
    return found
