"""Registration, invitations, administration, the end of accounts, and the audit log."""

from __future__ import annotations

from typing import Any

from models.user import Role
from services.container import Services
from services.policies import OPERATOR
from tests.wire import NOBODY, bearer, sign_in


def visit(client: Any, services: Services, _ann: Any) -> None:
    operating = services.operating
    operating.first_admin("root", "root@example.com", "Passw0rd")
    operating.first_admin("root", "root@example.com", "Passw0rd")
    admin = bearer(sign_in(client, "root")["tokens"]["access_token"])
    _invite(client, admin)
    _administer(client, admin)
    for name in ("moe", "zoe"):
        operating.create(name, f"{name}@example.com", "Passw0rd", Role.VIEWER)
    operating.reset_password("moe", "Passw0rd")
    moe = bearer(sign_in(client, "moe")["tokens"]["access_token"])
    client.get("/api/users/me/export", headers=moe)
    client.delete("/api/users/me", json={"password": "Passw0rd"}, headers=moe)
    zoe = operating.find("zoe").id
    client.delete(f"/api/users/{zoe}?content=keep", headers=admin)
    client.delete(f"/api/users/{NOBODY}", headers=admin)
    services.deletion.sweep()
    for user_id in list(services.deletion.users.unfinished_deletions(services.deletion.now())):
        services.deletion.run(user_id)
    list(services.administration.everybody(OPERATOR, Role.ADMIN))


def _invite(client: Any, admin: dict[str, str]) -> None:
    client.get("/api/auth/registration")
    made = client.post("/api/invitations", json={"email": "noa@example.com"}, headers=admin).json
    client.get(f"/api/invitations/validate/{made['token']}")
    new = {"username": "noa", "email": "noa@example.com", "password": "Passw0rd"}
    client.post("/api/auth/register", json=new | {"invitation_token": made["token"]})
    other = client.post("/api/invitations", json={}, headers=admin).json
    for page in ("", "?page=2&page_size=1"):
        client.get(f"/api/invitations{page}", headers=admin)
    for invitation_id in (made["id"], other["id"], other["id"], NOBODY):
        client.delete(f"/api/invitations/{invitation_id}", headers=admin)


def _administer(client: Any, admin: dict[str, str]) -> None:
    for query in ("", "role=user", "active=true", "role=user&active=true", "q=no", "q=noa%40"):
        path = f"/api/users?page_size=1&{query}"
        first = client.get(path, headers=admin).json
        client.get(f"{path}&page=2", headers=admin)
        cursor = first["pagination"]["next_cursor"] or ""
        client.get(f"{path}&cursor={cursor}", headers=admin)
    noa = client.get("/api/users?q=noa", headers=admin).json["users"][0]["id"]
    for role in ("admin", "user"):
        client.patch(f"/api/users/{noa}/role", json={"role": role}, headers=admin)
    for _ in range(2):
        client.patch(f"/api/users/{noa}/active", headers=admin)
    for query in ("", f"user_id={noa}", "action=role_changed"):
        page = client.get(f"/api/admin/audit?page_size=1&{query}", headers=admin).json
        cursor = page["next_cursor"] or ""
        client.get(f"/api/admin/audit?page_size=1&{query}&cursor={cursor}", headers=admin)
