"""Signed requests (004): what is asked for, of whom, and what an attacker gets."""

from __future__ import annotations

import hmac
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from blueprints import client as client_api
from blueprints.client.dialect import dialect
from blueprints.http import failures, signing
from blueprints.http.dialect import FamilyBlueprint
from config import Settings
from services import container
from services.container import Services
from tests.wire import Untouched, bearer, body_of, failed

SIGNING_SECRET = "a secret that the front-end's server shares with us"
EMPTY = sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, request_signature_secret=SIGNING_SECRET)


def signature(
    timestamp: str, method: str, target: str, body_hash: str, secret: str = SIGNING_SECRET
) -> str:
    """As the document describes it, written down a second time."""
    signed = f"{timestamp}\n{method}\n{target}\n{body_hash}"
    return hmac.new(secret.encode(), signed.encode(), "sha256").hexdigest()


def headers_of(timestamp: str, signed: str) -> dict[str, str]:
    return {"X-InstaVeo-Timestamp": timestamp, "X-InstaVeo-Signature": signed}


@pytest.fixture
def signed(clock) -> Callable[..., dict[str, str]]:
    """The two headers for a request with a JSON body."""

    def sign(method: str, target: str, body: Any = None, ahead: float = 0) -> dict[str, str]:
        sent = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        timestamp = f"{clock().timestamp() + ahead:.3f}"
        made = signature(timestamp, method, target, sha256(sent).hexdigest())
        return headers_of(timestamp, made)

    return sign


@pytest.fixture
def patch(client: FlaskClient, ann) -> Callable[..., TestResponse]:
    """Change ann's biography, with these headers beside her token."""

    def send(headers: dict[str, str], body: Any = None, path: str = "/users/me") -> TestResponse:
        data = json.dumps({"bio": "x"} if body is None else body)
        sent = {**ann.headers, **headers, "Content-Type": "application/json"}
        return client.patch(path, data=data, headers=sent)

    return send


# Honest clients


def test_a_signed_request_does_what_it_says(patch, signed):
    answer = patch(signed("PATCH", "/users/me", {"bio": "signed"}), {"bio": "signed"})
    assert answer.status_code == 200
    assert answer.get_json()["bio"] == "signed"


def test_whole_seconds_and_capital_letters_are_fine_too(patch, clock):
    timestamp = str(int(clock().timestamp()))
    made = signature(timestamp, "PATCH", "/users/me", sha256(b'{"bio": "x"}').hexdigest())
    assert patch(headers_of(timestamp, made.upper())).status_code == 200


def test_a_request_without_a_body_signs_an_empty_one(client, ann, signed):
    headers = ann.headers | signed("DELETE", "/users/me/history")
    assert client.delete("/users/me/history", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "/users/me?x=1&y=a%20b",
        "/users/me?x=%C3%A9&y=%2F",
        "/users/me?",
        "/users/me?a=b?c",
    ],
)
def test_the_query_is_signed_as_it_is_sent(patch, signed, target):
    assert patch(signed("PATCH", target.rstrip("?"), {"bio": "x"}), path=target).status_code == 200
    other = target.replace("?", "?z=1&")
    failed(patch(signed("PATCH", target, {"bio": "x"}), path=other), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("path", ["/users/a%20b", "/users/%C3%A9", "/users/a,b;c=d@e:f!$&'()*+~"])
def test_the_path_is_signed_as_it_is_sent(patch, signed, path):
    """There is nobody of that name: 404 comes after the signature, 401 would be the signature's."""
    assert patch(signed("PATCH", path, {"bio": "x"}), path=path).status_code in {403, 404}


@pytest.mark.parametrize(("ahead", "status"), [(-119, 200), (119, 200), (-121, 401), (121, 401)])
def test_a_clock_may_be_two_minutes_off_either_way(patch, signed, ahead, status):
    answer = patch(signed("PATCH", "/users/me", {"bio": "x"}, ahead=ahead))
    assert answer.status_code == status, answer.get_json()


class TestTheWindow:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, request_signature_seconds=10)

    def test_is_a_setting(self, patch, signed):
        assert patch(signed("PATCH", "/users/me", {"bio": "x"}, ahead=-9)).status_code == 200
        answer = patch(signed("PATCH", "/users/me", {"bio": "x"}, ahead=-11))
        assert "more than 10 seconds" in failed(answer, 401, "UNAUTHORIZED")["message"]


# What is refused, and what is said


def test_each_refusal_says_what_to_do_and_nothing_more(patch, signed, clock):
    good = signed("PATCH", "/users/me", {"bio": "x"})
    timestamp, made = good.values()
    cases = {
        "must be signed": ({}, headers_of("", made), headers_of(timestamp, "")),
        "in seconds since 1970": (
            headers_of("yesterday", made),
            headers_of("-5", made),
            headers_of("1e9", made),
            headers_of("inf", made),
            headers_of("1" * 400, made),
            headers_of("\u0661" * 10, made),
        ),
        "120 seconds away": (
            signed("PATCH", "/users/me", {"bio": "x"}, ahead=-200),
            signed("PATCH", "/users/me", {"bio": "x"}, ahead=200),
        ),
        "does not fit": (
            headers_of(timestamp, "0" * 64),
            headers_of(timestamp, "é" * 64),
            headers_of(timestamp, made[:-1]),
            headers_of(timestamp, f"sha256={made}"),
            headers_of(f"{float(timestamp) + 1:.3f}", made),
        ),
    }
    for words, attempts in cases.items():
        for headers in attempts:
            body = failed(patch(headers), 401, "UNAUTHORIZED")
            assert words in body["message"]
            assert made not in json.dumps(body)
            assert SIGNING_SECRET not in json.dumps(body)
    assert patch(good).status_code == 200


@pytest.mark.parametrize(
    ("method", "target", "body", "secret"),
    [
        ("POST", "/users/me", b'{"bio": "x"}', SIGNING_SECRET),
        ("patch", "/users/me", b'{"bio": "x"}', SIGNING_SECRET),
        ("PATCH", "/users/me/", b'{"bio": "x"}', SIGNING_SECRET),
        ("PATCH", "/users/me?", b'{"bio": "x"}', SIGNING_SECRET),
        ("PATCH", "http://localhost/users/me", b'{"bio": "x"}', SIGNING_SECRET),
        ("PATCH", "/users/me", b'{"bio":"x"}', SIGNING_SECRET),
        ("PATCH", "/users/me", b"", SIGNING_SECRET),
        ("PATCH", "/users/me", b'{"bio": "x"}', "another secret that is long enough for it"),
        ("PATCH", "/users/me", b'{"bio": "x"}', ""),
    ],
)
def test_a_signature_of_another_request_does_not_fit(patch, clock, method, target, body, secret):
    timestamp = f"{clock().timestamp():.3f}"
    made = signature(timestamp, method, target, sha256(body).hexdigest(), secret)
    answer = patch(headers_of(timestamp, made))
    assert "does not fit" in failed(answer, 401, "UNAUTHORIZED")["message"]


def test_json_cannot_be_left_unsigned(patch, clock):
    timestamp = f"{clock().timestamp():.3f}"
    made = signature(timestamp, "PATCH", "/users/me", UNSIGNED)
    failed(patch(headers_of(timestamp, made)), 401, "UNAUTHORIZED")


# Replays


def test_a_signature_is_good_once_in_any_spelling(patch, signed, clock):
    headers = signed("PATCH", "/users/me", {"bio": "x"}, ahead=119)
    assert patch(headers).status_code == 200
    shouted = {name: value.upper() for name, value in headers.items()}
    for sent in (headers, shouted):
        assert "used before" in failed(patch(sent), 401, "UNAUTHORIZED")["message"]


def test_of_twenty_at_once_one_is_let_through(app, ann, signed):
    headers = {**ann.headers, **signed("DELETE", "/users/me/history")}

    def send(_: int) -> int:
        return app.test_client().delete("/users/me/history", headers=headers).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))
    assert sorted(answers) == [200, *[401] * 19]


def test_a_signature_is_remembered_for_as_long_as_it_would_be_good(patch, signed, services):
    patch(signed("PATCH", "/users/me", {"bio": "x"}, ahead=119))
    redis = services.queue.rq.connection
    (key,) = redis.keys("used:*")
    assert 238 < redis.ttl(key) <= 241


def test_guesses_are_not_remembered(patch, signed, services):
    for number in range(20):
        headers = signed("PATCH", "/users/me", {"bio": "x"})
        patch(headers | {"X-InstaVeo-Signature": f"{number:064x}"})
    assert services.queue.rq.connection.keys("used:*") == []


def test_without_redis_nothing_is_let_through(app, services, settings, ann, signed, clock):
    away = container.build(replace(settings, redis_url="redis://127.0.0.1:9/0"), now=clock)
    client = create_app(away).test_client()
    headers = {**ann.headers, **signed("DELETE", "/users/me/history")}
    answer = client.delete("/users/me/history", headers=headers)
    failed(answer, 503, "SERVICE_UNAVAILABLE")


# Where it is asked for


def test_every_route_of_the_client_family_that_changes_something_asks(app, client, ann):
    names = {blueprint.name for blueprint in client_api.BLUEPRINTS}
    asked = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] not in names:
            continue
        for method in (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}:
            path = rule.build(dict.fromkeys(rule.arguments, "x"))
            assert path is not None
            answer = client.open(path[1], method=method, headers=ann.headers)
            assert "must be signed" in failed(answer, 401, "UNAUTHORIZED")["message"]
            asked += 1
    assert asked >= 3


def test_reading_and_other_families_need_no_signature(client, ann):
    for path in ("/users/me", "/videos/feed", "/auth/me", "/api/auth/me"):
        assert client.get(path, headers=ann.headers).status_code == 200
        assert client.head(path, headers=ann.headers).status_code == 200
    login = {"email": "ann@example.com", "password": "Passw0rd"}
    assert client.post("/auth/login", json=login).status_code == 200
    assert (
        client.post("/api/auth/login", json={"login": "ann", "password": "Passw0rd"}).status_code
        == 200
    )


def test_who_somebody_is_comes_first(client, signed):
    answer = client.patch("/users/me", json={}, headers=signed("PATCH", "/users/me", b"{}"))
    assert "Token is missing" in failed(answer, 401, "UNAUTHORIZED")["message"]
    answer = client.patch("/users/me", json={}, headers=bearer("x"))
    assert "Token is invalid" in failed(answer, 401, "UNAUTHORIZED")["message"]


def test_unknown_routes_and_methods_are_still_told(client, ann):
    failed(client.post("/users/me/nothing/here", headers=ann.headers), 404, "NOT_FOUND")
    failed(client.put("/users/me", headers=ann.headers), 405, "VALIDATION_ERROR")


def test_browsers_of_other_origins_may_send_the_headers(client):
    answer = client.options(
        "/users/me",
        headers={
            "Origin": "http://localhost:3000",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": (
                "authorization,content-type,x-instaveo-signature,x-instaveo-timestamp"
            ),
        },
    )
    assert answer.status_code == 200
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert {"authorization", "content-type", "x-instaveo-timestamp", "x-instaveo-signature"} <= {
        name.strip() for name in allowed.split(",")
    }
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]


class TestNotConfigured:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, request_signature_secret="")

    def test_nothing_needs_a_signature(self, patch, services: Services):
        assert services.signatures is None
        assert patch({}).status_code == 200


# Bodies


@pytest.fixture
def uploads(services: Services) -> FlaskClient:
    """A route that takes files, with the hook in front of it as every client route has it."""
    videos = FamilyBlueprint(dialect, "sent", "/videos", "Files.")

    @videos.route("/sent", methods=["POST"])
    def sent() -> dict[str, bool]:
        return {"success": True}

    app = Flask("uploads")
    app.before_request(lambda: None)
    signing.start(app, services.signatures, {"client_sent"})
    app.register_blueprint(videos)
    failures.start(app, lambda _: dialect)
    app.after_request(_with_request_id)
    return app.test_client()


def _with_request_id(response: Any) -> Any:
    response.headers["X-Request-ID"] = "00000000"
    return response


@pytest.fixture
def sign(clock) -> Callable[[str], dict[str, str]]:
    def sign(body_hash: str) -> dict[str, str]:
        timestamp = f"{clock().timestamp():.6f}"
        clock.forward(seconds=1)
        return headers_of(timestamp, signature(timestamp, "POST", "/videos/sent", body_hash))

    return sign


@pytest.mark.parametrize(
    "kind", ["multipart/form-data; boundary=x", "application/offset+octet-stream", "video/mp4"]
)
@pytest.mark.parametrize("length", [5, 2**31, None])
def test_a_file_is_not_read_to_be_signed(uploads, sign, kind, length):
    sent: Any = {"environ_overrides": body_of(Untouched(), length) | {"CONTENT_TYPE": kind}}
    answer = uploads.post("/videos/sent", headers=sign(UNSIGNED), **sent)
    assert answer.status_code == 200
    wrong = uploads.post("/videos/sent", headers=sign(EMPTY), **sent)
    failed(wrong, 401, "UNAUTHORIZED")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", ""])
def test_what_is_no_file_is_signed(uploads, sign, kind):
    body = b'{"title": "x"}'
    headers = {"Content-Type": kind} if kind else {}
    good = sign(sha256(body).hexdigest())
    assert uploads.post("/videos/sent", data=body, headers=headers | good).status_code == 200
    for body_hash in (UNSIGNED, EMPTY):
        answer = uploads.post("/videos/sent", data=body, headers=headers | sign(body_hash))
        failed(answer, 401, "UNAUTHORIZED")


def test_no_more_is_read_to_be_signed_than_json_may_be_long(uploads, sign):
    huge: Any = {
        "environ_overrides": body_of(Untouched(), 2**30) | {"CONTENT_TYPE": "application/json"}
    }
    answer = uploads.post("/videos/sent", headers=sign(EMPTY), **huge)
    failed(answer, 413, "PAYLOAD_TOO_LARGE")


def test_nothing_is_read_of_a_request_that_is_too_late(uploads, sign, clock):
    headers = sign(EMPTY)
    clock.forward(minutes=5)
    sent: Any = {
        "environ_overrides": body_of(Untouched(), 50) | {"CONTENT_TYPE": "application/json"}
    }
    failed(uploads.post("/videos/sent", headers=headers, **sent), 401, "UNAUTHORIZED")


def test_a_body_of_unknown_length_is_read_as_far_as_json_may_be_long(uploads, sign):
    class Endless(io.RawIOBase):
        count = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.count += len(buffer)
            buffer[:] = b"x" * len(buffer)
            return len(buffer)

    endless = Endless()
    sent: Any = {"environ_overrides": body_of(endless, None) | {"CONTENT_TYPE": "application/json"}}
    answer = uploads.post("/videos/sent", headers=sign(EMPTY), **sent)
    assert answer.status_code in {401, 413}
    assert endless.count <= 2 * 1024 * 1024


def test_a_signature_is_checked_where_the_view_reads_the_body_after(patch, signed):
    """What was hashed is what the view is given."""
    body = {"bio": "ü" * 200, "preferences": {"quality": "auto"}}
    answer = patch(signed("PATCH", "/users/me", body), body)
    assert answer.get_json()["bio"] == "ü" * 200
