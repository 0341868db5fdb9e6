"""Sessions and devices: 002's tracking, rotation, and what ends with what."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from models.audit import Action
from models.errors import Unauthorized
from models.user import Role
from services import container
from services.accounts.sessions import Device
from tests.counted_redis import counted
from tests.wire import NOBODY, OID, UUID, failed

HOUR = dt.timedelta(hours=1)
# Where each family lists devices, and the keys it shows.
LISTS = ("/auth/sessions", "/api/auth/sessions")
KEYS = {"id", "device", "user_agent", "address", "created_at", "last_seen_at", "current"}
REFRESH = ("/auth/refresh-token", "/api/auth/refresh")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def sign_in(services):
    """Sign ann in once more, on a device of that name."""

    def open_session(device: str = "", address: str = "") -> Any:
        return services.accounts.sign_in(
            login="ann",
            password="Passw0rd",
            device=Device(name=device, address=address),
            lifetime=HOUR,
        )

    return open_session


def devices(client: FlaskClient, headers: dict[str, str]) -> list[dict[str, Any]]:
    answer = client.get("/auth/sessions", headers=headers)
    assert answer.status_code == 200
    return answer.get_json()["sessions"]


# Seeing


@pytest.mark.parametrize("path", LISTS)
def test_a_person_sees_their_devices_and_which_one_they_are_on(client, ann, bob, sign_in, path):
    sign_in("tv", "203.0.113.7")
    body = client.get(path, headers=ann.headers).get_json()
    assert set(body) == {"sessions"}
    assert [set(session) for session in body["sessions"]] == [KEYS, KEYS]
    newest, oldest = body["sessions"]
    assert (newest["device"], newest["address"]) == ("tv", "203.0.113.7")
    assert [newest["current"], oldest["current"]] == [False, True]
    kind = OID if path.startswith("/auth") else UUID
    assert kind.fullmatch(newest["id"])


def test_a_login_says_where_it_came_from(client, ann):
    login = {"email": "ann@example.com", "password": "Passw0rd", "device": "Ann's phone"}
    agent = {"User-Agent": "ReactNative/1"}
    token = client.post("/auth/login", json=login, headers=agent).get_json()["token"]
    (here, _) = devices(client, bearer(token))
    assert (here["device"], here["user_agent"]) == ("Ann's phone", "ReactNative/1")
    assert here["address"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/auth/login", {"login": "ann", "password": "Passw0rd"}),
        (
            "/api/auth/register",
            {"username": "kim", "email": "kim@example.com", "password": "Passw0rd"},
        ),
    ],
)
def test_a_device_may_be_named_to_the_platform_as_well(client, ann, path, body):
    tokens = client.post(path, json=body | {"device": "tv"}).get_json()["tokens"]
    assert devices(client, bearer(tokens["access_token"]))[0]["device"] == "tv"


def test_when_a_device_was_last_seen_is_noted_now_and_then(client, ann, services, clock):
    (before,) = devices(client, ann.headers)
    clock.forward(minutes=6)
    services.queue.rq.connection.flushdb()  # as it forgets by itself after five minutes
    (after,) = devices(client, ann.headers)
    assert after["created_at"] == before["created_at"]
    assert after["last_seen_at"] > before["last_seen_at"]


# Ending


@pytest.mark.parametrize("path", LISTS)
def test_a_device_can_be_signed_out_from_another(client, ann, sign_in, path):
    other = sign_in("tv")
    listed = client.get(path, headers=ann.headers).get_json()["sessions"]
    tv = next(session for session in listed if session["device"] == "tv")
    answer = client.delete(f"{path}/{tv['id']}", headers=ann.headers)
    assert answer.status_code == 200
    assert set(answer.get_json()) <= {"success", "message"}
    failed(client.get("/auth/me", headers=bearer(other.access_token)), 401, "UNAUTHORIZED")
    for refresh in REFRESH:
        spent = client.post(refresh, json={"refresh_token": other.refresh_token})
        failed(spent, 401, "UNAUTHORIZED")
    assert client.get("/auth/me", headers=ann.headers).status_code == 200
    failed(client.delete(f"{path}/{tv['id']}", headers=ann.headers), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("whose", ["another's", "nobody's", "nonsense"])
def test_what_is_not_ones_own_session_is_not_there(client, ann, bob, services, path, whose):
    (bobs,) = services.sessions.sessions.collection.find({"user_id": bob.user.id})
    reference = {"another's": bobs["id"], "nobody's": NOBODY, "nonsense": "x"}[whose]
    failed(client.delete(f"{path}/{reference}", headers=ann.headers), 404, "NOT_FOUND")
    assert client.get("/auth/me", headers=bob.headers).status_code == 200


@pytest.mark.parametrize("path", LISTS)
def test_all_other_devices_can_be_signed_out_at_once(client, ann, sign_in, path):
    others = [sign_in(name) for name in ("tv", "phone", "tablet")]
    answer = client.delete(path, headers=ann.headers).get_json()
    assert answer["ended"] == 3
    assert set(answer) - {"success"} == {"message", "ended"}
    for other in others:
        failed(client.get("/auth/me", headers=bearer(other.access_token)), 401, "UNAUTHORIZED")
    assert len(devices(client, ann.headers)) == 1
    assert client.delete(path, headers=ann.headers).get_json()["ended"] == 0


def test_signing_out_of_the_platform_ends_the_session(client, ann):
    answer = client.post("/api/auth/logout", headers=ann.headers)
    assert answer.get_json() == {"success": True, "message": "Logout successful"}
    failed(client.get("/api/auth/me", headers=ann.headers), 401, "UNAUTHORIZED")
    failed(client.post("/api/auth/logout", headers=ann.headers), 401, "UNAUTHORIZED")


def test_an_ended_session_is_over_for_every_other_process_at_once(client, ann, settings):
    """Two applications over the same servers stand for two hosts; nothing is kept in either."""
    elsewhere = create_app(container.build(settings)).test_client()
    assert elsewhere.get("/auth/me", headers=ann.headers).status_code == 200
    client.post("/auth/logout", headers=ann.headers)
    failed(elsewhere.get("/auth/me", headers=ann.headers), 401, "UNAUTHORIZED")


# Rotation


@pytest.mark.parametrize("path", REFRESH)
def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(client, ann, services, path):
    first = client.post(path, json={"refresh_token": ann.refresh_token})
    assert first.status_code == 200
    fresh = first.get_json()
    access = fresh.get("token") or fresh["access_token"]
    assert client.get("/auth/me", headers=bearer(access)).status_code == 200
    failed(client.post(path, json={"refresh_token": ann.refresh_token}), 401, "UNAUTHORIZED")
    # Whoever holds the fresh ones may be the thief.
    failed(client.get("/auth/me", headers=bearer(access)), 401, "UNAUTHORIZED")
    again = client.post(path, json={"refresh_token": fresh["refresh_token"]})
    failed(again, 401, "UNAUTHORIZED")
    reused = services.audit.log.newest(action=Action.REFRESH_TOKEN_REUSED, limit=10)
    assert [entry.user_id for entry in reused] == [ann.user.id]


def test_002s_refresh_answers_as_a_login_spells_it(client, ann):
    answer = client.post("/auth/refresh-token", json={"refresh_token": ann.refresh_token})
    body = answer.get_json()
    assert set(body) == {"token", "refresh_token", "expires_in"}
    assert body["expires_in"] == 24 * 3600


@pytest.mark.parametrize("body", [{}, {"refresh_token": ""}, {"refresh_token": {"$gt": ""}}, []])
def test_a_refresh_without_a_token_is_a_mistake(client, body):
    failed(client.post("/auth/refresh-token", json=body), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("path", REFRESH)
def test_an_access_token_refreshes_nothing(client, ann, path):
    failed(client.post(path, json={"refresh_token": ann.token}), 401, "UNAUTHORIZED")


def test_of_twenty_who_refresh_at_once_one_wins(app, ann):
    def refresh(_: int) -> int:
        body = {"refresh_token": ann.refresh_token}
        return app.test_client().post("/api/auth/refresh", json=body).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(refresh, range(20)))
    assert sorted(statuses) == [200] + [401] * 19


# Roles and accounts that change under a session


@pytest.mark.parametrize("role", [Role.ADMIN, Role.STAFF])
def test_a_new_role_counts_from_the_next_request_on(client, ann, services, add_video, bob, role):
    hidden = add_video(bob, visibility="private")
    path = f"/api/videos/{hidden.id}"
    failed(client.get(path, headers=ann.headers), 404, "NOT_FOUND")
    users = services.accounts.users.collection
    users.update_one({"id": ann.user.id}, {"$set": {"role": role}})
    services.sessions.role_changed(ann.user.id, role)
    assert client.get(path, headers=ann.headers).status_code == 200
    users.update_one({"id": ann.user.id}, {"$set": {"role": Role.VIEWER}})
    services.sessions.role_changed(ann.user.id, Role.VIEWER)
    failed(client.get(path, headers=ann.headers), 404, "NOT_FOUND")


def test_a_change_of_role_brings_no_ended_session_back(client, ann, services):
    client.post("/auth/logout", headers=ann.headers)
    services.sessions.live.change_role(
        [s["id"] for s in services.sessions.sessions.collection.find({"user_id": ann.user.id})],
        Role.ADMIN,
    )
    failed(client.get("/auth/me", headers=ann.headers), 401, "UNAUTHORIZED")


def test_who_is_deactivated_while_they_sign_in_gets_no_session(services, ann):
    """The password was right a moment before the account was closed."""
    services.accounts.users.collection.update_one(
        {"id": ann.user.id}, {"$set": {"is_active": False}}
    )
    with pytest.raises(Unauthorized):
        services.sessions.open(ann.user, device=Device(), lifetime=HOUR)
    sessions = services.sessions.sessions.collection
    newest = sessions.find({"user_id": ann.user.id}).sort("created_at", -1)
    assert newest[0]["revoked_at"] is not None


def test_a_session_that_a_client_names_is_not_taken_over(client, ann, sign_in):
    """Session fixation: the id is always made here, whatever came with the request."""
    before = {session["id"] for session in devices(client, ann.headers)}
    login = {"email": "ann@example.com", "password": "Passw0rd", "sid": "mine", "session_id": "me"}
    answer = client.post("/auth/login", json=login, headers=ann.headers).get_json()
    after = {session["id"] for session in devices(client, bearer(answer["token"]))}
    assert len(after - before) == 1
    assert not {"mine", "me"} & after


def test_a_whole_request_costs_one_round_trip_to_redis(settings, clock, ann):
    """It looks the session up and counts the request in one."""
    with counted(settings.redis_url) as redis:
        services = container.build(replace(settings, redis_url=redis.url), now=clock)
        client = create_app(services).test_client()
        assert client.get("/auth/sessions", headers=ann.headers).status_code == 200
        before = redis.round_trips
        for _ in range(10):
            client.get("/auth/sessions", headers=ann.headers)
        assert redis.round_trips - before == 10
