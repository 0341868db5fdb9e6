"""Forged, stale and odd tokens of a Supabase project, its keys, and what looking at them costs."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from flask import Flask
from flask.testing import FlaskClient
from pymongo import monitoring

from app import create_app
from blueprints import realtime
from blueprints.realtime.conversation import whose
from blueprints.realtime.hub import Hub
from config import SettingError, Settings
from models.errors import Unauthorized, Unavailable
from services import container
from services.adapters.public_keys import PublicKeys
from services.adapters.register import Visits
from services.container import Services
from tests import issuer
from tests.conftest import SECRET, Clock
from tests.counted_redis import counted
from tests.issuer import JWKS_PATH, SHARED_SECRET, Key, Project, ec_key, rsa_key
from tests.serving.test_queries import Recorder
from tests.serving.test_security import encoded
from tests.wire import bearer, failed

FAMILIES = ("/auth/me", "/api/auth/me", "/users/me", "/videos/feed")
REFUSED = "Token is invalid or expired"


@pytest.fixture
def running(clock: Clock) -> Iterator[tuple[Project, Callable[[], None]]]:
    with issuer.running(clock) as running:
        yield running


@pytest.fixture
def project(running) -> Project:
    return running[0]


@pytest.fixture
def stop(running) -> Callable[[], None]:
    """Take the project's server away."""
    return running[1]


@pytest.fixture
def settings(settings: Settings, project: Project) -> Settings:
    return replace(settings, supabase_url=project.url)


@pytest.fixture
def status(client: FlaskClient) -> Callable[[str], int]:
    """What a token is answered."""
    return lambda token: client.get("/users/me", headers=bearer(token)).status_code


# Forgeries


def assembled(header: dict[str, Any], claims: Any, secret: bytes | None = None) -> str:
    """A token put together by hand: PyJWT would not write most of these."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    mac = hmac.digest(secret, signed.encode(), "sha256") if secret is not None else b""
    return f"{signed}.{encoded(mac)}"


def public(key: Key) -> bytes:
    """What anybody may read, as attackers use it for a secret."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.private.public_key().public_bytes(serialization.Encoding.PEM, form)


def hs256(kid: Any = "rsa-1", **more: Any) -> dict[str, Any]:
    return {"alg": "HS256", "typ": "JWT", "kid": kid, **more}


def signed_as(project: Project, algorithm: str, kid: str = "rsa-1") -> str:
    key = project.keys[0].private
    return jwt.encode(project.claims(), key, algorithm=algorithm, headers={"kid": kid})


def tampered(project: Project) -> str:
    head, _, signature = project.token().split(".")
    return (
        f"{head}.{encoded(project.claims(sub='00000000-0000-4000-8000-000000000000'))}.{signature}"
    )


FORGERIES: dict[str, Callable[[Project], str]] = {
    "tampered": tampered,
    "no signature": lambda p: p.token().rpartition(".")[0] + ".",
    "alg none": lambda p: assembled({"alg": "none", "kid": "rsa-1"}, p.claims()),
    "alg None": lambda p: assembled({"alg": "None", "kid": "rsa-1"}, p.claims()),
    "alg missing": lambda p: assembled({"kid": "rsa-1"}, p.claims()),
    "alg a list": lambda p: assembled({"alg": ["RS256"], "kid": "rsa-1"}, p.claims()),
    "RSA key as HS256 secret": lambda p: assembled(hs256(), p.claims(), public(p.keys[0])),
    "EC key as HS256 secret": lambda p: assembled(hs256("ec-1"), p.claims(), public(p.keys[1])),
    "JWK as HS256 secret": lambda p: assembled(
        hs256(), p.claims(), json.dumps(p.keys[0].public).encode()
    ),
    "modulus as HS256 secret": lambda p: assembled(
        hs256(), p.claims(), p.keys[0].public["n"].encode()
    ),
    "empty HS256 secret": lambda p: assembled(hs256(), p.claims(), b""),
    "our own secret": lambda p: assembled(hs256(), p.claims(), SECRET.encode()),
    "our own secret, no kid": lambda p: assembled(
        {"alg": "HS256", "typ": "JWT"}, p.claims(), SECRET.encode()
    ),
    "RS512 with the RSA key": lambda p: signed_as(p, "RS512"),
    "PS256 with the RSA key": lambda p: signed_as(p, "PS256"),
    "RS256 that names the EC key": lambda p: signed_as(p, "RS256", "ec-1"),
    "ES256 that names the RSA key": lambda p: p.sign(p.claims(), p.keys[1], kid="rsa-1"),
    "a key of their own": lambda p: p.sign(p.claims(), ec_key()),
    "a key of their own in the header": lambda p: p.sign(
        p.claims(), theirs := ec_key("theirs"), jwk=theirs.public
    ),
    "a JWKS of their own": lambda p: p.sign(
        p.claims(), ec_key("theirs"), jku="http://127.0.0.1:9/jwks", x5u="http://127.0.0.1:9/x"
    ),
    "kid is a file": lambda p: assembled(hs256("../../../../dev/null"), p.claims(), b""),
    "kid is an address": lambda p: assembled(hs256("http://127.0.0.1:9/x"), p.claims(), b""),
    "kid is a query": lambda p: assembled(hs256("' UNION SELECT 'x"), p.claims(), b"x"),
    "kid is a list": lambda p: assembled(hs256(["rsa-1"]), p.claims(), b"x"),
    "kid is an object": lambda p: assembled(hs256({"$gt": ""}), p.claims(), b"x"),
    "kid is null": lambda p: assembled(hs256(None), p.claims(), b"x"),
    "kid is empty": lambda p: p.sign(p.claims(), kid=""),
    "kid is missing": lambda p: jwt.encode(p.claims(), p.keys[1].private, algorithm="ES256"),
    "kid is long": lambda p: p.sign(p.claims(), kid="x" * 5000),
    "unknown critical header": lambda p: p.sign(p.claims(), crit=["b64"], b64=False),
    "claims are a list": lambda p: assembled(hs256(), ["iss", p.issuer], b"x"),
    "nested header": lambda p: f"{encoded(b'[' * 2000)}.{encoded(p.claims())}.x",
    "issuer is a list": lambda p: assembled(hs256(), p.claims(iss=[p.issuer]), b"x"),
    "nested claims": lambda _: f"e30.{encoded(b'[' * 5000)}.x",
    "not base64": lambda _: "e30.!.x",
    "not UTF-8": lambda _: f"e30.{encoded(bytes([0xFF, 0xFE]))}.x",
}

# What the project itself has signed, and is no reason to let anybody in.
SIGNED: dict[str, dict[str, Any]] = {
    "expired": {"exp": 1},
    "expires this second": {"exp": 0},
    "no expiry": {"exp": ...},
    "null expiry": {"exp": None},
    "expiry as a text": {"exp": "9999999999"},
    "expiry without end": {"exp": float("inf")},
    "not yet valid": {"nbf": 2**33},
    "begins as a text": {"nbf": "0"},
    "wrong audience": {"aud": "others"},
    "audiences of others": {"aud": ["others", "anon"]},
    "no audience": {"aud": ...},
    "another project": {"iss": "https://other.supabase.co/auth/v1"},
    "nearly the issuer": {"iss": "/auth/v1"},
    "no issuer": {"iss": ...},
    "anon": {"role": "anon"},
    "service_role": {"role": "service_role"},
    "admin": {"role": "supabase_admin"},
    "role as a list": {"role": ["authenticated"]},
    "no role": {"role": ...},
    "no subject": {"sub": ...},
    "empty subject": {"sub": ""},
    "null subject": {"sub": None},
    "subject as a number": {"sub": 5},
    "subject no uuid": {"sub": "mia"},
    "subject an operator": {"sub": {"$gt": ""}},
    "huge": {"user_metadata": {"bio": "x" * 20_000}},
}


def refused_everywhere(client: FlaskClient, token: str) -> None:
    for path in FAMILIES:
        body = failed(client.get(path, headers=bearer(token)), 401, "UNAUTHORIZED")
        assert REFUSED in json.dumps(body)


@pytest.mark.parametrize("attack", FORGERIES)
def test_a_forged_token_is_no_token(client, services, project, attack):
    refused_everywhere(client, FORGERIES[attack](project))
    assert services.accounts.users.collection.count_documents({"id": {"$gt": ""}}) == 0


@pytest.mark.parametrize("case", SIGNED)
def test_a_signed_token_that_is_not_a_persons_for_now_is_no_token(client, services, project, case):
    refused_everywhere(client, project.token(**SIGNED[case]))
    assert services.accounts.users.collection.count_documents({"id": {"$gt": ""}}) == 0


def test_the_keys_that_a_front_end_carries_open_nothing(client, project):
    """Supabase's `anon` and `service_role` keys are tokens too, for ten years."""
    for role in ("anon", "service_role"):
        claims = {"iss": "supabase", "ref": "xyz", "role": role, "iat": 1, "exp": 2**33}
        refused_everywhere(client, project.sign(claims))


def test_a_token_expires_when_it_says_so(status, project, clock):
    token = project.token()
    clock.forward(minutes=59, seconds=58)
    assert status(token) == 200
    clock.forward(seconds=3)
    assert status(token) == 401


def test_clocks_may_differ_by_some_seconds(status, project, clock):
    soon = int(clock().timestamp()) + 8
    assert status(project.token(nbf=soon, iat=soon)) == 200


def test_a_token_for_several_audiences_is_for_us_as_well(status, project):
    assert status(project.token(aud=["others", "authenticated"])) == 200


# One shared secret


class TestSharedSecret:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, supabase_jwt_secret=SHARED_SECRET)

    def token(self, project: Project, secret: str = SHARED_SECRET, **others: Any) -> str:
        return jwt.encode(project.claims(**others), secret, algorithm="HS256")

    def test_a_token_is_accepted_and_no_key_asked_for(self, client, project, stop):
        stop()
        headers = bearer(self.token(project))
        assert {client.get(path, headers=headers).status_code for path in FAMILIES} == {200}
        assert project.fetches == 0

    @pytest.mark.parametrize("secret", ["", "x" * 32, SECRET, SHARED_SECRET[:-1]])
    def test_another_secret_signs_nothing(self, client, project, secret):
        signed = f"{encoded(hs256())}.{encoded(project.claims())}"
        mac = hmac.digest(secret.encode(), signed.encode(), "sha256")
        refused_everywhere(client, f"{signed}.{encoded(mac)}")

    @pytest.mark.parametrize("attack", FORGERIES)
    def test_a_forged_token_is_no_token(self, client, project, attack):
        refused_everywhere(client, FORGERIES[attack](project))
        assert project.fetches == 0

    @pytest.mark.parametrize("case", SIGNED)
    def test_a_signed_token_that_is_not_a_persons_for_now_is_no_token(self, client, project, case):
        refused_everywhere(client, self.token(project, **SIGNED[case]))

    @pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
    @pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
    def test_another_algorithm_is_none_of_ours(self, client, project, algorithm):
        secret = SHARED_SECRET * 2
        refused_everywhere(client, jwt.encode(project.claims(), secret, algorithm=algorithm))
        weaker = jwt.encode(project.claims(), SHARED_SECRET, algorithm=algorithm)
        refused_everywhere(client, weaker)

    def test_what_public_keys_sign_is_not_accepted(self, client, project):
        refused_everywhere(client, project.token())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"supabase_url": "", "supabase_jwt_secret": "x" * 32}, "needs SUPABASE_URL"),
        ({"supabase_jwt_secret": "x" * 31}, "too short"),
        ({"supabase_url": "xyz.supabase.co"}, "https://"),
        ({"supabase_url": "file:///etc/passwd"}, "https://"),
    ],
)
def test_settings_that_cannot_work_are_told_at_the_start(settings, values, said):
    with pytest.raises(SettingError, match=said):
        container.build(replace(settings, **values))


class TestNotConfigured:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, supabase_url="")

    def test_a_token_of_supabase_is_a_token_of_nobody(self, client, project):
        refused_everywhere(client, project.token())
        assert project.fetches == 0


# Keys


def test_a_key_that_was_rotated_in_is_taken_on_within_five_seconds(status, project, clock):
    assert status(project.token()) == 200
    project.keys.append(ec_key("ec-2"))
    project.keys.pop(0)
    new = project.token("new")
    assert status(new) == 401
    clock.forward(seconds=5)
    assert status(new) == 200
    assert project.fetches == 2


def test_a_key_that_was_taken_out_is_refused_within_five_minutes(status, project, clock):
    old = project.token()
    assert status(old) == 200
    project.keys[:] = [rsa_key("rsa-2", 1)]
    clock.forward(minutes=4, seconds=59)
    assert status(old) == 200
    clock.forward(seconds=1)
    assert status(old) == 401
    assert status(project.token("vic")) == 200
    assert project.fetches == 2


def test_a_new_key_under_an_old_name_replaces_it(status, project, clock):
    old = project.token()
    assert status(old) == 200
    project.keys[:] = [ec_key("ec-1")]
    clock.forward(minutes=5)
    assert (status(old), status(project.token("vic"))) == (401, 200)


def test_no_keys_left_means_that_nobody_is_let_in(status, project, clock):
    token = project.token()
    assert status(token) == 200
    project.body = '{"keys": []}'
    clock.forward(minutes=5)
    assert status(token) == 401


def test_while_keys_were_never_known_one_is_asked_to_come_again(client, project, stop, clock):
    token = project.token()
    stop()
    for path in FAMILIES:
        answer = client.get(path, headers=bearer(token))
        failed(answer, 503, "SERVICE_UNAVAILABLE")
        assert answer.headers["Retry-After"] == "5"


def test_an_outage_locks_nobody_out_until_a_day_has_gone_by(status, project, clock):
    token = project.token(exp=2**33)
    assert status(token) == 200
    project.status = 500
    clock.forward(hours=23, minutes=59)
    assert status(token) == 200
    assert status(project.token("vic")) == 200
    clock.forward(minutes=1)
    assert status(token) == 503
    project.status = 200
    assert status(token) == 503
    clock.forward(seconds=5)
    assert status(token) == 200


def test_an_unknown_key_during_an_outage_is_neither_good_nor_bad(status, project, clock):
    assert status(project.token()) == 200
    project.status = 500
    clock.forward(seconds=6)
    assert status(project.sign(project.claims(), ec_key("ec-2"))) == 503


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "5", '{"keys": {}}', "{}", '{"keys": [5, {}]}', '"\\ud800'],
)  # fmt: skip
def test_what_is_no_key_set_is_an_outage(status, project, clock, body):
    token = project.token()
    project.body = body
    assert status(token) == 503
    project.body = None
    clock.forward(seconds=5)
    assert status(token) == 200
    project.body = body
    clock.forward(minutes=5)
    assert status(token) == 200


def test_a_redirect_is_not_followed(status, project):
    project.status = 302
    assert status(project.token()) == 503


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"kid": ...},
        {"kty": "oct", "k": encoded(SHARED_SECRET.encode()), "alg": "HS256"},
        {"alg": "RS512"},
        {"alg": "PS256"},
    ],
)
def test_only_keys_that_sign_are_used(status, project, change):
    """A good key stands beside, so that the set as a whole is usable."""
    entry = {**project.keys[0].public, **change}
    entry = {name: value for name, value in entry.items() if value is not ...}
    project.body = json.dumps({"keys": [entry, project.keys[1].public]})
    assert status(project.sign(project.claims(), project.keys[0])) == 401
    assert status(project.sign(project.claims(), project.keys[1])) == 200


def test_a_secret_among_the_public_keys_signs_nothing(status, project):
    """Whoever publishes one by mistake has told it to everybody."""
    secret = {"kty": "oct", "alg": "HS256", "kid": "oct", "k": encoded(SHARED_SECRET.encode())}
    project.body = json.dumps({"keys": [secret, project.keys[1].public]})
    assert status(assembled(hs256("oct"), project.claims(), SHARED_SECRET.encode())) == 401
    assert status(project.token()) == 200


@pytest.mark.parametrize("algorithm", ["RS512", "PS256"])
def test_an_algorithm_that_supabase_does_not_use_signs_nothing(status, project, algorithm):
    listed = {**project.keys[0].public, "alg": algorithm}
    project.body = json.dumps({"keys": [listed, project.keys[1].public]})
    assert status(signed_as(project, algorithm)) == 401
    assert status(project.token()) == 200


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_short_rsa_key_is_refused(status, project):
    project.keys.append(Key("short", "RS256", issuer.SHORT_RSA_KEY))
    assert status(project.token()) == 401


# What it costs


def test_fifty_at_once_make_one_fetch(app, project):
    project.seconds = 0.2
    tokens = [project.token(f"person{number}") for number in range(50)]
    barrier = Barrier(50)

    def ask(token: str) -> int:
        barrier.wait(30)
        return app.test_client().get("/users/me", headers=bearer(token)).status_code

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(ask, tokens)) == {200}
    assert project.fetches == 1


def test_a_flood_of_unknown_keys_asks_once_in_five_seconds(project, clock):
    keys = PublicKeys(project.url + JWKS_PATH, now=clock)
    for number in range(1000):
        assert keys.find(f"nobody's {number}") is None
    assert project.fetches == 1
    clock.forward(seconds=5)
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(keys.find, (f"others' {n}" for n in range(100)))) == {None}
    assert project.fetches == 2


def test_who_has_a_known_key_waits_for_no_one(project, clock):
    """One request in five minutes asks anew; while it waits, the others go on."""
    keys = PublicKeys(project.url + JWKS_PATH, now=clock)
    assert keys.find("ec-1")
    clock.forward(minutes=5)
    project.seconds = 1
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(keys.find, "ec-1")
        while project.fetches < 2:
            time.sleep(0.01)
        began = time.perf_counter()
        for _ in range(1000):
            assert keys.find("ec-1")
        assert time.perf_counter() - began < 0.5
        assert slow.result()
    assert project.fetches == 2


def test_an_issuer_that_does_not_answer_holds_a_request_for_two_seconds_at_most(project, clock):
    keys = PublicKeys(project.url + JWKS_PATH, now=clock)
    project.seconds = 3
    began = time.perf_counter()
    with pytest.raises(Unavailable):
        keys.find("ec-1")
    assert time.perf_counter() - began < 2.9
    began = time.perf_counter()
    with pytest.raises(Unavailable):
        keys.find("ec-1")
    assert time.perf_counter() - began < 0.5


def test_a_clock_that_was_set_back_is_no_reason_not_to_ask(project, clock):
    keys = PublicKeys(project.url + JWKS_PATH, now=clock)
    assert keys.find("ec-1")
    clock.forward(days=-2)
    assert keys.find("ec-1")
    assert project.fetches == 2


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    recorder = Recorder()
    monitoring.register(recorder)
    return recorder


def test_a_known_token_costs_one_round_trip_to_redis_and_none_to_mongodb(
    settings, project, recorder, clock, record_property
):
    with counted(settings.redis_url) as redis:
        services = container.build(replace(settings, redis_url=redis.url), now=clock)
        token = project.token()
        count = services.sessions.authenticate

        def visits(user_id: str) -> Visits:
            return Visits(f"visits:{user_id}", 60)

        first = recorder.names(lambda: count(token, visits))
        count(token, visits)
        before = redis.round_trips
        sent = recorder.names(lambda: [count(token, visits) for _ in range(100)])
        assert redis.round_trips - before == 100
        assert sent == []
        assert count(token, visits).visits == 103
        record_property("MongoDB commands when a token is first seen", len(first))
        # The next token of the same session, an hour later.
        renewed = project.renewed(token, jti="x", exp=int(clock().timestamp()) + 7200)
        again = recorder.names(lambda: count(renewed, visits))
        assert "insert" not in again
        record_property("MongoDB commands for its next token", len(again))


def test_a_token_of_ours_costs_nothing_more_and_asks_for_no_keys(
    settings, project, services, recorder, clock, ann, stop
):
    stop()
    with counted(settings.redis_url) as redis:
        services = container.build(replace(settings, redis_url=redis.url), now=clock)
        services.sessions.authenticate(ann.token)
        before = redis.round_trips
        ask = services.sessions.authenticate
        assert recorder.names(lambda: [ask(ann.token) for _ in range(10)]) == []
        assert redis.round_trips - before == 10
    assert project.fetches == 0


# Without Redis, and over the WebSocket


def test_while_redis_is_away_mongodb_knows(settings, project, clock):
    services = container.build(replace(settings, redis_url="redis://127.0.0.1:9/0"), now=clock)
    token = project.token()
    assert services.sessions.authenticate(token).actor.id
    assert services.sessions.authenticate(token).actor.id


@pytest.fixture
def socket(services: Services) -> Flask:
    return realtime.create(services, Hub(keep=10, now=time.monotonic))


def actor(services: Services, socket: Flask, **request: Any) -> str | None:
    with socket.test_request_context("/ws", **request):
        return whose(services, realtime.token()).id


def test_a_token_is_accepted_over_the_websocket(services, socket, project):
    claims = project.claims()
    token = project.sign(claims)
    assert actor(services, socket, headers=bearer(token)) == claims["sub"]
    assert actor(services, socket, query_string={"token": token}) == claims["sub"]
    with pytest.raises(Unauthorized):
        actor(services, socket, headers=bearer(project.token(exp=1)))


def test_a_supabase_person_is_counted_by_the_limits_as_any_other(settings, project, clock):
    app = create_app(container.build(replace(settings, rate_limit_general="3/hour"), now=clock))
    client, token = app.test_client(), project.token()
    answers = [client.get("/users/me", headers=bearer(token)).status_code for _ in range(4)]
    # The first is counted by address, as it is not known yet whose token it is.
    assert answers in ([200, 200, 200, 200], [200, 200, 200, 429])
    failed(client.get("/users/me", headers=bearer(token)), 429, "RATE_LIMITED")
