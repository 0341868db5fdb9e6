"""000's webhook: a processor elsewhere says what it has made of a video, or why it could not.

Its message is signed as ours are (`signatures.py`). The video keeps the ids of the messages that
settled it: sent again, they are answered alike and change nothing, also after another try began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from models.errors import Conflict, Invalid, NotFound, Unauthorized
from models.external import ExternalResult
from models.video import ExternalMedia, ExternalVariant, ProcessingStatus, Video
from models.videos import Videos
from services.adapters.events import Events
from services.adapters.storage import Storage
from services.videos.keys import keys_of, source_key
from services.videos.ranking import first_score
from services.webhooks.relay import EventRelay
from services.webhooks.signatures import ID_LENGTH, is_fresh, is_signed, key_of

UNSET = (
    "This CLUTCH takes no word from a processor elsewhere. Set VIDEO_PROCESSING_WEBHOOK_SECRET,"
    " and VIDEO_PROCESSOR=external, to have it do so."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """000's payload."""

    video_id: str
    succeeded: bool
    quality_variants: Mapping[str, str]
    duration_seconds: float = 0.0
    thumbnail_url: str = ""
    error_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalService:
    videos: Videos
    storage: Storage
    events: Events
    relay: EventRelay
    secret: str
    now: Callable[[], datetime]

    def verify(self, event_id: str, timestamp: str, signatures: str, body: bytes) -> None:
        """Raises `NotFound` where no secret is set, `Unauthorized` for what is not signed by it."""
        if not self.secret:
            raise NotFound(UNSET)
        if not event_id or len(event_id) > ID_LENGTH or not event_id.isascii():
            raise Unauthorized("The header webhook-id is missing, or is not usable.")
        if not is_fresh(timestamp, self.now()):
            raise Unauthorized("The header webhook-timestamp is missing, or not of these minutes.")
        if not is_signed(key_of(self.secret), event_id, timestamp, signatures, body):
            raise Unauthorized("The header webhook-signature does not fit.")

    def settle(self, event_id: str, report: Report) -> Video:
        """Have a video be what a processor made of it; the same message again changes nothing.

        Raises `NotFound`, `Invalid` for a success with nothing to play, or `Conflict` for a video
        that does not wait for a processor elsewhere.
        """
        if report.succeeded and not report.quality_variants:
            message = "Name at least one variant."
            raise Invalid(message, fields={"quality_variants": [message]})
        video = self.videos.get(report.video_id)
        if video is None:
            raise NotFound("Video not found")
        if event_id in video.processing.event_ids:
            self._follow(video)
            return video
        settled = self._change(video.id, event_id, report)
        if settled is None:
            # The same message may have come a second time, just before.
            settled = self.videos.get(report.video_id)
        if settled is None or event_id not in settled.processing.event_ids:
            raise Conflict("This video does not wait for a processor elsewhere.")
        self._follow(settled)
        return settled

    def _change(self, video_id: str, event_id: str, report: Report) -> Video | None:
        now = self.now()
        if not report.succeeded:
            message = report.error_message or "The video could not be processed."
            return self.videos.fail_external(video_id, event_id, message, now=now)
        ordered = sorted(report.quality_variants.items(), key=lambda one: int(one[0][:-1]))
        media = ExternalMedia(
            variants=tuple(ExternalVariant(name=name, url=url) for name, url in ordered),
            thumbnail_url=report.thumbnail_url,
        )
        result = ExternalResult(media=media, duration_seconds=report.duration_seconds)
        score = first_score(now)
        return self.videos.finish_external(video_id, event_id, result, now=now, score=score)

    def _follow(self, video: Video) -> None:
        """What follows from it; done again where a process died in between."""
        if video.processing_status not in {ProcessingStatus.READY, ProcessingStatus.ERROR}:
            return  # it is tried again, and waits for another message
        if video.source is None:
            self.storage.remove(source_key(video.id))
            self.videos.weighed(video.id, sum(map(self.storage.size, keys_of(video.id))))
        self.relay.pass_on(video.id)
        code, message = video.processing.error_code, video.processing.error_message
        outcome = (
            {"type": "failed", "code": code, "message": message} if code else {"type": "ready"}
        )
        self.events.publish(f"user:{video.author_id}", {**outcome, "video_id": video.id})
