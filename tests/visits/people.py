"""Every route of people: profiles, settings, channels and watch history."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from flask.testing import FlaskClient

from models.history import Watched
from models.listings import Listing
from services.container import Services
from services.people.history import KEPT_PER_PERSON
from services.policies import Actor
from tests.wire import NOBODY

FULL = {
    "bio": "Hello",
    "preferences": {"quality": "720p"},
    "settings": {"privacy": {"show_followers": True}, "notifications": {"push": False}},
}


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    clara = _another(client, services, [f"Video {number}" for number in range(5)])
    for path in ("/users/me", "/api/users/me"):
        client.get(path, headers=ann.headers)
        client.patch(path, json=FULL, headers=ann.headers)
        client.patch(path, json={"username": clara["username"]}, headers=ann.headers)
        for password in ("Wrong000", "Passw0rd"):
            body = {"email": f"{secrets.token_hex(4)}@example.com", "current_password": password}
            client.patch(path, json=body, headers=clara["headers"])
    client.patch(f"/users/{ann.user.id}", json={"avatarUrl": ""}, headers=ann.headers)
    for family in ("/users", "/api/users"):
        for person in (clara["id"], clara["oid"], ann.user.id, NOBODY):
            client.get(f"{family}/{person}", headers=ann.headers)
            client.get(f"{family}/{person}/videos", headers=ann.headers)
        for headers in ({}, clara["headers"]):
            _follow(client, f"{family}/{clara['id']}/videos", headers)
            client.get(f"/api/users/{clara['id']}/videos?page=2&page_size=2", headers=headers)
    _watch(client, services, clara)
    client.delete("/users/me/history", headers=clara["headers"])


def _another(client: FlaskClient, services: Services, titles: list[str]) -> dict[str, Any]:
    name = f"clara_{secrets.token_hex(4)}"
    body = {"username": name, "email": f"{name}@example.com", "password": "Passw0rd"}
    answer: Any = client.post("/api/auth/register", json=body).json
    user = services.people.users.get(answer["user"]["id"])
    assert user is not None
    for title in titles:
        made = services.seeding._demo_video(0, [user.id], services.people.now())
        services.catalogue.videos.add(replace(made, title=title))
    token = answer["tokens"]["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    return {"id": user.id, "oid": user.oid, "username": user.username, "headers": headers}


def _follow(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    """From page to page, as each family says where the next one is."""
    size = "page_size" if path.startswith("/api/") else "limit"
    first = client.get(f"{path}?{size}=2", headers=headers)
    pagination = first.json.get("pagination", {}) if isinstance(first.json, dict) else {}
    cursor = first.headers.get("X-Next-Cursor") or pagination.get("next_cursor")
    assert cursor, first.json
    client.get(f"{path}?cursor={cursor}", headers=headers)


def _watch(client: FlaskClient, services: Services, clara: dict[str, Any]) -> None:
    """Play a video with a full history behind it, then leaf through it."""
    actor, people, history = Actor(id=clara["id"]), services.people, services.history
    (video, *_) = people.videos.listed(Listing(author_id=clara["id"]), limit=1)
    for _ in range(3):
        made = services.seeding._demo_video(0, [clara["id"]], people.now())
        services.catalogue.videos.add(made)
        entry = services.seeding._demo_video(0, [clara["id"]], people.now())
        history.history.note(
            Watched(
                id=entry.id,
                oid=entry.oid,
                user_id=clara["id"],
                video_id=made.id,
                watched_at=people.now(),
            )
        )
    history.history.trim(clara["id"], keep=1)
    history.history.trim(clara["id"], keep=KEPT_PER_PERSON)
    token = services.catalogue.tokens.playback(clara["id"], video)
    client.get(f"/stream/{video.id}?token={token}", headers=clara["headers"])
    page = history.list(actor, limit=1)
    history.list(actor, after=page.end, limit=1)
    client.get("/users/me/history?limit=1", headers=clara["headers"])
