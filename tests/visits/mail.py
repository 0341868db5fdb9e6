"""Every route of verified addresses and of passwords that change, and what sends their mails."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from models.mails import MailKind
from services.container import Services
from tests.mailbox import deliver

JIM = {"name": "Jim", "email": "jim@example.com", "password": "Passw0rd"}


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    def token_for(path: str) -> str:
        deliver(services)
        client.post(path, json={"email": JIM["email"]})
        (letter,) = deliver(services)
        return letter.token

    client.post("/auth/signup", json=JIM)
    for page in ("/auth/verify-email", "/auth/reset-password"):
        client.get(f"{page}?token=x")
        client.post(page, json={"token": "x", "password": "Passw0rd"})
    client.post("/auth/verify-email", json={"token": token_for("/auth/resend-verification")})
    for prefix in ("/auth", "/api/auth"):
        reset = {"token": token_for(f"{prefix}/forgot-password"), "password": "Passw0rd"}
        client.post(f"{prefix}/reset-password", json=reset)
        change = {"current_password": "Passw0rd", "password": "Passw0rd"}
        client.post(f"{prefix}/change-password", json=change, headers=ann.headers)
        wrong = change | {"current_password": "wrong"}
        client.post(f"{prefix}/change-password", json=wrong, headers=ann.headers)
    services.mailing.ask(MailKind.VERIFICATION, "nobody@example.com")
    services.mailing.sweep()
