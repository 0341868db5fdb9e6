"""Wiring: webhooks in both directions, and a hold on processing."""

from __future__ import annotations

from datetime import timedelta
from random import SystemRandom
from typing import Any

from models.video import Video
from services.accounts.secrets_box import SecretsBox
from services.adapters.reach import Reach
from services.adapters.webhooks import HttpSender
from services.container import notices
from services.container.parts import Parts
from services.container.tracks import on_playable
from services.mailing import MailService
from services.processing.announce import Announcer
from services.processing.holding import ProcessingService
from services.webhooks.arriving import ArrivalService
from services.webhooks.delivering import DeliveryService
from services.webhooks.endpoints import EndpointService
from services.webhooks.relay import EventRelay

EXTERNAL = "external"


def relay(parts: Parts) -> EventRelay:
    return EventRelay(
        videos=parts.videos,
        users=parts.users,
        endpoints=parts.webhook_endpoints,
        deliveries=parts.webhook_deliveries,
        queue=parts.queue,
        storage=parts.storage,
        base_url=parts.settings.base_url,
        listeners=(notices.telling(parts).heard,),
        now=parts.now,
        new_id=parts.new_id,
    )


def webhooks(parts: Parts, mailing: MailService, relay: EventRelay) -> dict[str, Any]:
    """All of it, by the names that `Services` has for it."""
    box = SecretsBox(parts.settings.jwt_secret_key, "webhooks")
    return {
        "event_relay": relay,
        "webhooks": _endpoints(parts, relay, box),
        "webhook_deliveries": _deliveries(parts, mailing, box),
        "arrivals": _arrivals(parts, relay),
        "processing": _processing(parts, relay),
    }


def _endpoints(parts: Parts, relay: EventRelay, box: SecretsBox) -> EndpointService:
    return EndpointService(
        endpoints=parts.webhook_endpoints,
        deliveries=parts.webhook_deliveries,
        relay=relay,
        sender=_sender(parts),
        box=box,
        audit=parts.audit,
        now=parts.now,
        new_id=parts.new_id,
    )


def _deliveries(parts: Parts, mailing: MailService, box: SecretsBox) -> DeliveryService:
    timeout = timedelta(seconds=parts.settings.webhooks_timeout_seconds)
    return DeliveryService(
        endpoints=parts.webhook_endpoints,
        deliveries=parts.webhook_deliveries,
        users=parts.users,
        sender=_sender(parts),
        box=box,
        mailing=mailing,
        events=parts.events,
        queue=parts.queue,
        # An attempt may wait for the name, for the connection and for the answer.
        lease_lifetime=timeout * 2 + timedelta(seconds=10),
        patience=timedelta(days=parts.settings.webhooks_failing_days),
        random=SystemRandom().random,
        now=parts.now,
        new_id=parts.new_id,
    )


def _sender(parts: Parts) -> HttpSender:
    settings = parts.settings
    reach = Reach(
        allows_http=settings.webhooks_allow_http, allows_private=settings.webhooks_allow_private
    )
    return HttpSender(reach=reach, timeout_seconds=settings.webhooks_timeout_seconds)


def _arrivals(parts: Parts, relay: EventRelay) -> ArrivalService:
    return ArrivalService(
        videos=parts.videos,
        storage=parts.storage,
        events=parts.events,
        relay=relay,
        secret=parts.settings.processing_webhook_secret,
        now=parts.now,
    )


def _processing(parts: Parts, relay: EventRelay) -> ProcessingService:
    settings = parts.settings
    return ProcessingService(
        videos=parts.videos,
        storage=parts.storage,
        queue=parts.queue,
        announcer=announcer(parts, relay),
        relay=relay,
        audit=parts.audit,
        lease_lifetime=timedelta(seconds=settings.job_lease_seconds),
        keeps_failed=timedelta(days=settings.failed_source_days),
        is_external=settings.video_processor == EXTERNAL,
        now=parts.now,
    )


def announcer(parts: Parts, relay: EventRelay) -> Announcer:
    """Who is told of a video's progress: its owner at once, and whoever subscribed by webhook."""

    def listen(event: str, video: Video) -> None:  # noqa: ARG001 - the notes say what it was
        relay.pass_on(video.id)

    return Announcer(events=parts.events, listeners=(on_playable(parts), listen))
