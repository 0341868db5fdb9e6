"""Rate limits: 000's figures, whom they count, and what a client is told."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from blueprints.http.limits import address
from config import Settings
from tests.wire import MP4, failed

LOGIN = {"email": "ann@example.com", "password": "Wrong0000"}
TOLD = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def login(client: FlaskClient, address: str = "203.0.113.1", **more: object) -> TestResponse:
    return client.post(
        "/auth/login", json=LOGIN, environ_overrides={"REMOTE_ADDR": address}, **more
    )


def upload(client: FlaskClient, person) -> TestResponse:
    data = {"title": "x", "file": (io.BytesIO(MP4), "x.mp4")}
    return client.post("/api/videos", data=data, headers=person.headers)


def wait_for_a_window(seconds: int) -> None:
    """Windows begin at whole multiples of their length: do not let one end within a test."""
    if (left := seconds - time.time() % seconds) < 5:
        time.sleep(left)


def test_the_defaults_are_000s():
    settings = Settings()
    assert settings.rate_limit_auth == "10/minute"
    assert settings.rate_limit_upload == "5/hour"
    assert settings.rate_limit_general == "1000/hour"


class TestAuthentication:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        wait_for_a_window(60)
        return replace(settings, rate_limit_auth=Settings().rate_limit_auth)

    def test_an_address_has_ten_attempts_a_minute_over_all_its_ways_in(self, client):
        ways = (
            lambda: login(client),
            lambda: client.post(
                "/api/auth/login",
                json={"login": "ann", "password": "Passw0rd"},
                environ_overrides={"REMOTE_ADDR": "203.0.113.1"},
            ),
            lambda: client.post(
                "/auth/signup", json={}, environ_overrides={"REMOTE_ADDR": "203.0.113.1"}
            ),
            lambda: client.post(
                "/api/auth/register", json={}, environ_overrides={"REMOTE_ADDR": "203.0.113.1"}
            ),
            lambda: client.post(
                "/api/auth/refresh", json={}, environ_overrides={"REMOTE_ADDR": "203.0.113.1"}
            ),
        )
        allowed = [ways[attempt % 5]().status_code for attempt in range(10)]
        assert 429 not in allowed
        for way in ways:
            answer = way()
            failed(answer, 429, "RATE_LIMITED")
            assert 1 <= int(answer.headers["Retry-After"]) <= 61  # rounded up, and one more

    def test_another_address_is_another_count_and_a_forged_one_is_not(self, client, ann):
        for _ in range(10):
            login(client)
        forged = {"X-Forwarded-For": "198.51.100.7", "X-Real-IP": "198.51.100.7"}
        failed(login(client, headers=forged), 429, "RATE_LIMITED")
        failed(login(client, headers=ann.headers), 429, "RATE_LIMITED")
        failed(login(client, "198.51.100.7"), 401, "UNAUTHORIZED")

    def test_other_routes_go_on(self, client, ann):
        for _ in range(11):
            login(client, "127.0.0.1")
        assert client.get("/auth/me", headers=ann.headers).status_code == 200
        assert client.post("/auth/logout", headers=ann.headers).status_code == 200

    def test_an_answer_tells_how_many_attempts_are_left(self, client):
        told = [
            [answer.headers[name] for name in TOLD] for answer in (login(client), login(client))
        ]
        assert [row[:2] for row in told] == [["10", "9"], ["10", "8"]]
        assert 0 < float(told[0][2]) - time.time() <= 61
        assert "Retry-After" not in login(client).headers


class TestBehindAProxy:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        wait_for_a_window(60)
        return replace(settings, rate_limit_auth="2/minute", trusted_proxies=1)

    def test_the_address_that_the_proxy_names_is_counted(self, client):
        for _ in range(2):
            login(client, headers={"X-Forwarded-For": "198.51.100.7"})
        seen = {"X-Forwarded-For": "198.51.100.7"}
        failed(login(client, headers=seen), 429, "RATE_LIMITED")
        # What the client itself put there stands further left, and is not believed.
        longer = {"X-Forwarded-For": "192.0.2.1, 198.51.100.7"}
        failed(login(client, headers=longer), 429, "RATE_LIMITED")
        failed(login(client, headers={"X-Forwarded-For": "192.0.2.1"}), 401, "UNAUTHORIZED")


class TestUploads:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        wait_for_a_window(3600)
        return replace(settings, rate_limit_upload=Settings().rate_limit_upload)

    def test_a_user_has_five_uploads_an_hour(self, client, ann, bob, services):
        assert [upload(client, ann).status_code for _ in range(5)] == [201] * 5
        answer = upload(client, ann)
        failed(answer, 429, "RATE_LIMITED")
        assert 1 <= int(answer.headers["Retry-After"]) <= 3601
        assert services.queue.length() == 5
        assert upload(client, bob).status_code == 201

    def test_new_content_is_an_upload_in_each_family_and_a_change_is_none(
        self, client, ann, add_video
    ):
        def send(number):
            path = ("/api/videos/{}/content", "/videos/{}")[number % 2].format(add_video(ann).id)
            data = {"file": (io.BytesIO(MP4), "x.mp4")}
            method = client.put if number % 2 else client.post
            return method(path, data=data, headers=ann.headers)

        for number in range(5):
            answer = send(number)
            assert answer.status_code in {200, 202}, answer.json
            assert answer.headers["X-RateLimit-Remaining"] == str(4 - number)
        path = f"/videos/{add_video(ann).id}"
        changed = client.put(path, json={"title": "y"}, headers=ann.headers)
        assert changed.status_code == 200
        failed(send(5), 429, "RATE_LIMITED")

    def test_an_upload_that_is_refused_without_a_token_counts_for_nobody(self, client, ann):
        for _ in range(6):
            client.post("/api/videos", data={"title": "x"})
        assert upload(client, ann).status_code == 201


class TestEverything:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        wait_for_a_window(3600)
        return replace(settings, rate_limit_general="6/hour")

    def test_a_user_has_so_many_requests_an_hour_over_all_routes(self, client, ann, add_video):
        video = add_video(ann)
        paths = ("/auth/me", "/dashboard", "/api/videos", f"/api/videos/{video.id}", "/videos/feed")
        codes = [client.get(path, headers=ann.headers).status_code for path in paths]
        assert codes == [200] * 5
        assert client.get("/api/auth/me", headers=ann.headers).status_code == 200
        for path in paths:
            answer = client.get(path, headers=ann.headers)
            failed(answer, 429, "RATE_LIMITED")
            assert 1 <= int(answer.headers["Retry-After"]) <= 3601

    def test_users_of_one_address_are_counted_apart(self, client, ann, bob):
        answers = [client.get("/auth/me", headers=ann.headers) for _ in range(7)]
        failed(answers[-1], 429, "RATE_LIMITED")
        assert client.get("/auth/me", headers=bob.headers).status_code == 200
        assert client.get("/api/videos").status_code == 200

    def test_one_user_is_counted_together_whatever_the_address(self, client, ann):
        codes = [
            client.get(
                "/auth/me", headers=ann.headers, environ_overrides={"REMOTE_ADDR": f"192.0.2.{n}"}
            ).status_code
            for n in range(7)
        ]
        assert codes == [200] * 6 + [429]

    def test_who_guesses_tokens_is_counted_by_address(self, client, ann):
        codes = [
            client.get("/auth/me", headers={"Authorization": f"Bearer x{n}"}).status_code
            for n in range(7)
        ]
        assert codes == [401] * 6 + [429]
        assert client.get("/auth/me", headers=ann.headers).status_code == 200

    @pytest.mark.parametrize(
        "path",
        [
            "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/static/avatar.svg",
            "/hls/a/b/c/d.m4s",
        ],
    )  # fmt: skip
    def test_probes_documentation_and_media_are_not_counted(self, client, path):
        answers = [client.get(path) for _ in range(9)]
        assert 429 not in {answer.status_code for answer in answers}
        assert "X-RateLimit-Limit" not in answers[0].headers

    def test_a_preflight_is_not_counted(self, client):
        headers = {"Origin": "http://localhost", "Access-Control-Request-Method": "GET"}
        codes = {client.options("/api/videos", headers=headers).status_code for _ in range(9)}
        assert codes == {200}

    def test_the_count_is_kept_in_redis_and_ends_with_its_window(self, client, ann, settings):
        client.get("/auth/me", headers=ann.headers)
        redis: Any = Redis.from_url(settings.redis_url)
        keys = [key for key in redis.scan_iter("*") if b"limit" in key.lower()]
        assert keys
        assert all(0 < redis.ttl(key) <= 3600 for key in keys)


class TestWithoutRedis:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        wait_for_a_window(60)
        return replace(
            settings,
            redis_url="redis://127.0.0.1:1/0",
            rate_limit_auth="3/minute",
            rate_limit_general="5/hour",
        )

    def test_each_process_counts_for_itself(self, client):
        codes = [login(client).status_code for _ in range(5)]
        assert codes == [401, 401, 401, 429, 429]
        failed(login(client), 429, "RATE_LIMITED")

    def test_the_general_limit_holds_as_well(self, client, ann):
        codes = [client.get("/auth/me", headers=ann.headers).status_code for _ in range(6)]
        assert codes == [200] * 5 + [429]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("203.0.113.1", "203.0.113.1", True),
        ("203.0.113.1", "203.0.113.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        # How a server that listens on both kinds of address sees IPv4 clients.
        ("::ffff:203.0.113.1", "::ffff:198.51.100.7", False),
        ("::ffff:203.0.113.1", "203.0.113.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_an_address_is_what_one_subscriber_has(app, first, second, same):
    def counted_as(remote: str) -> str:
        with app.test_request_context("/", environ_overrides={"REMOTE_ADDR": remote}):
            return address()

    assert (counted_as(first) == counted_as(second)) is same
