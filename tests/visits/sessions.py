"""Every route of sessions."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from services.container import Services
from services.policies import Actor
from tests.wire import sign_in


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    def another() -> str:
        login = {"email": ann.user.email, "password": "Passw0rd"}
        client.post("/auth/login", json=login)
        newest = services.sessions.list(Actor(id=ann.user.id))[0]
        return newest.id

    for prefix in ("/auth", "/api/auth"):
        client.get(f"{prefix}/sessions", headers=ann.headers)
        client.delete(f"{prefix}/sessions/{another()}", headers=ann.headers)
        another()
        client.delete(f"{prefix}/sessions", headers=ann.headers)
    tokens = sign_in(client, ann.user.username)["tokens"]
    client.post("/auth/refresh-token", json={"refresh_token": tokens["refresh_token"]})
    client.post("/auth/refresh-token", json={"refresh_token": tokens["refresh_token"]})
    tokens = sign_in(client, ann.user.username)["tokens"]
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    client.post("/api/auth/logout", headers=headers)
