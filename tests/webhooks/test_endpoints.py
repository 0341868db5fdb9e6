"""Webhooks as their owners manage them: /api/webhooks."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from models.announcements import VideoEvent
from models.user import Role
from services.container import build
from tests.conftest import Person
from tests.webhooks.conftest import World
from tests.wire import NOBODY, failed, fields_of

NEW = {"url": "https://hooks.example.com/clutch", "events": ["video.ready"]}


@pytest.fixture
def path(world: World, ann: Person) -> str:
    return f"/api/webhooks/{world.subscribe(ann)['id']}"


def test_a_secret_is_shown_once_and_kept_encrypted(world, ann):
    answer = world.client.post("/api/webhooks", json=NEW, headers=ann.headers)
    assert answer.status_code == 201
    secret = answer.json["secret"]
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    made = answer.json["webhook"]
    assert (made["url"], made["events"], made["is_active"]) == (NEW["url"], NEW["events"], True)
    for path in ("/api/webhooks", f"/api/webhooks/{made['id']}"):
        assert "whsec_" not in world.client.get(path, headers=ann.headers).text
    assert "whsec_" not in str(world.services.webhooks.endpoints.collection.find_one())


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "ftp://x.example/"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
        ({"url": "https://u:p@x.example/"}, "url"),
        ({"url": ""}, "url"),
        ({"events": []}, "events"),
        ({"events": ["video.watched"]}, "events.0"),
        ({"description": "x" * 201}, "description"),
        ({"everything": "perhaps"}, "everything"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_wrong_is_said_by_field_and_nothing_is_kept(world, ann, wrong, field):
    answer = world.client.post("/api/webhooks", json=NEW | wrong, headers=ann.headers)
    assert field in fields_of(failed(answer, 400, "VALIDATION_ERROR"))
    assert world.client.get("/api/webhooks", headers=ann.headers).json == {"webhooks": []}


def test_http_and_private_addresses_need_a_setting(world, ann, app, settings):
    strict = replace(settings, webhooks_allow_http=False, webhooks_allow_private=False)
    app.extensions["clutch"] = build(strict)
    for url in ("http://hooks.example.com/", "https://127.0.0.1/", "https://localhost/"):
        answer = world.client.post("/api/webhooks", json=NEW | {"url": url}, headers=ann.headers)
        failed(answer, 400, "VALIDATION_ERROR")
    assert world.client.post("/api/webhooks", json=NEW, headers=ann.headers).status_code == 201


def test_ten_are_enough(world, ann):
    for _ in range(10):
        world.subscribe(ann)
    failed(world.client.post("/api/webhooks", json=NEW, headers=ann.headers), 409, "CONFLICT")


def test_only_administrators_hear_of_everybody(world, ann, join):
    everything = NEW | {"everything": True}
    for person in (ann, join("sue", role=Role.STAFF)):
        answer = world.client.post("/api/webhooks", json=everything, headers=person.headers)
        failed(answer, 403, "FORBIDDEN")


def test_anothers_webhook_is_not_there_except_for_administrators(world, bob, join, path):
    calls = (
        ("GET", path), ("PATCH", path), ("DELETE", path), ("POST", f"{path}/ping"),
        ("POST", f"{path}/rotate"), ("GET", f"{path}/deliveries"),
        ("POST", f"{path}/deliveries/{NOBODY}/redeliver"), ("GET", f"/api/webhooks/{NOBODY}"),
    )  # fmt: skip
    for method, where in calls:
        answer = world.client.open(where, method=method, json={}, headers=bob.headers)
        failed(answer, 404, "NOT_FOUND")
    root = join("root", role=Role.ADMIN)
    assert world.client.get(path, headers=root.headers).status_code == 200


def test_a_webhook_is_changed_field_by_field(world, ann, path, receiver):
    changes = {"url": f"{receiver.url}/2", "events": ["video.failed"], "description": "mine"}
    for name, value in changes.items():
        changed = world.client.patch(path, json={name: value}, headers=ann.headers).json
        assert changed[name] == value
    assert changes.items() <= world.client.get(path, headers=ann.headers).json.items()
    answer = world.client.patch(path, json={"url": "ftp://x.example"}, headers=ann.headers)
    failed(answer, 400, "VALIDATION_ERROR")


def test_what_is_off_gets_nothing_and_what_waited_for_it_is_given_up(
    world, ann, path, add_video, receiver
):
    world.happen(add_video(ann), VideoEvent.READY)
    world.client.patch(path, json={"is_active": False}, headers=ann.headers)
    world.happen(add_video(ann), VideoEvent.READY)
    world.deliver()
    assert receiver.got == []
    (entry,) = world.client.get(f"{path}/deliveries", headers=ann.headers).json["deliveries"]
    assert entry["state"] == "given_up"
    failed(world.client.post(f"{path}/ping", headers=ann.headers), 409, "CONFLICT")


def test_a_ping_shows_whether_anything_arrives(world, ann, path, receiver):
    assert world.client.post(f"{path}/ping", headers=ann.headers).json["state"] == "waiting"
    world.deliver()
    assert receiver.types == ["ping"]
    (entry,) = world.client.get(f"{path}/deliveries", headers=ann.headers).json["deliveries"]
    assert (entry["state"], entry["event"]) == ("delivered", "ping")
    assert entry["attempts"][0]["status"] == 204


def test_the_log_says_why_nothing_came_back(world, ann, path, receiver):
    world.client.patch(path, json={"url": "http://127.0.0.1:9/"}, headers=ann.headers)
    world.client.post(f"{path}/ping", headers=ann.headers)
    world.deliver()
    (entry,) = world.client.get(f"{path}/deliveries", headers=ann.headers).json["deliveries"]
    (attempt,) = entry["attempts"]
    assert attempt["status"] is None
    assert "refused" in attempt["error"]
    assert entry["next_at"] is not None


def test_the_log_is_read_page_by_page(world, ann, path, add_video):
    for _ in range(5):
        world.happen(add_video(ann), VideoEvent.PLAYABLE, VideoEvent.READY)
    seen: list[str] = []
    where, cursor = f"{path}/deliveries?page_size=4", ""
    while cursor is not None:
        page = world.client.get(f"{where}&cursor={cursor}", headers=ann.headers).json
        seen += [entry["id"] for entry in page["deliveries"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 10


def test_a_deleted_webhook_is_gone_with_its_log(world, ann, path, add_video, receiver):
    world.happen(add_video(ann), VideoEvent.READY)
    assert world.client.delete(path, headers=ann.headers).status_code == 200
    failed(world.client.get(path, headers=ann.headers), 404, "NOT_FOUND")
    world.deliver()
    assert receiver.got == []
    assert (
        world.services.webhooks.deliveries.collection.count_documents({"owner_id": ann.user.id})
        == 0
    )
