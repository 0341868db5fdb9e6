"""Every route of live streams, those that an RTMP server asks, and what goes on behind them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from services.container import Services
from tests.live.streams import create, go_live, interrupt


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    made = create(client, ann)
    _fetch(client, services, made)
    _watch(client, services, go_live(services, made).video_id, ann)
    path = f"/api/videos/{made['video_id']}/live"
    changed: Any = client.post(f"{path}/key", headers=ann.headers).json
    interrupt(services, _held(services, made["video_id"]))
    go_live(services, changed)
    for _ in range(2):
        client.post(f"{path}/end", headers=ann.headers)
    interrupt(services, _held(services, made["video_id"]))
    services.live_endings.sweep()
    services.live_endings.run(made["video_id"])
    _lose(services, create(client, ann))
    for forget_video in services.removal.forgetting:
        forget_video(made["video_id"])


def _fetch(client: FlaskClient, services: Services, made: Any) -> None:
    """As an RTMP server and the process that fetches from it do."""
    name, _, key = made["stream_key"].partition("?key=")
    for call in ("publish", "update", "done", "publish", "play"):
        client.post(f"/live/{call}", data={"name": name, "key": key})
    held = services.broadcasts.next_to_fetch()
    assert held
    services.broadcasts.refuse(held, "Too much is live.")


def _watch(client: FlaskClient, services: Services, video_id: str, ann: Any) -> None:
    broadcasts, now = services.broadcasts.broadcasts, services.broadcasts.now()
    for path in ("/api/live", f"/api/videos/{video_id}/live"):
        for headers in ({}, ann.headers):
            client.get(path, headers=headers)
    broadcasts.renew(video_id, "x", until=now, viewers=1)
    services.accounts.users.is_active(ann.user.id)


def _lose(services: Services, made: Any) -> None:
    """As if whoever carried it was killed, and nobody came back."""
    go_live(services, made)
    broadcasts, now = services.broadcasts.broadcasts, services.broadcasts.now()
    for lost in broadcasts.lost(now + timedelta(days=1)):
        interrupt(services, lost)
    for given_up in broadcasts.given_up(now + timedelta(days=1)):
        services.live_endings.end(given_up.video_id, "lost")
    broadcasts.unfinished(now)
    services.live_endings.run(made["video_id"])


def _held(services: Services, video_id: str) -> Any:
    return services.broadcasts.broadcasts.of(video_id)
