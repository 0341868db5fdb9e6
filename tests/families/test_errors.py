"""Failures of every kind in every family's form, and the headers that each answer carries."""

from __future__ import annotations

import io
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from blueprints.http.caller import public
from config import Settings
from services import container
from tests.wire import JSON, NOBODY, failed

ROOTS = {"platform": "/api", "client": "/videos", "mobile": "", "playback": "/hls", "docs": "/docs"}
CLIENT_NOUNS = (
    "users", "videos", "feed", "search", "stream", "upload", "payments", "revenue",
    "analytics", "media",
)  # fmt: skip
# 000's, to the letter.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "1; mode=block",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
    ),
}


# Routing


UNKNOWN = (
    "/api", "/api/", "/api/nothing", "/api/videos/x/y/z", "/api/auth", "/nothing", "/auth",
    "/auth/nothing", "/video", "/dashboard/x", "/apix", "/videosx", "/API/videos",
    *(f"/{noun}/no/such/thing" for noun in CLIENT_NOUNS),
)  # fmt: skip


def test_an_unknown_address_answers_in_its_familys_form(client, subtests):
    for path in UNKNOWN:
        with subtests.test(path):
            failed(client.get(path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/videos", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("GET", "/api/auth/login", {"OPTIONS", "POST"}),
        ("POST", "/videos/feed", {"DELETE", "GET", "HEAD", "OPTIONS", "PUT"}),
        ("PUT", f"/stream/{NOBODY}", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/auth/login", {"OPTIONS", "POST"}),
        ("POST", "/dashboard", {"GET", "HEAD", "OPTIONS"}),
        ("PATCH", "/", {"GET", "HEAD", "OPTIONS"}),
        ("BREW", "/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_says_which_are_right(client, method, path, allowed):
    answer = client.open(path, method=method)
    failed(answer, 405, "VALIDATION_ERROR")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("path", ["/auth/login", "/auth/signup", "/api/auth/login"])
def test_what_is_no_json_is_refused_in_the_familys_form(client, path):
    failed(client.post(path, data=b"{", headers=JSON), 400, "VALIDATION_ERROR")
    failed(client.post(path, data={"a": "b"}), 415, "UNSUPPORTED_MEDIA_TYPE")


# Unexpected failures


def broken(**_: str) -> str:
    secret = "an inner detail"
    raise RuntimeError(secret)


@pytest.fixture
def breaking(services) -> Flask:
    """The API with one more route in each family, which fails as no route should."""
    app = create_app(services)
    app.testing = False
    for name, root in ROOTS.items():
        app.add_url_rule(f"{root}/broken", f"broken_{name}", public(broken))
    return app


@pytest.mark.parametrize("family", ROOTS)
def test_an_unexpected_failure_says_nothing_and_is_logged_with_its_trace(breaking, family, caplog):
    answer = breaking.test_client().get(f"{ROOTS[family]}/broken")
    body = failed(answer, 500, "SERVER_ERROR")
    message = body["detail"] if family == "platform" else body["message"]
    assert message == "Internal server error"
    assert not [word for word in ("RuntimeError", "inner detail", ".py") if word in answer.text]
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)


def storing(**_: str) -> str:
    with Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"a piece of a video")
    return ""


def test_a_full_disk_is_said_to_be_a_matter_of_time(services, caplog):
    app = create_app(services)
    app.testing = False
    for name, root in ROOTS.items():
        app.add_url_rule(f"{root}/storing", f"storing_{name}", public(storing))
    for root in ROOTS.values():
        answer = app.test_client().get(f"{root}/storing")
        failed(answer, 503, "SERVICE_UNAVAILABLE")
        assert int(answer.headers["Retry-After"]) > 0
        assert "/dev/full" not in answer.text
    assert [r.levelno for r in caplog.records].count(logging.ERROR) == len(ROOTS), "who runs it"


# Outages


class TestWithoutMongoDB:
    """Five seconds each, together: a request does not wait longer for a server that is away."""

    @pytest.fixture
    def services(self, settings: Settings) -> container.Services:
        return container.build(replace(settings, mongo_url="mongodb://127.0.0.1:1/away"))

    def test_every_family_says_that_it_is_away(self, app):
        login = {"email": "ann@example.com", "password": "Passw0rd"}
        calls = (
            lambda c: c.get("/api/videos"),
            lambda c: c.get("/videos/feed"),
            lambda c: c.post("/auth/login", json=login),
            lambda c: c.get(f"/api/videos/{NOBODY}"),
            lambda c: c.get("/readyz"),
            lambda c: c.get("/healthz"),
        )
        with ThreadPoolExecutor(len(calls)) as pool:
            answers = list(pool.map(lambda call: call(app.test_client()), calls))
        for answer in answers[:-1]:
            failed(answer, 503, "SERVICE_UNAVAILABLE")
            assert int(answer.headers["Retry-After"]) > 0
        assert "mongodb" in answers[4].json["error"]
        assert "127.0.0.1" not in "".join(answer.text for answer in answers)
        assert answers[5].json == {"status": "ok"}


class TestWithoutRedis:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, redis_url="redis://127.0.0.1:1/0")

    def test_people_sign_in_browse_and_watch(self, client, ann, add_video, services):
        video = add_video(ann)
        login = {"email": "ann@example.com", "password": "Passw0rd"}
        assert client.post("/auth/login", json=login).status_code == 200
        for path in ("/auth/me", "/dashboard", "/api/videos", "/videos/feed"):
            assert client.get(path, headers=ann.headers).status_code == 200, path
        token = services.catalogue.tokens.playback(ann.user.id, video)
        answer = client.get(f"/video/{video.id}/stream?token={token}", headers=ann.headers)
        assert answer.status_code == 200

    def test_logging_out_ends_the_session_and_admits_that_a_copy_may_linger(self, client, ann):
        failed(client.post("/auth/logout", headers=ann.headers), 503, "SERVICE_UNAVAILABLE")
        failed(client.get("/auth/me", headers=ann.headers), 401, "UNAUTHORIZED")

    def test_it_is_not_ready(self, client):
        assert "redis" in failed(client.get("/readyz"), 503, "SERVICE_UNAVAILABLE")["error"]


def test_it_is_ready_when_both_servers_answer(client):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ready"})


# Headers


def every_kind_of_answer(app: Flask, headers: dict[str, str] | None = None) -> list[TestResponse]:
    client = app.test_client()
    upload = {"title": "x", "file": (io.BytesIO(b"x"), "x.mp4")}
    return [
        client.get("/", headers=headers),
        client.get("/nothing", headers=headers),
        client.delete("/api/videos", headers=headers),
        client.post("/auth/login", json={}, headers=headers),
        client.post("/auth/login", data=b"{", headers=headers),
        client.get("/auth/me", headers=headers),
        client.post("/api/videos", data=upload, headers=headers),
        client.get(f"/api/videos/{NOBODY}", headers=headers),
        client.get("/hls/x", headers=headers),
        client.get("/static/avatar.svg", headers=headers),
        client.get("/docs", headers=headers),
        client.get("/openapi.json", headers=headers),
        client.get("/metrics", headers=headers),
        client.options("/auth/login", headers=headers),
        client.head("/api/videos", headers=headers),
        client.get("/broken", headers=headers),
    ]


def test_every_answer_carries_000s_security_headers_and_an_id(breaking):
    ids = set()
    for answer in every_kind_of_answer(breaking):
        sent = {name: answer.headers.get(name) for name in SECURITY_HEADERS}
        if answer.request.path == "/docs":  # Swagger UI draws its icons from data: URLs
            policy = answer.headers["Content-Security-Policy"]
            sent["Content-Security-Policy"] = policy.removesuffix("; img-src 'self' data:")
        assert sent == SECURITY_HEADERS, answer.request.path
        ids.add(answer.headers["X-Request-ID"])
    assert len(ids) == 16


@pytest.mark.parametrize("sent", ["abcdefgh", "A-b_c.1234", "0190a5d0-0000-7000-8000-000000000000"])
def test_a_sane_request_id_is_kept(breaking, sent):
    for answer in every_kind_of_answer(breaking, {"X-Request-ID": sent}):
        assert answer.headers["X-Request-ID"] == sent


HARMFUL = (
    "", "short", "x" * 65, "a b c d e", "<script>1</script>", "ääääääää", "a,b,c,d,e",
    "x\ty-z-0-0-0",
)  # fmt: skip


def test_a_request_id_that_could_do_harm_is_replaced(client, subtests):
    for sent in HARMFUL:
        with subtests.test(sent):
            environ = {"HTTP_X_REQUEST_ID": sent.encode().decode("latin-1")}
            kept = client.get("/", environ_overrides=environ).headers["X-Request-ID"]
            assert kept != sent
            assert len(kept) == 36


def test_no_answer_names_the_software(breaking):
    for answer in every_kind_of_answer(breaking):
        assert "X-Powered-By" not in answer.headers
        assert "Set-Cookie" not in answer.headers


# Across origins


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type",
}


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        ("http://localhost:3000", True), ("https://localhost", True),
        ("http://127.0.0.1:8081", True),
        ("https://clutch.com", False), ("http://localhost.evil.example", False),
        ("http://localhost:3000.evil.example", False), ("http://127.0.0.1.evil.example", False),
        ("http://evil.example/http://localhost", False), ("null", False),
        ("http://localhost:x", False),
        ("http://localhost@evil.example", False), ("ftp://localhost", False),
    ],
)  # fmt: skip
def test_without_configured_origins_only_apps_on_this_machine_may_ask(client, origin, welcome):
    for answer in (
        client.get("/", headers={"Origin": origin}),
        client.get("/api/nothing", headers={"Origin": origin}),
        client.options("/auth/login", headers=PREFLIGHT | {"Origin": origin}),
    ):
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed == (origin if welcome else None)


class TestWithConfiguredOrigins:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, cors_origins=("https://clutch.com", "https://www.clutch.com"))

    @pytest.mark.parametrize("origin", ["https://clutch.com", "https://www.clutch.com"])
    def test_these_may_ask_and_read_what_they_need(self, client, origin):
        for path in ("/", "/nothing", "/auth/me", "/videos/feed", "/api/videos"):
            answer = client.get(path, headers={"Origin": origin})
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert "Origin" in answer.headers["Vary"]
            exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
            assert {"X-Request-ID", "Retry-After", "X-RateLimit-Remaining"} <= set(exposed)

    def test_a_preflight_is_answered_without_a_token(self, client):
        headers = PREFLIGHT | {"Origin": "https://clutch.com"}
        for path in ("/auth/me", "/api/videos", f"/stream/{NOBODY}", "/auth/login"):
            answer = client.options(path, headers=headers)
            assert answer.status_code == 200
            assert answer.headers["Access-Control-Allow-Origin"] == "https://clutch.com"
            allowed = answer.headers["Access-Control-Allow-Headers"].lower()
            assert "authorization" in allowed
            assert "POST" in answer.headers["Access-Control-Allow-Methods"]

    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example", "http://clutch.com", "https://clutch.com.evil.example",
            "https://xclutch.com", "https://clutch.com:8443", "http://localhost:3000", "null",
            "https://clutchxcom", "https://sub.clutch.com",
        ],
    )  # fmt: skip
    def test_others_may_not(self, client, origin):
        for answer in (
            client.get("/api/videos", headers={"Origin": origin}),
            client.options("/auth/login", headers=PREFLIGHT | {"Origin": origin}),
        ):
            assert "Access-Control-Allow-Origin" not in answer.headers

    def test_nobody_is_asked_to_send_cookies(self, client):
        answer = client.get("/", headers={"Origin": "https://clutch.com"})
        assert "Access-Control-Allow-Credentials" not in answer.headers

    def test_media_may_be_fetched_from_any_page(self, client):
        answer = client.get("/hls/a/b/c/d.m4s", headers={"Origin": "https://player.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        preflight = client.options(
            "/hls/a/b/c/d.m4s",
            headers={"Origin": "https://player.example", "Access-Control-Request-Method": "GET"},
        )
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"


# Metrics


def test_metrics_are_for_this_machine(client):
    assert client.get("/metrics").status_code == 200
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    failed(client.get("/metrics", environ_overrides=elsewhere), 403, "FORBIDDEN")


def test_metrics_name_routes_and_never_what_a_client_made_up(client):
    client.get(f"/api/videos/{NOBODY}")
    client.get("/made/up")
    for number in range(5):
        client.open("/", method=f"MADEUP{number}")
    told = client.get("/metrics").text
    assert "/api/videos/<video_id>" in told
    assert NOBODY not in told
    assert "/made/up" not in told
    assert "MADEUP" not in told  # one more series for each method that somebody invents


class TestWithAMetricsToken:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, metrics_token="let-prometheus-in")

    def test_the_token_opens_from_anywhere_and_nothing_else_does(self, client):
        elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
        right = {"Authorization": "Bearer let-prometheus-in"}
        answer = client.get("/metrics", headers=right, environ_overrides=elsewhere)
        assert answer.status_code == 200
        failed(client.get("/metrics"), 403, "FORBIDDEN")
        for wrong in ("Bearer x", "Bearer let-prometheus-in2", "Bearer \xff", "Bearer", "\xff"):
            answer = client.get("/metrics", headers={"Authorization": wrong})
            failed(answer, 403, "FORBIDDEN")
