"""Every route of managing videos, of categories and of views; and what goes on behind them."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from flask.testing import FlaskClient

from models.user import Role
from models.video import Video, Visibility
from services.container import Services
from tests.wire import MP4, NOBODY, bearer, sign_in


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    video, second = _video(services, ann), _video(services, ann)
    _change(client, video, ann)
    _replace(client, services, video, ann)
    _watch(client, services, video, ann)
    _categorize(client, services, video, ann)
    for path in (f"/api/videos/{video.id}", f"/videos/{second.oid}", f"/videos/{NOBODY}"):
        client.delete(path, headers=ann.headers)
    first: Any = client.get("/api/videos/deleted?page_size=1", headers=ann.headers).json
    cursor = first["pagination"]["next_cursor"]
    for place in ("page=2", f"cursor={cursor}"):
        client.get(f"/api/videos/deleted?page_size=1&{place}", headers=ann.headers)
    page: Any = client.get("/videos/deleted?limit=1", headers=ann.headers).json
    client.get(f"/videos/deleted?limit=1&cursor={page['nextCursor']}", headers=ann.headers)
    for family in ("/api/videos", "/videos"):
        client.post(f"{family}/{second.id}/restore", headers=ann.headers)
    for _ in range(2):
        client.delete(f"/api/videos/{video.id}?permanent=true", headers=ann.headers)
    services.removal.sweep()
    services.removal.purge(video.id)
    services.views.views.forget_all_of(ann.user.id)


def _video(services: Services, ann: Any, **fields: Any) -> Video:
    made = services.seeding._demo_video(0, [ann.user.id], services.removal.now())
    video = replace(made, **fields)
    services.catalogue.videos.add(video)
    return video


def _change(client: FlaskClient, video: Video, ann: Any) -> None:
    for path, method in ((f"/api/videos/{video.id}", "PATCH"), (f"/videos/{video.id}", "PUT")):
        for body in ({"title": "New"}, {"visibility": "private"}, {"visibility": "public"}):
            client.open(path, method=method, json=body, headers=ann.headers)
        seen = ann.headers | {"If-Match": f'"{video.updated_at.isoformat()}"'}
        client.open(path, method=method, json={"title": "Late"}, headers=seen)


def _replace(client: FlaskClient, services: Services, video: Video, ann: Any) -> None:
    videos, now = services.catalogue.videos, services.removal.now()
    form = {"file": (io.BytesIO(MP4), "x.mp4")}
    client.post(f"/api/videos/{video.id}/content", data=form, headers=ann.headers)
    videos.drop_edition(video.id, code="x", message="x")
    services.replacing.sweep()
    services.replacing.sweep()
    services.replacing.retire(video.id)
    settled = videos.get(video.id)
    assert settled
    videos.settle_edition(settled, now)
    due = _video(services, ann, visibility=Visibility.SCHEDULED, publish_at=now)
    services.scheduling.publish_due()
    videos.publish_due(due.id, now=now, score=1.0)


def _watch(client: FlaskClient, services: Services, video: Video, ann: Any) -> None:
    for path in (f"/api/videos/{video.id}/view", f"/videos/{video.id}/view"):
        for headers in ({}, ann.headers):
            client.post(path, json={"watch_time_seconds": 3}, headers=headers)
    services.views.fold()


def _categorize(client: FlaskClient, services: Services, video: Video, ann: Any) -> None:
    user = services.accounts.sign_up(
        email="categories@example.com", password="Passw0rd", display_name="categories"
    )
    users = services.accounts.users.collection
    users.update_one({"id": user.id}, {"$set": {"role": Role.ADMIN}})
    admin = bearer(sign_in(client, user.email)["tokens"]["access_token"])
    for name in ("Music", "Sound", "music"):
        client.post("/api/categories", json={"name": name}, headers=admin)
    client.patch(f"/api/videos/{video.id}", json={"category": "Music"}, headers=ann.headers)
    client.patch("/api/categories/music", json={"name": "Melodies"}, headers=admin)
    services.categories.count()
    client.get("/api/categories")
    for query in ("", "?move_to=sound"):
        client.delete(f"/api/categories/music{query}", headers=admin)
    services.categories.categories.forget_all_of(user.id)
