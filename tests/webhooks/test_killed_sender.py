"""The process that sends webhooks, as `python app.py webhooks`, and its sudden death."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from config import Settings
from models.announcements import VideoEvent
from models.webhook_deliveries import DeliveryState
from tests.stack import ROOT, wait_for
from tests.webhooks.conftest import World

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("webhooks")]


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start one such process; all are killed afterwards."""
    env = os.environ | {
        "MONGO_URL": settings.mongo_url,
        "MONGO_DB_NAME": settings.database,
        "REDIS_URL": settings.redis_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "VAR_DIR": str(tmp_path / "var"),
        "WEBHOOKS_ALLOW_HTTP": "true",
        "WEBHOOKS_ALLOW_PRIVATE": "true",
        "WEBHOOKS_TIMEOUT_SECONDS": "60",
    }
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "app.py", "webhooks"]
        started.append(subprocess.Popen(command, cwd=ROOT, env=env))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(30)


def test_what_a_killed_sender_was_at_arrives_again_under_one_id(
    world: World, ann, add_video, start
):
    receiver, deliveries = world.receiver, world.services.webhooks.deliveries
    hook = world.subscribe(ann)
    receiver.is_open.clear()
    sender = start()
    world.happen(add_video(ann), VideoEvent.READY)
    world.happen(add_video(ann), VideoEvent.READY)
    wait_for(lambda: receiver.got, 60)
    sender.kill()
    sender.wait(30)
    found = deliveries.newest(hook["id"], after=None, limit=10)
    (sending,) = [each.event_id for each in found if each.state is DeliveryState.SENDING]
    assert sending == receiver.got[0].id
    receiver.is_open.set()
    # Nobody takes over what may still be on its way.
    world.deliver()
    assert len(receiver.got) == 1
    world.clock.forward(minutes=10)
    world.services.webhook_deliveries.sweep()
    world.deliver()
    assert len(receiver.got) == 3
    assert len(set(receiver.ids)) == 2
    assert receiver.ids.count(sending) == 2
    for entry in world.log(ann, hook):
        assert entry["state"] == "delivered"


def test_a_sender_process_sends_what_is_queued(world: World, ann, add_video, start):
    hook = world.subscribe(ann)
    for _ in range(3):
        world.happen(add_video(ann), VideoEvent.PLAYABLE, VideoEvent.READY)
    start()
    wait_for(lambda: len(world.receiver.got) == 6, 60)
    for got in world.receiver.got:
        Webhook(hook["secret"]).verify(got.body, got.headers)
    assert len(set(world.receiver.ids)) == 6
