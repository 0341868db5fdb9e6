"""Every route of comments, of moderating them, and of blocks; and how they are forgotten."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from models.user import Role
from models.video import Video
from services.container import Services
from tests.visits.videos import _video
from tests.wire import NOBODY, bearer, sign_in


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    video = _video(services, ann)
    other, other_id = _person(client, services, "said@example.com", Role.STAFF)
    top = _said(client, video, other)
    reply = _said(client, video, other, parent=top)
    second = _said(client, video, ann.headers)
    _read(client, video, top, ann.headers)
    _change(client, top, reply, ann.headers, other)
    _moderate(client, video, top, second, ann.headers, other)
    _report(client, second, other)
    _block(client, other_id, ann.headers)
    for comment in (top, reply, second, NOBODY):
        for family in ("/api", "/videos"):
            client.delete(f"{family}/comments/{comment}", headers=ann.headers)
    _said(client, video, ann.headers)
    services.comments.comments.forget_all_of(other_id)
    services.comments.comments.forget_all_of(ann.user.id)
    services.reports.reports.forget_all_of(other_id)
    services.blocking.blocks.forget_all_of(other_id)
    services.moderation.rules.forget_all_of(ann.user.id)
    for forget_video in services.removal.forgetting:
        forget_video(video.id)


def _person(
    client: FlaskClient, services: Services, email: str, role: Role
) -> tuple[dict[str, str], str]:
    user = services.accounts.sign_up(email=email, password="Passw0rd", display_name="said")
    users = services.accounts.users.collection
    users.update_one({"id": user.id}, {"$set": {"role": role}})
    return bearer(sign_in(client, email)["tokens"]["access_token"]), user.id


def _said(client: FlaskClient, video: Video, headers: Any, parent: str | None = None) -> str:
    body = {"content": "Nice.", "parent_comment_id": parent}
    answer: Any = client.post(f"/api/videos/{video.id}/comments", json=body, headers=headers)
    client.post(f"/videos/{video.id}/comments", json={"text": "Nice."}, headers=headers)
    return str(answer.json["id"])


def _read(client: FlaskClient, video: Video, top: str, headers: Any) -> None:
    for sort in ("newest", "oldest", "top"):
        for path in (f"/api/videos/{video.id}/comments", f"/videos/{video.id}/comments"):
            page: Any = client.get(f"{path}?limit=1&sort={sort}", headers=headers).json
            cursor = page.get("nextCursor") or page["pagination"]["next_cursor"]
            client.get(f"{path}?limit=1&sort={sort}&cursor={cursor}", headers=headers)
    client.get(f"/api/videos/{video.id}/comments?page=2&limit=1")
    for path in (f"/api/comments/{top}/replies", f"/videos/comments/{top}/replies"):
        client.get(path, headers=headers)
    for path in ("", "/history"):
        client.get(f"/api/comments/{top}{path}", headers=headers)


def _change(client: FlaskClient, top: str, reply: str, ann: Any, other: Any) -> None:
    client.put(f"/api/comments/{top}", json={"content": "Better."}, headers=other)
    client.put(f"/videos/comments/{reply}", json={"text": "Better."}, headers=other)
    for action in ("like", "dislike", "remove"):
        client.post(f"/api/comments/{top}/like", json={"action": action}, headers=ann)


def _moderate(
    client: FlaskClient, video: Video, top: str, second: str, ann: Any, other: Any
) -> None:
    for comment in (top, second):
        client.put(f"/api/comments/{comment}/pin", headers=ann)
    client.get(f"/api/videos/{video.id}/comments", headers=other)
    client.delete(f"/api/comments/{second}/pin", headers=ann)
    for method in ("PUT", "DELETE"):
        client.open(f"/api/comments/{top}/heart", method=method, headers=ann)
    for verb in ("hide", "unhide", "reject", "approve"):
        client.post(f"/api/comments/{top}/{verb}", headers=ann)
    path = "/api/users/me/comments"
    rule = {"blocked_words": ["spam"], "hold_for_review": True}
    client.patch(f"{path}/settings", json=rule, headers=ann)
    client.get(f"{path}/settings", headers=ann)
    client.patch(f"/api/videos/{video.id}", json={"comments_held": True}, headers=ann)
    page: Any = client.get(f"{path}/held?page_size=1", headers=ann).json
    client.get(f"{path}/held?status=hidden", headers=ann)
    client.get(f"{path}/held?cursor={page['next_cursor'] or ''}", headers=ann)
    client.patch(f"{path}/settings", json={"hold_for_review": False}, headers=ann)


def _report(client: FlaskClient, comment: str, staff: Any) -> None:
    for _ in range(2):
        body = {"reason": "spam"}
        client.post(f"/api/comments/{comment}/report", json=body, headers=staff)
    page: Any = client.get("/api/admin/reports", headers=staff).json
    for report in page["reports"]:
        path = f"/api/admin/reports/{report['id']}/resolve"
        client.post(path, json={"action": "dismiss"}, headers=staff)
    client.get("/api/admin/reports?status=dismissed", headers=staff)


def _block(client: FlaskClient, user_id: str, headers: Any) -> None:
    path = f"/api/users/{user_id}/block"
    client.put(path, json={"hide_comments": True}, headers=headers)
    client.get("/api/users/me/blocks", headers=headers)
    client.delete(path, headers=headers)
