"""Every route of direct uploads, of pictures, and of forms with files in them."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from PIL import Image

from services.container import Services
from tests.direct import Direct
from tests.wire import MP4

PICTURES = "/api/upload/thumbnail"


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    direct = Direct(client, ann)
    offer = direct.begin()
    direct.status(offer["video_id"])
    direct.put(offer["upload_url"], MP4)
    for _ in range(2):
        direct.complete(offer["video_id"])
    direct.abort(direct.begin()["video_id"])
    bad = direct.begin()
    direct.put(bad["upload_url"], b"x" * len(MP4))
    direct.complete(bad["video_id"])
    parts = direct.begin(multipart=True)
    direct.complete(parts["video_id"], parts=direct.put_parts(parts, MP4))
    form = {"title": "x", "file": (io.BytesIO(MP4), "x.mp4")}
    client.post("/videos", data=form, headers=ann.headers)
    pictures(direct, offer["video_id"])
    direct.begin()
    over = {"$set": {"expires_at": services.direct.now()}}
    rows = services.direct.custody.uploads
    rows.collection.update_many({"user_id": ann.user.id}, over)
    services.direct.expire()
    services.pictures.expire()
    rows.forget_all_of("nobody")
    later = replace(services.uploads, now=lambda: services.direct.now() + timedelta(days=2))
    later.discard_abandoned()


def pictures(direct: Direct, video_id: str) -> None:
    target = io.BytesIO()
    Image.new("RGB", (9, 9)).save(target, "PNG")
    content = target.getvalue()
    form = {"videoId": video_id, "file": (io.BytesIO(content), "x.png")}
    direct.client.post("/upload/thumbnail", data=form, headers=direct.person.headers)
    direct.client.get(f"/api/videos/{video_id}/thumbnail?width=9", headers=direct.person.headers)
    said = {"filename": "x.png", "file_size": len(content), "content_type": "image/png"}
    for end in ("complete", "abort"):
        asked = {"json": {"video_id": video_id, **said}}
        offer = direct.ask("POST", f"{PICTURES}/request", **asked).get_json()
        direct.put(offer["upload_url"], content)
        direct.ask("GET", f"{PICTURES}/{offer['upload_id']}")
        if end == "complete":
            direct.ask("POST", f"{PICTURES}/complete", json={"upload_id": offer["upload_id"]})
        direct.ask("DELETE", f"{PICTURES}/{offer['upload_id']}")
