"""MFA_REQUIRED_ROLES: such a role reaches nothing but how to set a second factor up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from blueprints.realtime.conversation import whose
from config import SettingError, Settings
from models.errors import SecondFactorMissing
from models.user import Role
from services.accounts.standing import actor_of
from services.policies import Actor
from tests.conftest import Person
from tests.phones import Phone, set_up
from tests.wire import bearer, failed

OPEN = {
    ("GET", "/auth/me"), ("GET", "/api/auth/me"),
    ("GET", "/auth/mfa"), ("GET", "/api/auth/mfa"),
    ("POST", "/auth/mfa/enrol"), ("POST", "/api/auth/mfa/enrol"),
    ("POST", "/auth/mfa/confirm"), ("POST", "/api/auth/mfa/confirm"),
    ("POST", "/auth/mfa/disable"), ("POST", "/api/auth/mfa/disable"),
    ("POST", "/auth/mfa/recovery-codes"), ("POST", "/api/auth/mfa/recovery-codes"),
    ("POST", "/auth/logout"), ("POST", "/api/auth/logout"),
}  # fmt: skip


@pytest.fixture
def enable(client, clock) -> Callable[[Person], tuple[Phone, list[str]]]:
    return lambda person: set_up(client, clock, person.headers)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, mfa_required_roles=("staff", "admin"))


@pytest.mark.parametrize("role", Role)
def test_every_route_is_closed_to_who_must_enrol_but_a_few(app, client, join, role):
    person = join("boss", role=role)
    must = role in {Role.STAFF, Role.ADMIN}
    reached = set()
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if getattr(view, "access", "required") == "public" or rule.rule.endswith("/logout"):
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            path = re.sub(r"<[^>]+>", "x", rule.rule)
            answer = client.open(path, method=method, headers=person.headers)
            if "MFA_ENROLMENT_REQUIRED" in answer.text:
                failed(answer, 403, "MFA_ENROLMENT_REQUIRED")
            else:
                reached.add((method, rule.rule))
    closed = {("GET", "/dashboard"), ("GET", "/api/videos"), ("POST", "/api/videos")}
    left = {(method, path) for method, path in OPEN if not path.endswith("/logout")}
    assert (reached == left) if must else (closed | left <= reached)


def test_enrolling_opens_the_session_at_once(client, join, enable):
    person = join("boss", role=Role.ADMIN)
    failed(client.get("/dashboard", headers=person.headers), 403, "MFA_ENROLMENT_REQUIRED")
    told = client.get("/auth/mfa", headers=person.headers).json
    assert told == {"enabled": False, "required": True, "recovery_codes_left": 0}
    phone, _ = enable(person)
    assert client.get("/dashboard", headers=person.headers).status_code == 200
    body = {"email": "boss@example.com", "password": "Passw0rd", "otp": phone.fresh()}
    token = client.post("/auth/login", json=body).json["token"]
    assert client.get("/dashboard", headers=bearer(token)).status_code == 200


def test_turning_it_off_closes_the_session_at_once(client, join, enable):
    person = join("boss", role=Role.STAFF)
    phone, _ = enable(person)
    body = {"password": "Passw0rd", "code": phone.fresh()}
    client.post("/auth/mfa/disable", json=body, headers=person.headers)
    failed(client.get("/dashboard", headers=person.headers), 403, "MFA_ENROLMENT_REQUIRED")


def test_a_change_of_role_is_felt_by_live_sessions(client, ann, services):
    users = services.accounts.users.collection
    for role, status in ((Role.ADMIN, 403), (Role.VIEWER, 200), (Role.STAFF, 403)):
        users.update_one({"id": ann.user.id}, {"$set": {"role": role}})
        services.sessions.role_changed(ann.user.id, role)
        answer = client.get("/dashboard", headers=ann.headers)
        assert answer.status_code == status


@pytest.mark.parametrize("enrolled", [False, True])
def test_what_redis_forgot_is_looked_up(client, join, enable, services, enrolled):
    person = join("boss", role=Role.ADMIN)
    if enrolled:
        enable(person)
    services.queue.rq.connection.flushdb()
    for _ in range(2):
        answer = client.get("/dashboard", headers=person.headers)
        assert answer.status_code == (200 if enrolled else 403)
    answer = client.get("/api/auth/me", headers=person.headers)
    assert answer.status_code == 200


def test_refreshing_does_not_get_around_it(client, join):
    person = join("boss", role=Role.ADMIN)
    body = {"refresh_token": person.refresh_token}
    token = client.post("/api/auth/refresh", json=body).json["access_token"]
    failed(client.get("/dashboard", headers=bearer(token)), 403, "MFA_ENROLMENT_REQUIRED")


def test_who_must_enrol_can_still_leave(client, join):
    for path in ("/auth/logout", "/api/auth/logout"):
        person = join(role=Role.ADMIN)
        assert client.post(path, headers=person.headers).status_code == 200
        failed(client.get("/auth/me", headers=person.headers), 401, "UNAUTHORIZED")


def test_public_routes_are_open_whoever_asks(client, join):
    person = join("boss", role=Role.ADMIN)
    assert client.get("/healthz", headers=person.headers).status_code == 200


def test_a_reset_admin_has_to_enrol_again(client, join, enable):
    boss, other = join("boss", role=Role.ADMIN), join("other", role=Role.ADMIN)
    enable(boss)
    enable(other)
    client.delete(f"/api/users/{other.user.id}/mfa", headers=boss.headers)
    body = {"email": "other@example.com", "password": "Passw0rd"}
    token = client.post("/auth/login", json=body).json["token"]
    failed(client.get("/dashboard", headers=bearer(token)), 403, "MFA_ENROLMENT_REQUIRED")


def test_a_role_that_does_not_exist_cannot_be_required():
    with pytest.raises(SettingError, match="MFA_REQUIRED_ROLES"):
        Settings.from_env({"MFA_REQUIRED_ROLES": "admin,king"})


def test_a_socket_is_closed_to_who_must_enrol(join, enable, services):
    person = join("boss", role=Role.ADMIN)
    with pytest.raises(SecondFactorMissing):
        whose(services, person.token)
    enable(person)
    assert whose(services, person.token).id == person.user.id


@pytest.mark.parametrize("role", Role)
def test_what_the_register_says_is_read_as_it_was_meant(role):
    for said, due in ((role.value, False), (f"{role}!", True)):
        actor = actor_of(said, user_id="u", session_id="s")
        assert actor == Actor(id="u", session_id="s", role=role, must_enrol=due)
