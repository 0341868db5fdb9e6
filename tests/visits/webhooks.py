"""Webhooks in both directions, and a hold on processing: every route of them."""

from __future__ import annotations

import io
from typing import Any

from models.announcements import VideoEvent, noted
from models.user import Role
from models.video import ProcessingStatus
from services.container import Services
from tests.wire import MP4, NOBODY

PATH = "/api/webhooks"
ADMIN = "/api/admin"


def visit(client: Any, services: Services, ann: Any) -> None:
    mine = {"headers": ann.headers}
    new = {"url": "https://127.0.0.2.invalid/", "events": ["video.failed", "video.ready"]}
    hook = client.post(PATH, json=new, **mine).json["webhook"]["id"]
    client.get(PATH, **mine)
    for reference in (hook, NOBODY):
        client.get(f"{PATH}/{reference}", **mine)
        client.patch(f"{PATH}/{reference}", json={"is_active": True}, **mine)
        client.post(f"{PATH}/{reference}/rotate", json={}, **mine)
        client.post(f"{PATH}/{reference}/ping", **mine)
    form = {"title": "x", "file": (io.BytesIO(MP4), "x.mp4")}
    video = client.post("/api/videos", data=form, **mine).json["id"]
    for act in ("cancel", "retry", "cancel"):
        client.post(f"/api/videos/{video}/{act}", **mine)
    _deliver(client, services, hook, mine)
    _hold(client, services, video)
    client.post(f"{PATH}/video-processed", json={})
    _settle(services, video)
    client.patch(f"{PATH}/{hook}", json={"is_active": False}, **mine)
    client.delete(f"{PATH}/{hook}", **mine)


def _deliver(client: Any, services: Services, hook: str, mine: Any) -> None:
    services.event_relay.sweep()
    services.webhook_deliveries.sweep()
    services.webhook_deliveries.run(hook)
    services.webhooks.endpoints.arrived(hook)
    services.webhooks.deliveries.give_up_all(hook, services.webhook_deliveries.now())
    page = client.get(f"{PATH}/{hook}/deliveries?page_size=1", **mine).json
    client.get(f"{PATH}/{hook}/deliveries?cursor={page['next_cursor'] or ''}", **mine)
    delivery = page["deliveries"][0]["id"]
    client.post(f"{PATH}/{hook}/deliveries/{delivery}/redeliver", **mine)
    services.webhooks.endpoints.switch_off(hook, services.webhook_deliveries.now(), "x")


def _hold(client: Any, services: Services, video: str) -> None:
    # In the register of sessions roles are remembered; there is none of this one's yet.
    root = services.operating.create("hal", "hal@example.com", "Passw0rd", Role.ADMIN)
    signed_in = client.post("/api/auth/login", json={"login": root.email, "password": "Passw0rd"})
    admin = {"Authorization": f"Bearer {signed_in.json['tokens']['access_token']}"}
    for state in ("unfinished", "waiting", "running", "failed"):
        page = client.get(f"{ADMIN}/processing?page_size=1&state={state}", headers=admin).json
        cursor = page["next_cursor"] or ""
        client.get(f"{ADMIN}/processing?state={state}&cursor={cursor}", headers=admin)
    client.get(f"{ADMIN}/videos/{video}/why", headers=admin)
    for act in ("retry", "cancel", "cancel"):
        client.post(f"{ADMIN}/videos/{video}/{act}", headers=admin)


def _settle(services: Services, video: str) -> None:
    videos, now = services.arrivals.videos, services.event_relay.now()
    services.processing.discard_failed_sources()
    videos.forget_source(video, now)
    videos.ask_to_cancel(video)
    waiting = {"processing_status": ProcessingStatus.PROCESSING, "processing.stage": "external"}
    change = {"$set": waiting, **noted(now, VideoEvent.READY)}
    videos.collection.update_one({"id": video}, change)
    videos.fail_external(video, "msg", "x", now=now)
    services.event_relay.pass_on(video)
