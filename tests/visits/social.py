"""Every route of follows and reactions; what is folded behind them, and recounted."""

from __future__ import annotations

import secrets
from typing import Any

from flask.testing import FlaskClient

from models.reactions import Kind
from services.container import Services
from services.policies import Actor
from tests.wire import NOBODY, bearer


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    people = [_somebody(client, services) for _ in range(3)]
    for person in people:
        for other in (ann.user.id, *(one["id"] for one in people)):
            client.post(f"/api/users/{other}/follow", headers=person["headers"])
    for method in ("DELETE", "POST", "DELETE"):
        client.open(
            f"/api/users/{people[1]['id']}/follow", method=method, headers=people[0]["headers"]
        )
    client.delete(f"/api/users/{NOBODY}/follow", headers=ann.headers)
    for kind in ("followers", "following"):
        for who in (ann.user.id, people[2]["id"], "me"):
            _leaf(client, f"/api/users/{who}/{kind}", people[2]["headers"])
    _leaf(client, "/api/users/me/following/videos", people[0]["headers"])
    services.follows.follows.followed_by(ann.user.id, 10)
    list(services.follows.follows.every_follower(ann.user.id))
    _react(client, services, people)
    _cut_short(services, ann, people[0]["id"])
    for person in people[:2]:
        services.follows.follows.forget_all_of(person["id"])
        services.reactions.reactions.forget_all_of(person["id"])
    services.follows.fold()
    services.reactions.fold()
    list(services.recounting.check(repair=True))


def _somebody(client: FlaskClient, services: Services) -> dict[str, Any]:
    name = f"social_{secrets.token_hex(4)}"
    body = {"username": name, "email": f"{name}@example.com", "password": "Passw0rd"}
    answer: Any = client.post("/api/auth/register", json=body).json
    user_id = answer["user"]["id"]
    videos = [services.seeding._demo_video(n, [user_id], services.people.now()) for n in range(3)]
    services.catalogue.videos.add_many(videos)
    headers = bearer(answer["tokens"]["access_token"])
    return {"id": user_id, "headers": headers, "videos": [video.id for video in videos]}


def _leaf(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    answer: Any = client.get(f"{path}?limit=1", headers=headers).json
    client.get(f"{path}?limit=1&page=2", headers=headers)
    if cursor := answer["pagination"]["next_cursor"]:
        client.get(f"{path}?limit=1&cursor={cursor}", headers=headers)


def _react(client: FlaskClient, services: Services, people: list[dict[str, Any]]) -> None:
    first, second, _ = people
    for video_id in first["videos"]:
        for action in ("like", "dislike", "remove", "like"):
            path, body = f"/api/videos/{video_id}/like", {"action": action}
            client.post(path, json=body, headers=second["headers"])
        for word in ("like", "dislike"):
            for method in ("POST", "DELETE", "POST"):
                path = f"/videos/{video_id}/{word}"
                client.open(path, method=method, headers=first["headers"])
        for path in (f"/api/videos/{video_id}", f"/videos/{video_id}"):
            client.get(path, headers=second["headers"])
    mine = f"/users/{second['id']}/liked?limit=1"
    cursor = client.get(mine, headers=second["headers"]).headers["X-Next-Cursor"]
    client.get(f"{mine}&cursor={cursor}", headers=second["headers"])
    services.reactions.forget(Kind.VIDEO, first["videos"][0])


def _cut_short(services: Services, ann: Any, user_id: str) -> None:
    """Written down, and not counted."""
    service, actor = services.follows, Actor(id=ann.user.id, session_id="s")
    user = services.people.users.get(user_id)
    assert user is not None
    service.follows.follow(service._row(actor, user))
    service.follows.uncounted(user_id)
    services.reactions.reactions.uncounted(Kind.VIDEO, user_id)
