"""Every route of notifications, playlists, shares and watch history, and what works behind them."""

from __future__ import annotations

import secrets
from typing import Any

from flask.testing import FlaskClient

from models.announcements import Announcement, VideoEvent
from models.documents import identity
from models.follows import Follow
from models.listings import Listing
from models.mails import MailKind
from models.notifications import NotificationKind
from services.container import Services, new_id
from services.policies import Actor
from services.social.digests import latest
from services.social.notifications import video_target
from tests.wire import NOBODY


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    fan = _fan(client)
    videos = [_video(services, ann.user.id) for _ in range(4)]
    _share(client, services, videos[0], fan)
    _list(client, videos, fan, ann)
    _remember(client, services, videos, fan)
    _tell(client, services, videos, fan, ann)
    _mail(client, services, fan)


def _fan(client: FlaskClient) -> dict[str, Any]:
    name = f"fan_{secrets.token_hex(4)}"
    body = {"username": name, "email": f"{name}@example.com", "password": "Passw0rd"}
    answer: Any = client.post("/api/auth/register", json=body).json
    token = answer["tokens"]["access_token"]
    return {"id": answer["user"]["id"], "headers": {"Authorization": f"Bearer {token}"}}


def _video(services: Services, author_id: str) -> str:
    made = services.seeding._demo_video(0, [author_id], services.people.now())
    services.catalogue.videos.add(made)
    return made.id


def _share(client: FlaskClient, services: Services, video_id: str, fan: dict[str, Any]) -> None:
    for path in (f"/api/videos/{video_id}/share", f"/videos/{video_id}/share"):
        client.post(path, json={"channel": "link"}, headers=fan["headers"])
        client.post(path)
    services.shares.fold()
    services.shares.shares.uncounted(video_id)
    list(services.shares.shares.every_one_of(fan["id"]))


def _list(client: FlaskClient, videos: list[str], fan: dict[str, Any], ann: Any) -> None:
    for base, users, video_id in (
        ("/api/playlists", "/api/users", "video_id"),
        ("/playlists", "/users", "videoId"),
    ):
        headers = fan["headers"]
        body: Any = {"title": "Mine", "visibility": "public"}
        made: Any = client.post(base, json=body, headers=headers).json
        path = f"{base}/{made['id']}"
        client.patch(path, json={"title": "Ours"}, headers=headers)
        items = f"{path}/items"
        added: list[Any] = [
            client.post(items, json={video_id: one, **at}, headers=headers).json
            for one, at in zip(videos, ({}, {"at": "first"}, {}, {}), strict=True)
        ]
        client.post(items, json={video_id: videos[0]}, headers=headers)
        for place in ({"at": "first"}, {"after": added[1]["id"]}, {}):
            client.post(f"{items}/{added[0]['id']}/move", json=place, headers=headers)
        for who in (headers, ann.headers, {}):
            client.get(path, headers=who)
            _follow(client, f"{items}?limit=2", who)
            _follow(client, f"{users}/{fan['id']}/playlists?limit=1", who)
        _follow(client, f"{base}?limit=1", headers)
        client.delete(f"{items}/{added[0]['id']}", headers=headers)
        client.delete(f"{items}/{videos[1]}", headers=headers)
        client.post(f"{base}/watch-later/items", json={video_id: videos[0]}, headers=headers)
        client.delete(path, headers=headers)


def _follow(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    """The first page, the next, and the second by its number."""
    answer: Any = client.get(path, headers=headers)
    assert answer.status_code == 200, (path, answer.json)
    cursor = answer.json.get("nextCursor") or answer.json.get("pagination", {}).get("next_cursor")
    if cursor:
        assert client.get(f"{path}&cursor={cursor}", headers=headers).status_code == 200
    client.get(f"{path}&page=2", headers=headers)


def _remember(
    client: FlaskClient, services: Services, videos: list[str], fan: dict[str, Any]
) -> None:
    actor, found = Actor(id=fan["id"]), services.catalogue.videos.by_ids(videos)
    for video in found.values():
        services.history.reach(actor, video, 1.0)
    _follow(client, "/api/users/me/history?limit=2", fan["headers"])
    for base, video_id in (("/api/users/me/history", videos[0]), ("/users/me/history", videos[1])):
        client.delete(f"{base}/{video_id}", headers=fan["headers"])
    client.delete("/api/users/me/history", headers=fan["headers"])


def _tell(
    client: FlaskClient,
    services: Services,
    videos: list[str],
    fan: dict[str, Any],
    ann: Any,
) -> None:
    for video_id in videos:
        about = video_target(video_id)
        services.notifications.notify(fan["id"], NotificationKind.LIKE, ann.user.id, about)
        services.notifications.notify(fan["id"], NotificationKind.LIKE, ann.user.id, about)
    _publish(services, fan["id"], ann.user.id)
    for base in ("/api/notifications", "/users/me/notifications"):
        for query in ("", "&unread=true"):
            _follow(client, f"{base}?limit=2{query}", fan["headers"])
        found: Any = client.get(base, headers=fan["headers"]).json
        one, two, *_ = found["notifications"]
        client.post(f"{base}/read", json={"ids": [one["id"], NOBODY]}, headers=fan["headers"])
        client.delete(f"{base}/{two['id']}", headers=fan["headers"])
    list(services.notifications.notifications.every_one_of(fan["id"]))


def _publish(services: Services, fan_id: str, author_id: str) -> None:
    telling, now = services.telling, services.people.now()
    telling.follows.follow(
        Follow(**identity(new_id()), follower_id=fan_id, following_id=author_id, created_at=now)
    )
    (video, *_) = services.catalogue.videos.listed(Listing(author_id=author_id), limit=1)
    telling.heard(video, Announcement(event=VideoEvent.PUBLISHED, at=now))
    telling.sweep()
    for telling_id in telling.tellings.unattended(services.people.now(), 10):
        telling.run(telling_id)


def _mail(client: FlaskClient, services: Services, fan: dict[str, Any]) -> None:
    kept, now = services.notifications.notifications, services.people.now()
    kept.next_for_digest(now, "")
    services.digests.send_due()
    kept.take_for_digest(fan["id"], new_id(), before=now, limit=2)
    assert latest(services.digests.hour, now) <= now
    writer = services.mailing.writers[MailKind.DIGEST]
    user, mail_id = services.people.users.get(fan["id"]), services.mailing.mails.due(now, 1)
    if user and mail_id and (mail := services.mailing.mails.get(mail_id[0])):
        writer(user, mail)
    token = services.digests.unsubscribing.token(fan["id"])
    client.get("/auth/unsubscribe")
    client.get(f"/auth/unsubscribe/{token}")
    client.post(f"/auth/unsubscribe/{token}")
    client.post("/auth/unsubscribe", json={"token": token})
    for base in ("/api/notifications", "/users/me/notifications"):
        client.post(f"{base}/read", json={}, headers=fan["headers"])
        client.delete(base, headers=fan["headers"])
