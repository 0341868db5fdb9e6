"""Every route between a video and who plays it: licences, heartbeats, stops."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from flask.testing import FlaskClient

from services.container import Services
from tests.wire import NOBODY


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    made = services.seeding._demo_video(0, [ann.user.id], services.people.now())
    video = replace(made, drm_enabled=True)
    services.catalogue.videos.add(video)
    keys = services.licences.keys
    keys.encryption(video)
    keys.encryption(video)
    token = services.catalogue.tokens.playback(ann.user.id, video)
    for path, names in (
        (f"/stream/{video.id}", ("streamId", "positionSeconds")),
        (f"/video/{video.id}", ("stream_id", "position_seconds")),
    ):
        actor = services.sessions.authenticate(ann.token).actor
        mine = services.playback.concurrency.stream_id(actor, video)
        body = dict(zip(names, (mine, 1.5), strict=True))
        for end in ("heartbeat", "stop"):
            client.post(f"{path}/{end}", json=body, headers=ann.headers)
    asked = json.dumps({"kids": ["AAAAAAAAAAAAAAAAAAAAAA"], "type": "temporary"})
    for reference in (video.id, video.oid, NOBODY):
        license_url = f"/stream/{reference}/license?token={token}"
        client.post(license_url, data=asked, headers=ann.headers)
        client.get(license_url, headers=ann.headers)
    keys.keys.forget_video(video.id)
