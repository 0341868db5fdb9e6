"""Every route of a video's files by name."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from services.container import Services


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    feed: Any = client.get("/videos/feed", headers=ann.headers).json
    for video_id in [video["id"] for video in feed["videos"][:1]] or ["nothing"]:
        client.get(f"/media/{video_id}/poster.jpg", headers=ann.headers)
        client.get(f"/media/{video_id}/video.mp4?token=x", headers=ann.headers)
