"""From what happened to a video to who is told of it: one delivery for each endpoint that asked.

May run twice, and be killed halfway: a delivery follows from the note and the endpoint, and the
note is taken away last.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from models.announcements import Announcement, VideoEvent
from models.documents import identity
from models.errors import Unavailable
from models.users import Users
from models.video import Video
from models.videos import Videos
from models.webhook_deliveries import Delivery, WebhookDeliveries
from models.webhook_endpoints import WebhookEndpoint, WebhookEndpoints
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.policies import Actor, may_administer
from services.videos.keys import source_key

log = logging.getLogger(__name__)

GIVE_UP_AFTER = timedelta(hours=24)
SWEPT_AT_ONCE = 500
# As long as a webhook may be on its way, and as long again to come and fetch what it names.
SOURCE_SECONDS = 48 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRelay:
    videos: Videos
    users: Users
    endpoints: WebhookEndpoints
    deliveries: WebhookDeliveries
    queue: JobQueue
    storage: Storage
    base_url: str
    # Others who want to know, and may be told of the same thing more than once.
    listeners: tuple[Callable[[Video, Announcement], None], ...] = ()
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def pass_on(self, video_id: str) -> None:
        """Have what is noted on a video delivered; where nothing is noted, this does nothing."""
        found = self.videos.to_tell(video_id)
        if found is None:
            return
        video, announcements = found
        subscribers = self._subscribers(video)
        told = [
            (endpoint, self._add(endpoint, video, announcement))
            for endpoint in subscribers
            for announcement in announcements
            if announcement.event in endpoint.events
        ]
        for listen in self.listeners:
            for announcement in announcements:
                listen(video, announcement)
        self.videos.told(video_id, announcements)
        for endpoint_id in {endpoint.id for endpoint, _ in told}:
            self.knock(endpoint_id)

    def sweep(self) -> int:
        """Tell what nobody came to tell; returns of how many videos."""
        untold = self.videos.untold(self.now(), SWEPT_AT_ONCE)
        for video_id in untold:
            self.pass_on(video_id)
        return len(untold)

    def ping(self, endpoint: WebhookEndpoint) -> Delivery:
        """Have an event without a video delivered, to see whether anything arrives."""
        now, event_id = self.now(), self.new_id()
        said = {"endpoint_id": endpoint.id}
        sequence = round(now.timestamp() * 1000) * 10
        ping = self._delivery(endpoint, event_id, "ping", now, sequence, said)
        self.deliveries.add(ping)
        self.endpoints.may_try(endpoint.id, now)
        self.knock(endpoint.id)
        return ping

    def knock(self, endpoint_id: str) -> None:
        """Have a worker look what is due for an endpoint."""
        try:
            self.queue.enqueue(Job.DELIVER_WEBHOOKS, endpoint_id)
        except Unavailable:
            log.warning("webhooks wait for the sweeper", extra={"endpoint_id": endpoint_id})

    def _subscribers(self, video: Video) -> list[WebhookEndpoint]:
        return [e for e in self.endpoints.subscribers(video.author_id) if self._may_hear(e)]

    def _may_hear(self, endpoint: WebhookEndpoint) -> bool:
        """Who is no administrator any more hears of everybody's videos no longer."""
        if not endpoint.everything:
            return True
        owner = self.users.get(endpoint.owner_id)
        return owner is not None and owner.is_active and may_administer(Actor(role=owner.role))

    def _add(self, endpoint: WebhookEndpoint, video: Video, announcement: Announcement) -> None:
        said: dict[str, Any] = {"video": self._describe(video)}
        if announcement.event is VideoEvent.UPLOADED and endpoint.everything:
            said["source_url"] = self._source_url(video)
        self.deliveries.add(
            self._delivery(
                endpoint,
                announcement.id_for(video.id),
                announcement.event,
                announcement.at,
                announcement.sequence,
                said,
                video_id=video.id,
            )
        )

    def _delivery(
        self,
        endpoint: WebhookEndpoint,
        event_id: str,
        event: str,
        at: datetime,
        sequence: int,
        said: dict[str, Any],
        *,
        video_id: str | None = None,
    ) -> Delivery:
        now = self.now()
        body = {"id": event_id, "type": event, "timestamp": at, "sequence": sequence, "data": said}
        return Delivery(
            **identity(self.new_id()),
            endpoint_id=endpoint.id,
            owner_id=endpoint.owner_id,
            event_id=event_id,
            event=event,
            sequence=sequence,
            body=orjson.dumps(body).decode(),
            created_at=now,
            next_at=now,
            give_up_at=now + GIVE_UP_AFTER,
            video_id=video_id,
        )

    def _source_url(self, video: Video) -> str:
        """Where a processor elsewhere fetches the upload, without a token."""
        url = self.storage.presigned_get(source_key(video.id), SOURCE_SECONDS).url
        return url if url.startswith("http") else f"{self.base_url}{url}"

    def _describe(self, video: Video) -> dict[str, Any]:
        """The video as it is when it is told of."""
        return {
            "id": video.id,
            "author_id": video.author_id,
            "title": video.title,
            "visibility": video.visibility,
            "processing_status": video.processing_status,
            "playable": video.playable,
            "duration": video.duration_seconds,
            "qualities": [rendition.name for rendition in video.renditions],
            "error_code": video.processing.error_code,
            "error_message": video.processing.error_message,
            "url": f"{self.base_url}/api/videos/{video.id}",
        }
