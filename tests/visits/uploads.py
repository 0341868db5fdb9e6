"""Every route of resumable uploads, and of the limits that they keep to."""

from __future__ import annotations

import base64
from typing import Any

from flask.testing import FlaskClient

from models.user import Role
from services.container import Services
from tests.wire import MP4, bearer, sign_in

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    mine = ann.headers

    def begin(**headers: str) -> str:
        answer = client.post("/upload/video", headers=mine | TUS | headers)
        return answer.headers["Location"].removeprefix("http://localhost")

    size = {"Upload-Length": str(len(MP4))}
    title = {"Upload-Metadata": f"title {base64.b64encode(b'x').decode()}"}
    for at in ("/upload/video", begin(**size)):
        client.options(at)
    path = begin(**size, **title)
    client.head(path, headers=mine | TUS)
    for offset, piece in ((0, MP4[:40]), (9, b"x"), (40, MP4[40:]), (40, MP4[40:])):
        client.patch(path, data=piece, headers=mine | BYTES | {"Upload-Offset": str(offset)})
    client.get(path, headers=mine)
    client.delete(path, headers=mine | TUS)
    client.delete(begin(**size), headers=mine | TUS)
    deferred = begin(**{"Upload-Defer-Length": "1"})
    client.patch(deferred, data=b"not a video", headers=mine | BYTES | {"Upload-Offset": "0"})
    at_last = {"Upload-Offset": "11", "Upload-Length": "11"}
    client.patch(deferred, headers=mine | BYTES | at_last)
    configure(client, services)
    services.quota.reset()
    over = {"$set": {"expires_at": services.quota.now()}}
    services.resumable.uploads.collection.update_many({"user_id": ann.user.id}, over)
    services.resumable.expire()


def configure(client: FlaskClient, services: Services) -> None:
    user = services.accounts.sign_up(
        email="uploads_admin@example.com", password="Passw0rd", display_name="uploads_admin"
    )
    users = services.accounts.users.collection
    users.update_one({"id": user.id}, {"$set": {"role": Role.ADMIN}})
    admin = bearer(sign_in(client, user.email)["tokens"]["access_token"])
    client.patch("/api/admin/config", json={"weekly_upload_limit_bytes": 10**12}, headers=admin)
    for path in ("/api/admin/config", "/api/admin/stats"):
        client.get(path, headers=admin)
