"""One's own data in one document: complete, without secrets, and never in memory as a whole."""

from __future__ import annotations

import json
import tracemalloc

from models.user import Role
from services.accounts.sessions import Device
from tests.conftest import Person
from tests.wire import failed

SECTIONS = {
    "exported_at", "profile", "settings", "preferences", "subscriptions", "sessions",
    "invitations", "videos", "live_streams", "watch_history", "comments", "audit",
    "playlists", "playlist_items", "shares", "notifications",
}  # fmt: skip


def test_the_export_has_all_that_is_known_of_oneself(client, join, bob, add_video, services):
    ann = join("ann", role=Role.ADMIN)
    mine = [add_video(ann).id for _ in range(3)]
    add_video(bob)
    client.post("/api/invitations", json={"email": "noa@example.com"}, headers=ann.headers)
    answer = client.get("/api/users/me/export", headers=ann.headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == 'attachment; filename="clutch-export.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    body = json.loads(answer.data)
    assert set(body) == SECTIONS
    assert body["profile"]["email"] == "ann@example.com"
    assert body["profile"]["id"] == ann.user.id
    assert {video["id"] for video in body["videos"]} == set(mine)
    assert len(body["sessions"]) == 1
    assert [made["email"] for made in body["invitations"]] == ["noa@example.com"]
    assert {"signed_up", "signed_in", "exported"} <= {entry["action"] for entry in body["audit"]}
    assert {entry["user_id"] for entry in body["audit"]} == {ann.user.id}


def test_the_watch_history_is_part_of_it(client, ann, bob, add_video, services):
    videos = [add_video(bob) for _ in range(3)]
    for video in videos:
        token = services.catalogue.tokens.playback(ann.user.id, video)
        client.get(f"/stream/{video.id}?token={token}", headers=ann.headers)
    body = json.loads(client.get("/api/users/me/export", headers=ann.headers).data)
    assert [view["video_id"] for view in body["watch_history"]] == [v.id for v in videos[::-1]]


def test_the_export_has_no_secret(client, join, services):
    ann = join("ann", role=Role.ADMIN)
    token = client.post("/api/invitations", json={}, headers=ann.headers).json["token"]
    text = client.get("/api/users/me/export", headers=ann.headers).get_data(as_text=True)
    user = services.accounts.users.get(ann.user.id)
    (session,) = services.sessions.list(services.sessions.authenticate(ann.token).actor)
    secrets = (user.password_hash, session.refresh_hash, token, ann.token, ann.refresh_token)
    assert not [secret for secret in secrets if secret in text]
    assert "hash" not in text


def test_a_visitor_exports_nothing(client):
    failed(client.get("/api/users/me/export"), 401, "UNAUTHORIZED")


def test_a_person_with_very_many_videos_needs_no_more_memory(client, services, record_property):
    list(services.seeding.catalogue(0, 20_000))
    author = services.seeding.author()
    person = Person(author, *_signed_in(services, author))
    tracemalloc.start()
    answer = client.get("/api/users/me/export", headers=person.headers, buffered=False)
    size, videos = 0, 0
    for chunk in answer.response:
        size += len(chunk)
        videos += chunk.count(b'"view_count"')
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert videos == 20_000
    assert size > 5_000_000
    assert peak < size / 2
    mib = 1024**2
    record_property(
        "export of 20,000 videos", f"{size / mib:.1f} MiB with {peak / mib:.1f} MiB of memory"
    )


def _signed_in(services, user) -> tuple[str, str]:
    opened = services.sessions.open(
        user, device=Device(), lifetime=services.sessions.refresh_lifetime
    )
    return opened.access_token, opened.refresh_token
