"""Who comes with another issuer's token: no route of its own, and queries of its own."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from services.adapters.issuers import ForeignPerson
from services.container import Services


def visit(_client: FlaskClient, services: Services, ann: Any) -> None:
    person = ForeignPerson(
        issuer="https://issuer.example",
        subject="8d2f0f0e-6a0e-4f3c-9d6d-0d6a5f1c2b3a",
        email="foreign@example.com",
        user_id="8d2f0f0e-6a0e-4f3c-9d6d-0d6a5f1c2b3a",
    )
    user = services.identities.user_of(person)
    services.identities.user_of(person)
    (session, *_) = services.sessions.sessions.alive_of(ann.user.id, services.sessions.now())
    services.sessions.sessions.meet(session)
    services.identities.identities.forget_all_of(user.id)
