"""Hostile requests: whatever is sent, the answer is a failure of its family, and never a 500."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.wire import JSON, NOBODY, Untouched, bearer, body_of, failed

# What each route that reads JSON accepts, so that one field at a time can be bent.
BODIES = {
    "/auth/signup": {"name": "Joe", "email": "joe@example.com", "password": "Passw0rd"},
    "/auth/login": {"email": "ann@example.com", "password": "Passw0rd", "device": "phone"},
    "/api/auth/register": {
        "username": "joe_1",
        "email": "joe@example.com",
        "password": "Passw0rd",
        "display_name": "Joe",
    },
    "/api/auth/login": {"login": "ann", "password": "Passw0rd"},
    "/api/auth/refresh": {"refresh_token": "x"},
}
FIELDS = [(path, field) for path, body in BODIES.items() for field in body]

# JSON texts, each in the place of one field's value.
VALUES = {
    "an operator": '{"$gt": ""}',
    "a negation": '{"$ne": null}',
    "a pattern": '{"$regex": ".*"}',
    "code": '{"$where": "sleep(1000)"}',
    "a list of operators": '[{"$gt": ""}]',
    "an object id": '{"$oid": "507f1f77bcf86cd799439011"}',
    "a lone surrogate": '"\\ud800"',
    "a lone low surrogate": '"a\\udfffb@example.com"',
    "a huge integer": "1" * 5000,
    "a huge float": "1e999",
    "not a number": "NaN",
    "infinity": "-Infinity",
    "deep lists": "[" * 10_000 + "]" * 10_000,
    "deep objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "a long text": '"' + "x" * 100_000 + '"',
    "an empty object": "{}",
    "true": "true",
}


@pytest.mark.parametrize("value", VALUES)
def test_a_bent_field_is_a_mistake_in_the_request(client, value):
    answers = {}
    for path, field in FIELDS:
        body = json.dumps({**BODIES[path], field: "HERE"}).replace('"HERE"', VALUES[value])
        answer = client.post(path, data=body, headers=JSON)
        answers[f"{path} {field}"] = answer.status_code
        if answer.status_code == 400:
            failed(answer, 400, "VALIDATION_ERROR")
    assert set(answers.values()) == {400}, answers


@pytest.mark.parametrize(
    "text", ["a\x00b", "\x00", "\u202e", "\ufeff", "\uffff", "\x7f", "\U0001f600"]
)
def test_an_odd_text_breaks_nothing(client, text):
    for path, field in FIELDS:
        answer = client.post(path, json={**BODIES[path], field: text})
        assert answer.status_code in {200, 201, 400, 401, 409}, (path, field)


@pytest.mark.parametrize(
    "body",
    [
        b'{"email": "a@example.com", "password": "x", "__proto__": {"a": 1}, "$where": "1"}',
        b'{"$or": [{}], "email": "ann@example.com", "password": "wrong000"}',
        b'{"email": "nobody@example.com", "email": "ann@example.com", "password": "wrong000"}',
        b'{"email\\u0000": 1, "": 2, "email": "ann@example.com", "password": "wrong000"}',
        b'{"email.$gt": "", "email": "ann@example.com", "password": "wrong000"}',
    ],
)
def test_odd_keys_open_no_door(client, ann, body):
    failed(client.post("/auth/login", data=body, headers=JSON), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-16", "application/json;", "a/b+json"]
)
def test_odd_content_types_are_judged_by_what_they_hold(client, ann, kind):
    body = json.dumps({"email": "ann@example.com", "password": "Passw0rd"})
    answer = client.post("/auth/login", data=body, headers={"Content-Type": kind})
    assert answer.status_code in {200, 400, 415}


def test_a_json_body_that_announces_too_much_is_not_read(client, subtests):
    """An upload may have 2 GiB and goes to disk; JSON is held in memory."""
    for path in BODIES:
        with subtests.test(path):
            announced = body_of(Untouched(), 2 * 1024**2)
            answer = client.post(path, headers=JSON, environ_overrides=announced)
            failed(answer, 413, "PAYLOAD_TOO_LARGE")


class Endless(io.RawIOBase):
    """A body that goes on for as long as it is read."""

    read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        assert self.read_bytes < 8 * 1024**2, "read on and on"
        buffer[:] = b" " * len(buffer)
        self.read_bytes += len(buffer)
        return len(buffer)


def test_a_json_body_without_a_length_is_not_read_for_ever(client, subtests):
    for path in BODIES:
        with subtests.test(path):
            answer = client.post(path, headers=JSON, environ_overrides=body_of(Endless(), None))
            failed(answer, 413, "PAYLOAD_TOO_LARGE")


GUARDED = ("/auth/me", "/api/auth/me", f"/stream/{NOBODY}", "/videos/feed")
STREAMS = ("/video/{}/stream", "/stream/{}", "/api/videos/{}/stream")


@pytest.mark.parametrize(
    "token", ["\xff\xfe", "ä" * 50, "x" * 60_000, "a.b.c" * 5000, "\x00", "🙂"]
)
def test_an_odd_access_token_is_no_token(client, token):
    environ = {"HTTP_AUTHORIZATION": f"Bearer {token}".encode().decode("latin-1")}
    for path in GUARDED:
        failed(client.get(path, environ_overrides=environ), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("token", ["%ff%fe", "%00", "x" * 4096, "%F0%9F%99%82", "a&token=b", "[]"])
def test_an_odd_playback_token_is_no_token(client, ann, add_video, token):
    video = add_video(ann)
    for path in STREAMS:
        url = f"{path.format(video.id)}?token={token}"
        failed(client.get(url, headers=ann.headers), 401, "UNAUTHORIZED")


def test_a_playback_token_that_is_too_long_is_refused(client, ann):
    for path in STREAMS:
        url = f"{path.format(NOBODY)}?token={'x' * 4097}"
        failed(client.get(url, headers=ann.headers), 400, "VALIDATION_ERROR")


REFERENCES = [
    "%ff%fe", "%00", "a%00b", "..", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..%5cx",
    "{%22$gt%22:%22%22}", "%F0%9F%99%82", "-1", "0", "null", "undefined", "x" * 8000,
    "%EF%BC%91" * 24, "g" * 24, "{0190a5d0-0000-7000-8000-000000000000}", "%20", "a;b",
    "%0d%0aX: y",
]  # fmt: skip


def test_an_odd_reference_finds_nothing(client, ann, add_video, services, subtests):
    token = services.catalogue.tokens.playback(ann.user.id, add_video(ann))
    for path in ("/api/videos/{}", "/videos/{}", "/api/videos/{}/thumbnail", *STREAMS):
        for reference in REFERENCES:
            with subtests.test(path.format(reference[:40])):
                url = f"{path.format(reference)}?token={token}"
                failed(client.get(url, headers=ann.headers), 404, "NOT_FOUND")


QUERIES = (
    "page=" + "9" * 5000, "page=1e3", "page=0x10", "page=%D9%A1", "page=1&page=2",
    "page[$gt]=1", "limit=" + "9" * 400, "limit=1%00", "tags=" + "," * 500,
    "tags=" + ",".join("abcdefghij" * 24),
    "category[$ne]=x", "category=%00", "category=%ff", "category=$where", "tags=$gt,%7B%7D",
    "sort=$natural", "sort=_id", "cursor=", "cursor=%00",
    "cursor=.eJwrSy0qzszPAwAI3gLX.x", "=&=&&", "&" * 5000, "%", "%zz=1",
)  # fmt: skip


def test_an_odd_query_breaks_nothing(client, ann, add_video, subtests):
    add_video(ann)
    for path in ("/api/videos", "/videos/feed", "/dashboard"):
        for query in QUERIES:
            with subtests.test(f"{path}?{query[:40]}"):
                answer = client.get(f"{path}?{query}", headers=ann.headers)
                assert answer.status_code in {200, 400}
                if answer.status_code == 400:
                    failed(answer, 400, "VALIDATION_ERROR")


def test_an_odd_host_breaks_nothing(client, ann, add_video, subtests):
    add_video(ann)
    for host in ("bad host", "a<b>", "", "x" * 5000, "evil.example", "[::1", "ä"):
        with subtests.test(host[:40]):
            answer = client.get("/api/videos", environ_overrides={"HTTP_HOST": host})
            assert answer.status_code in {200, 400}


HEADERS = (
    {"X-HTTP-Method-Override": "DELETE"}, {"X-Original-URL": "/metrics"},
    {"Range": "bytes=" + "0-1," * 5000}, {"Range": "bytes=-"}, {"If-Range": "x"},
    {"If-Modified-Since": "never"}, {"Accept": "text/html"}, {"Accept-Encoding": "x" * 5000},
    {"Content-Type": "multipart/form-data"}, {"Transfer-Encoding": "chunked"},
    {"Cookie": "session=" + "x" * 4000}, {"Content-Length": "-1"}, {"Content-Length": "x"},
    {"User-Agent": "\xff" * 5000}, {"X-Forwarded-For": "1.2.3.4'; --"}, {"Forwarded": "for=_x"},
    {"Origin": "null"}, {"Origin": "x" * 5000}, {"Access-Control-Request-Method": "\xff"},
)  # fmt: skip


def test_odd_headers_break_nothing(client, ann, add_video, subtests):
    add_video(ann)
    login = {"email": "ann@example.com", "password": "Passw0rd"}
    for headers in HEADERS:
        with subtests.test(str(headers)[:60]):
            assert client.get("/api/videos", headers=headers).status_code in {200, 400}
            answer = client.post("/auth/login", json=login, headers=headers)
            assert answer.status_code in {200, 400, 415}


def test_the_name_of_a_device_and_of_a_browser_are_kept_short(client, ann, services):
    login = {"email": "ann@example.com", "password": "Passw0rd", "device": "d" * 100}
    agent = {"User-Agent": "u" * 5000}
    token = client.post("/auth/login", json=login, headers=agent).json["token"]
    assert client.get("/auth/me", headers=bearer(token)).status_code == 200
    kept = services.sessions.sessions.collection.find_one({"device": "d" * 100}, hint="_id_")
    assert len(kept["user_agent"]) == 300
    too_long = client.post("/auth/login", json=login | {"device": "d" * 101})
    failed(too_long, 400, "VALIDATION_ERROR")
