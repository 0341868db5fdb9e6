"""The second factor: set up, asked for, used once, enforced, and got by without."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pytest

from models.audit import Action
from models.errors import Conflict, Unauthorized
from models.user import Role
from services import container
from services.accounts.secrets_box import SecretsBox
from services.accounts.sessions import Device
from tests.conftest import Person
from tests.phones import Phone, set_up
from tests.wire import bearer, failed, fields_of, sign_in

PREFIXES = {"mobile": "/auth/mfa", "platform": "/api/auth/mfa"}
LOGINS = {"mobile": "/auth/login", "platform": "/api/auth/login"}
LOGIN = {"email": "ann@example.com", "password": "Passw0rd"}
RECOVERY = re.compile(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}")


@pytest.fixture(params=PREFIXES)
def family(request) -> str:
    return request.param


@pytest.fixture
def prefix(family) -> str:
    return PREFIXES[family]


@pytest.fixture
def own(family) -> Callable[..., set]:
    """The keys of an answer, which the platform API adds `success` to."""
    return lambda *keys: {*keys, "success"} if family == "platform" else set(keys)


@pytest.fixture
def enable(client, clock) -> Callable[[Person], tuple[Phone, list[str]]]:
    return lambda person: set_up(client, clock, person.headers)


@pytest.fixture
def ask(client, ann, prefix) -> Callable:
    """Send ann's request about her second factor, in either family."""

    def ask(path: str, **body: str):
        return client.post(f"{prefix}/{path}", json=body, headers=ann.headers)

    return ask


def login(client, otp: str | None = None, path: str = "/auth/login", **body: str):
    """Sign ann in; by another path, in another family."""
    return client.post(path, json=LOGIN | body | ({} if otp is None else {"otp": otp}))


def actions(services) -> list[Action]:
    return [entry.action for entry in services.audit.log.newest(limit=50)]


# Setting it up


def test_a_factor_is_offered_confirmed_and_told_of(client, ann, clock, prefix, own):
    assert client.get(prefix, headers=ann.headers).json == {
        "enabled": False, "required": False, "recovery_codes_left": 0,
    }  # fmt: skip
    offered = client.post(f"{prefix}/enrol", headers=ann.headers)
    assert offered.status_code == 200
    assert set(offered.json) == own("message", "secret", "otpauth_uri")
    uri = urlsplit(offered.json["otpauth_uri"])
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/CLUTCH:ann%40example.com")
    assert parse_qs(uri.query) == {"secret": [offered.json["secret"]], "issuer": ["CLUTCH"]}
    assert len(offered.json["secret"]) == 32  # 160 bits, as RFC 4226 wants
    code = Phone(offered.json["secret"], clock).code()
    confirmed = client.post(f"{prefix}/confirm", json={"code": code}, headers=ann.headers)
    assert confirmed.status_code == 200
    assert set(confirmed.json) == own("message", "recovery_codes")
    codes = confirmed.json["recovery_codes"]
    assert len(set(codes)) == 10
    assert all(map(RECOVERY.fullmatch, codes))
    assert client.get(prefix, headers=ann.headers).json == {
        "enabled": True, "required": False, "recovery_codes_left": 10,
    }  # fmt: skip


def test_a_factor_that_is_only_offered_asks_for_nothing(client, ann):
    client.post("/auth/mfa/enrol", headers=ann.headers)
    assert login(client).status_code == 200


def test_enrolling_again_replaces_what_was_offered(client, ann, clock, prefix):
    first = client.post(f"{prefix}/enrol", headers=ann.headers).json["secret"]
    second = client.post(f"{prefix}/enrol", headers=ann.headers).json["secret"]
    old, new = ({"code": Phone(secret, clock).code()} for secret in (first, second))
    body = failed(
        client.post(f"{prefix}/confirm", json=old, headers=ann.headers), 400, "VALIDATION_ERROR"
    )
    assert list(fields_of(body)) == ["code"]
    assert client.post(f"{prefix}/confirm", json=new, headers=ann.headers).status_code == 200


def test_a_factor_that_is_on_is_not_replaced_or_confirmed_again(client, ann, enable, prefix):
    phone, _ = enable(ann)
    failed(client.post(f"{prefix}/enrol", headers=ann.headers), 409, "CONFLICT")
    again = {"code": phone.fresh()}
    failed(client.post(f"{prefix}/confirm", json=again, headers=ann.headers), 409, "CONFLICT")
    assert login(client, phone.code()).status_code == 200


def test_what_is_not_set_up_cannot_be_confirmed_turned_off_or_renewed(client, ann, prefix):
    for path in ("confirm", "disable", "recovery-codes"):
        body = {"code": "123456"} | ({"password": "Passw0rd"} if path == "disable" else {})
        failed(client.post(f"{prefix}/{path}", json=body, headers=ann.headers), 409, "CONFLICT")


def test_an_offer_that_was_replaced_meanwhile_is_not_confirmed(services, ann, clock):
    """The race that one caller alone cannot lose: the factor read first, replaced, then updated."""
    factors, users = services.second_factors, services.accounts.users
    actor = services.sessions.authenticate(ann.token).actor
    factors.enrol(actor)
    offered = users.get(ann.user.id).second_factor
    factors.enrol(actor)
    late = users.confirm_factor(ann.user.id, offered, step=1, now=clock(), hashes=[])
    assert late is False
    assert users.get(ann.user.id).second_factor.confirmed_at is None


def test_who_sets_up_anew_while_they_confirm_is_told_so(services, ann, clock):
    factors = services.second_factors
    actor = services.sessions.authenticate(ann.token).actor

    def meanwhile():
        factors.enrol(actor)
        return clock()

    phone = Phone(factors.enrol(actor).secret, clock)
    with pytest.raises(Conflict):
        replace(factors, now=meanwhile).confirm(actor, code=phone.code(), address="")
    assert not factors.status(actor).enabled


@pytest.mark.parametrize(
    "body", [{}, {"code": ""}, {"code": "1" * 41}, {"code": 123456}, {"code": None}]
)
def test_a_body_of_another_shape_is_refused(client, ann, prefix, body):
    for path in ("confirm", "disable", "recovery-codes"):
        answer = client.post(f"{prefix}/{path}", json=body, headers=ann.headers)
        assert "code" in fields_of(failed(answer, 400, "VALIDATION_ERROR"))


def test_turning_it_on_or_off_ends_the_other_sessions(client, ann, enable):
    other = bearer(sign_in(client, "ann")["tokens"]["access_token"])
    phone, _ = enable(ann)
    failed(client.get("/auth/me", headers=other), 401, "UNAUTHORIZED")
    other = bearer(login(client, phone.fresh()).json["token"])
    assert client.get("/auth/me", headers=other).status_code == 200
    body = {"password": "Passw0rd", "code": phone.fresh()}
    assert client.post("/auth/mfa/disable", json=body, headers=ann.headers).status_code == 200
    failed(client.get("/auth/me", headers=other), 401, "UNAUTHORIZED")
    assert client.get("/auth/me", headers=ann.headers).status_code == 200


# Signing in


def test_signing_in_asks_for_a_code_and_takes_it_once(client, ann, enable, family):
    phone, _ = enable(ann)
    path = LOGINS[family]
    body = failed(login(client, path=path), 401, "MFA_REQUIRED")
    assert list(fields_of(body)) == ["otp"]
    code = phone.fresh()
    assert login(client, code, path).status_code == 200
    failed(login(client, code, path), 401, "UNAUTHORIZED")


def test_the_code_that_turned_it_on_signs_nobody_in(client, ann, enable):
    phone, _ = enable(ann)
    failed(login(client, phone.code()), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
def test_a_clock_may_be_half_a_minute_off(client, ann, enable, clock, steps, status):
    phone, _ = enable(ann)
    clock.forward(minutes=5)
    assert login(client, phone.code(steps)).status_code == status


def test_no_code_works_after_a_later_one(client, ann, enable, clock):
    phone, _ = enable(ann)
    clock.forward(minutes=5)
    earlier = phone.code(-1)
    assert login(client, phone.code()).status_code == 200
    failed(login(client, earlier), 401, "UNAUTHORIZED")


def test_a_code_may_be_typed_in_groups(client, ann, enable):
    phone, recovery = enable(ann)
    code = phone.fresh()
    assert login(client, f" {code[:3]} {code[3:]} ").status_code == 200
    assert login(client, recovery[0].upper().replace("-", " ")).status_code == 200


@pytest.mark.parametrize(
    "otp", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\x00" * 6, "$ne", "-", "é" * 6]
)
def test_what_is_no_code_is_none(client, ann, enable, otp):
    enable(ann)
    failed(login(client, otp), 401, "UNAUTHORIZED" if otp else "MFA_REQUIRED")


def test_twenty_who_show_one_code_at_once_are_one_who_signs_in(app, ann, enable):
    phone, _ = enable(ann)
    assert at_once(app, phone.fresh()) == [200] + [401] * 19


def test_twenty_who_show_one_recovery_code_at_once_are_one_who_signs_in(app, ann, enable):
    _, recovery = enable(ann)
    assert at_once(app, recovery[0]) == [200] + [401] * 19


def at_once(app, otp: str) -> list[int]:
    """The statuses of twenty logins, from as many addresses: a lock must not be what refuses."""
    barrier = Barrier(20)

    def attempt(number: int) -> int:
        barrier.wait()
        remote = {"REMOTE_ADDR": f"10.0.0.{number}"}
        body = LOGIN | {"otp": otp}
        return app.test_client().post("/auth/login", json=body, environ_base=remote).status_code

    with ThreadPoolExecutor(20) as pool:
        return sorted(pool.map(attempt, range(20)))


def test_before_the_password_is_right_nothing_is_told_and_no_code_is_spent(client, ann, enable):
    phone, recovery = enable(ann)
    code = phone.fresh()
    for otp in (None, code, "000000", recovery[0]):
        body = failed(login(client, otp, password="Wrong000"), 401, "UNAUTHORIZED")
        assert body["message"] == "Invalid email or password"
    assert login(client, code).status_code == 200
    assert login(client, recovery[0]).status_code == 200


def test_who_has_no_factor_may_send_a_code_all_the_same(client, ann):
    assert login(client, "123456").status_code == 200


# Guessing


def test_wrong_codes_lock_as_wrong_passwords_do_and_a_right_password_forgives_none(
    client, ann, enable, services
):
    phone, _ = enable(ann)
    for _ in range(5):
        failed(login(client), 401, "MFA_REQUIRED")  # the password alone is right each time
        failed(login(client, phone.wrong()), 401, "UNAUTHORIZED")
    for otp in (None, phone.fresh()):
        answer = login(client, otp)
        failed(answer, 429, "RATE_LIMITED")
        assert int(answer.headers["Retry-After"]) <= 30
    assert Action.LOCKED_OUT in actions(services)


def test_a_right_code_forgives_what_was_wrong_before(client, ann, enable):
    phone, _ = enable(ann)
    for _ in range(3):
        for _ in range(4):
            failed(login(client, phone.wrong()), 401, "UNAUTHORIZED")
        assert login(client, phone.fresh()).status_code == 200


@pytest.mark.parametrize("path", ["confirm", "disable", "recovery-codes"])
def test_codes_cannot_be_guessed_by_who_is_signed_in(client, ann, enable, ask, prefix, path, clock):
    if path == "confirm":
        secret = client.post(f"{prefix}/enrol", headers=ann.headers).json["secret"]
        phone = Phone(secret, clock)
    else:
        phone, _ = enable(ann)
    extra = {"password": "Passw0rd"} if path == "disable" else {}
    for _ in range(5):
        failed(ask(path, code=phone.wrong(), **extra), 400, "VALIDATION_ERROR")
    failed(ask(path, code=phone.fresh(), **extra), 429, "RATE_LIMITED")
    failed(login(client, password="Wrong000"), 429, "RATE_LIMITED")


def test_a_password_cannot_be_guessed_where_the_factor_is_turned_off(ann, enable, ask):
    phone, _ = enable(ann)
    code = phone.fresh()
    for password in ("", "Wrong000", "Wrong001", "Wrong002", "Wrong003"):
        body = failed(ask("disable", password=password, code=code), 400, "VALIDATION_ERROR")
        assert list(fields_of(body)) == ["password"]
    failed(ask("disable", password="Passw0rd", code=code), 429, "RATE_LIMITED")


# Recovery codes


def test_a_recovery_code_works_once(client, ann, enable, services, family):
    _, recovery = enable(ann)
    assert login(client, recovery[3], LOGINS[family]).status_code == 200
    failed(login(client, recovery[3], LOGINS[family]), 401, "UNAUTHORIZED")
    assert login(client, recovery[4]).status_code == 200
    told = client.get(PREFIXES[family], headers=ann.headers).json
    assert told["recovery_codes_left"] == 8
    assert actions(services).count(Action.RECOVERY_CODE_USED) == 2


def test_new_recovery_codes_replace_the_old(client, ann, enable, ask, own):
    phone, old = enable(ann)
    failed(ask("recovery-codes", code=phone.wrong()), 400, "VALIDATION_ERROR")
    answer = ask("recovery-codes", code=phone.fresh())
    assert answer.status_code == 200
    assert set(answer.json) == own("message", "recovery_codes")
    new = answer.json["recovery_codes"]
    assert len({*old, *new}) == 20
    failed(login(client, old[0]), 401, "UNAUTHORIZED")
    assert login(client, new[0]).status_code == 200


def test_codes_of_a_factor_that_is_gone_meanwhile_are_not_renewed(services, ann, enable, clock):
    _, recovery = enable(ann)
    factors, users = services.second_factors, services.accounts.users
    actor = services.sessions.authenticate(ann.token).actor

    def meanwhile():
        users.drop_factor(ann.user.id)
        return clock()

    audit = replace(services.audit, now=meanwhile)
    with pytest.raises(Conflict):
        replace(factors, audit=audit).renew_recovery_codes(actor, code=recovery[0], address="")
    assert users.get(ann.user.id).second_factor is None


def test_a_sign_in_that_began_before_the_factor_was_on_opens_no_session(services, ann, enable):
    before = services.accounts.users.get(ann.user.id)
    enable(ann)
    lifetime = services.sessions.refresh_lifetime
    with pytest.raises(Unauthorized):
        services.sessions.open(before, device=Device(), lifetime=lifetime)
    assert len(services.sessions.list(services.sessions.authenticate(ann.token).actor)) == 1


# Turning it off


def test_it_is_turned_off_with_password_and_code(client, ann, enable, prefix, own, services):
    phone, recovery = enable(ann)
    answer = client.post(
        f"{prefix}/disable",
        json={"password": "Passw0rd", "code": phone.fresh()},
        headers=ann.headers,
    )
    assert answer.status_code == 200
    assert set(answer.json) == own("message")
    assert client.get(prefix, headers=ann.headers).json["enabled"] is False
    assert login(client).status_code == 200
    assert {Action.MFA_ENABLED, Action.MFA_DISABLED} <= set(actions(services))
    # Set up anew it is another one.
    renewed, _ = enable(ann)
    failed(login(client, phone.fresh()), 401, "UNAUTHORIZED")
    failed(login(client, recovery[0]), 401, "UNAUTHORIZED")
    assert login(client, renewed.code()).status_code == 200


def test_a_recovery_code_turns_it_off_as_well(client, ann, enable, prefix):
    _, recovery = enable(ann)
    body = {"password": "Passw0rd", "code": recovery[0]}
    assert client.post(f"{prefix}/disable", json=body, headers=ann.headers).status_code == 200


def test_a_wrong_code_turns_nothing_off(client, ann, enable, prefix):
    phone, _ = enable(ann)
    body = {"password": "Passw0rd", "code": phone.wrong()}
    answer = client.post(f"{prefix}/disable", json=body, headers=ann.headers)
    assert list(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == ["code"]
    failed(login(client), 401, "MFA_REQUIRED")


def test_who_has_no_password_turns_it_off_with_a_code(client, ann, enable, services):
    phone, _ = enable(ann)
    users = services.accounts.users.collection
    users.update_one({"id": ann.user.id}, {"$set": {"password_hash": ""}})
    body = {"code": phone.fresh()}
    assert client.post("/auth/mfa/disable", json=body, headers=ann.headers).status_code == 200


# An admin's way out


def test_an_admin_resets_a_lost_factor_and_all_sessions_end(client, ann, join, enable, services):
    enable(ann)
    admin = join("boss", role=Role.ADMIN)
    for reference in (ann.user.id, ann.user.oid):  # twice changes nothing
        answer = client.delete(f"/api/users/{reference}/mfa", headers=admin.headers)
        assert answer.status_code == 200
        assert answer.json == {"success": True, "message": "Second factor removed"}
    failed(client.get("/auth/me", headers=ann.headers), 401, "UNAUTHORIZED")
    assert login(client).status_code == 200
    (entry,) = services.audit.log.newest(action=Action.MFA_DISABLED, limit=5)
    assert (entry.user_id, entry.actor_id) == (ann.user.id, admin.user.id)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CREATOR, Role.STAFF])
def test_nobody_else_resets_a_factor(client, ann, join, enable, role):
    enable(ann)
    other = join("other", role=role)
    for reference in (ann.user.id, "unknown"):
        answer = client.delete(f"/api/users/{reference}/mfa", headers=other.headers)
        failed(answer, 403, "FORBIDDEN")
    failed(login(client), 401, "MFA_REQUIRED")


def test_an_admin_resets_nobody_unknown_and_not_their_own(client, join, enable):
    admin = join("boss", role=Role.ADMIN)
    enable(admin)
    for reference in ("unknown", "0190a5d0-0000-7000-8000-000000000000"):
        answer = client.delete(f"/api/users/{reference}/mfa", headers=admin.headers)
        failed(answer, 404, "NOT_FOUND")
    answer = client.delete(f"/api/users/{admin.user.id}/mfa", headers=admin.headers)
    failed(answer, 403, "FORBIDDEN")


# What is kept


def test_nothing_that_makes_a_code_is_kept_in_the_clear_or_told_again(
    client, ann, enable, services
):
    phone, recovery = enable(ann)
    login(client, recovery[0])
    database = services.accounts.users.collection.database
    secrets = [phone.totp.secret, *recovery, *(code.replace("-", "") for code in recovery)]
    for name in database.list_collection_names():
        kept = json.dumps(list(database[name].find()), default=str)
        assert not [secret for secret in secrets if secret in kept], name
    for path in ("/auth/me", "/api/auth/me", "/auth/mfa", "/api/auth/mfa", "/auth/sessions"):
        told = client.get(path, headers=ann.headers).text
        assert not [secret for secret in secrets if secret in told], path
    factor = database.users.find_one({"id": ann.user.id})["second_factor"]
    assert SecretsBox(services.settings.jwt_secret_key, "second factor").open(factor["secret"])
    assert (
        SecretsBox(services.settings.jwt_secret_key, "another use").open(factor["secret"]) is None
    )


def test_after_a_change_of_the_secret_key_recovery_codes_still_work(services, clock, ann, enable):
    phone, recovery = enable(ann)
    rekeyed = container.build(replace(services.settings, jwt_secret_key="k" * 40), now=clock)
    user = rekeyed.accounts.users.get(ann.user.id)
    assert user
    with pytest.raises(Exception, match="not valid"):
        rekeyed.second_factors.demand(user, phone.fresh(), "")
    rekeyed.second_factors.demand(user, recovery[0], "")


def test_the_factor_of_a_deleted_person_is_nobodys(services, ann):
    actor = services.sessions.authenticate(ann.token).actor
    services.accounts.users.collection.delete_one({"id": ann.user.id})
    with pytest.raises(Exception, match="User not found"):
        services.second_factors.status(actor)


def test_a_wrong_code_of_a_session_without_address_is_counted_as_any_other(services, ann, enable):
    phone, _ = enable(ann)
    for _ in range(5):
        with pytest.raises(Exception, match="not valid"):
            services.accounts.sign_in(
                login="ann", password="Passw0rd", otp=phone.wrong(), device=Device(),
                lifetime=services.sessions.refresh_lifetime,
            )  # fmt: skip
    with pytest.raises(Exception, match="Too many"):
        services.accounts.sign_in(
            login="ann", password="Passw0rd", otp=phone.fresh(), device=Device(),
            lifetime=services.sessions.refresh_lifetime,
        )  # fmt: skip
