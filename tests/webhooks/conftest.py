"""CLUTCH with a receiver on the loopback, and what tests of webhooks do again and again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from config import Settings
from models.announcements import VideoEvent, noted
from models.video import Video
from services.container import Services
from tests.conftest import Clock, Person
from tests.webhooks.receiver import Receiver, receiving

SECRET = "whsec_dGhpcyBpcyBhIHNlY3JldCBvZiB0ZXN0cyBhbmQgbm9ib2R5IGVsc2U="
LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
ALL = [event.value for event in VideoEvent]


@dataclass(frozen=True)
class World:
    client: Any
    services: Services
    clock: Clock
    receiver: Receiver

    def subscribe(self, person: Person, **body: Any) -> Any:
        """Make an endpoint through the API; answers it, with its secret."""
        new = {"url": self.receiver.url, "events": ALL} | body
        answer = self.client.post("/api/webhooks", json=new, headers=person.headers)
        assert answer.status_code == 201, answer.json
        made: Any = answer.json
        return made["webhook"] | {"secret": made["secret"]}

    def happen(self, video: Video, *events: VideoEvent) -> None:
        """Have things happen to a video, as an update of its state notes them."""
        where = {"id": video.id}
        self.services.event_relay.videos.collection.update_one(where, noted(self.clock(), *events))
        self.services.event_relay.pass_on(video.id)

    def deliver(self) -> None:
        """Do what the scheduler and the worker do, for what is due now."""
        self.services.event_relay.sweep()
        deliveries = self.services.webhook_deliveries
        for endpoint_id in deliveries.deliveries.endpoints_with_due(self.clock()):
            deliveries.run(endpoint_id)

    def deliver_until_settled(self) -> None:
        """Let time pass, as far as it takes: more than a day."""
        deliveries = self.services.webhook_deliveries.deliveries.collection
        for _ in range(300):
            self.deliver()
            waiting = deliveries.find({"next_at": {"$gt": LONG_AGO}}).sort("next_at", 1)
            first = next(iter(waiting.limit(1)), None)
            if first is None:
                return
            # What is due waits for the endpoint's pause.
            ahead = (first["next_at"] - self.clock()).total_seconds()
            self.clock.forward(seconds=max(10, ahead))
        raise AssertionError("it never ended")

    def log(self, person: Person, hook: Any) -> list[dict[str, Any]]:
        path = f"/api/webhooks/{hook['id']}/deliveries"
        answer = self.client.get(path, headers=person.headers)
        assert answer.status_code == 200, answer.json
        found: Any = answer.json
        return found["deliveries"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings,
        webhooks_allow_http=True,
        webhooks_allow_private=True,
        webhooks_timeout_seconds=10,
        # Tests let days pass without signing in anew.
        mobile_token_hours=24,
        processing_webhook_secret=SECRET,
    )


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def world(client: FlaskClient, services: Services, clock: Clock, receiver: Receiver) -> World:
    return World(client, services, clock, receiver)
