"""Every route of second factors, as far as it reaches."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask.testing import FlaskClient
from pyotp.totp import TOTP

from models.user import Role
from services.accounts.sessions import Device
from services.container import Services
from services.policies import Actor
from tests.wire import bearer


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    for family, prefix in (("mobile", "/auth/mfa"), ("platform", "/api/auth/mfa")):
        name = f"mfa_{family}"
        user = services.accounts.sign_up(
            email=f"{name}@example.com", password="Passw0rd", display_name=name
        )
        token = services.accounts.sign_in(
            login=user.email, password="Passw0rd", device=Device(), lifetime=dt.timedelta(hours=1)
        ).access_token
        secret = client.post(f"{prefix}/enrol", headers=bearer(token)).get_json()["secret"]
        code = TOTP(secret).at(services.accounts.now())
        done = client.post(f"{prefix}/confirm", json={"code": code}, headers=bearer(token))
        recovery = done.get_json()["recovery_codes"]
        login = {"email": user.email, "password": "Passw0rd"}
        client.post("/auth/login", json=login)
        client.post("/auth/login", json=login | {"otp": code})
        client.post("/auth/login", json=login | {"otp": recovery[0]})
        renewed = {"code": recovery[1]}
        answer = client.post(f"{prefix}/recovery-codes", json=renewed, headers=bearer(token))
        last = {"password": "Passw0rd", "code": answer.get_json()["recovery_codes"][0]}
        client.get(prefix, headers=bearer(token))
        client.post(f"{prefix}/disable", json=last, headers=bearer(token))
    users = services.accounts.users
    users.collection.update_one({"id": user.id}, {"$set": {"role": Role.ADMIN}})
    services.sessions.role_changed(user.id, Role.ADMIN)
    lost = users.by_login("mfa_mobile@example.com")
    assert lost
    services.second_factors.enrol(Actor(id=lost.id))
    client.delete(f"/api/users/{lost.id}/mfa", headers=bearer(token))
