"""Attacks on accounts: guessing, crowding, look-alikes and too much of everything."""

from __future__ import annotations

import datetime as dt
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from models.audit import Action
from models.errors import RateLimited, Unauthorized, Unavailable
from services.accounts.lockout import (
    FREE_FROM_EVERYWHERE,
    FREE_FROM_ONE_ADDRESS,
    LONGEST_LOCK_SECONDS,
)
from services.accounts.passwords import Passwords
from services.accounts.sessions import Device
from services.adapters.attempts import RedisAttempts
from tests.wire import failed

HOUR = dt.timedelta(hours=1)
WRONG = "Wrong0000"
GUESSER, OWNER = "203.0.113.66", "198.51.100.1"
LOGINS = {
    "/auth/login": lambda login, password: {"email": login, "password": password},
    "/api/auth/login": lambda login, password: {"login": login, "password": password},
}


def login(
    client: FlaskClient, path: str, login: str, password: str, address: str = GUESSER
) -> TestResponse:
    body = LOGINS[path](login, password)
    return client.post(path, json=body, environ_overrides={"REMOTE_ADDR": address})


@pytest.fixture
def guess(services):
    """Sign in as ann from some address."""

    def attempt(password: str = WRONG, address: str = GUESSER, who: str = "ann") -> Any:
        return services.accounts.sign_in(
            login=who, password=password, device=Device(address=address), lifetime=HOUR
        )

    return attempt


def fail(guess, times: int, address: str = GUESSER, who: str = "ann") -> None:
    for _ in range(times):
        with pytest.raises(Unauthorized):
            guess(address=address, who=who)


# Guessing one account's password


@pytest.mark.parametrize("path", LOGINS)
@pytest.mark.parametrize("who", ["ann@example.com", "nobody@example.com"])
def test_a_guesser_is_slowed_down_whether_or_not_there_is_such_an_account(client, ann, path, who):
    for _ in range(FREE_FROM_ONE_ADDRESS):
        failed(login(client, path, who, "Wrong0000"), 401, "UNAUTHORIZED")
    answer = login(client, path, who, "Wrong0000")
    failed(answer, 429, "RATE_LIMITED")
    assert 1 <= int(answer.headers["Retry-After"]) <= 30


def test_the_right_password_does_not_open_a_locked_door(client, ann, guess):
    fail(guess, FREE_FROM_ONE_ADDRESS)
    failed(login(client, "/auth/login", "ann@example.com", "Passw0rd"), 429, "RATE_LIMITED")


def test_the_owner_is_not_locked_out_by_somebody_who_guesses_elsewhere(ann, guess):
    fail(guess, FREE_FROM_ONE_ADDRESS)
    with pytest.raises(RateLimited):
        guess()
    assert guess("Passw0rd", OWNER).user.id == ann.user.id


def test_guessing_from_everywhere_locks_strangers_out_and_not_the_owner(ann, guess):
    guess("Passw0rd", OWNER)
    for number in range(FREE_FROM_EVERYWHERE):
        fail(guess, 1, f"203.0.113.{number}")
    with pytest.raises(RateLimited) as locked:
        guess(address="192.0.2.200")
    assert (locked.value.retry_after_seconds or 0) <= LONGEST_LOCK_SECONDS
    assert guess("Passw0rd", OWNER).user.id == ann.user.id, "from where they always come"


def test_locks_grow_and_end(ann, guess, services):
    redis = services.queue.rq.connection
    waits = []
    fail(guess, FREE_FROM_ONE_ADDRESS)
    for _ in range(8):
        with pytest.raises(RateLimited) as locked:
            guess()
        waits.append(locked.value.retry_after_seconds)
        redis.delete(*redis.keys("locked:*"))  # as it is when the time is over
        fail(guess, 1)
    assert waits == sorted(waits)
    assert waits[0] <= 30
    assert waits[-1] <= LONGEST_LOCK_SECONDS
    redis.delete(*redis.keys("locked:*"))
    assert guess("Passw0rd").user.id == ann.user.id
    fail(guess, FREE_FROM_ONE_ADDRESS)  # the count has begun anew


def test_what_was_guessed_is_in_the_audit_log_and_the_password_is_not(ann, guess, services):
    fail(guess, FREE_FROM_ONE_ADDRESS)
    noted = services.audit.log.newest(user_id=ann.user.id, limit=20)
    actions = [entry.action for entry in noted]
    assert actions.count(Action.SIGN_IN_FAILED) == FREE_FROM_ONE_ADDRESS - 1
    assert actions.count(Action.LOCKED_OUT) == 1
    assert {entry.address for entry in noted[:FREE_FROM_ONE_ADDRESS]} == {GUESSER}
    assert "Wrong0000" not in str(noted)


def test_while_redis_is_away_nothing_is_locked():
    attempts = RedisAttempts(Redis.from_url("redis://127.0.0.1:1/0"))
    assert attempts.failed("a", "b") == [0, 0]
    attempts.lock("a", 30)
    attempts.forget("a")
    assert attempts.locked_for("a", "b") == [0, 0]


# Crowds


def test_a_thousand_logins_in_parallel_are_each_right(app, services, join, record_property):
    people = [join(f"crowd{number}") for number in range(10)]

    def sign_in(number: int) -> tuple[int, bool]:
        person, right = people[number % 10], number % 4 != 0
        body = {"email": person.user.email, "password": "Passw0rd" if right else "Wrong0000"}
        address = f"10.{number // 250}.{number % 250}.1"
        answer = app.test_client().post(
            "/auth/login", json=body, environ_overrides={"REMOTE_ADDR": address}
        )
        whose = answer.get_json().get("user", {}).get("email", person.user.email)
        return answer.status_code, whose == person.user.email

    started = time.perf_counter()
    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(sign_in, range(1000)))
    record_property("1,000 logins in parallel", f"{time.perf_counter() - started:.1f} s")
    assert all(own for _, own in answers)
    right = [status for number, (status, _) in enumerate(answers) if number % 4]
    wrong = [status for number, (status, _) in enumerate(answers) if not number % 4]
    # Whom so many guess wrong from everywhere is locked for strangers: the lock is what holds.
    assert set(right) <= {200, 429, 503}
    assert set(wrong) <= {401, 429, 503}
    assert 200 in right
    assert 401 in wrong


def test_a_crowd_that_signs_in_leaves_room_for_others():
    passwords = Passwords(pepper="p", rounds=11, places=threading.BoundedSemaphore(2))
    stored = passwords.hash("Passw0rd")
    refused = []

    def check() -> None:
        try:
            assert passwords.matches("Passw0rd", stored)
        except Unavailable:
            refused.append(True)

    crowd = [threading.Thread(target=check) for _ in range(12)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert refused
    assert passwords.matches("Passw0rd", stored), "and there is room again"


# Passwords that are long


@pytest.mark.parametrize("password", ["Aa1" + "x" * 70, "Aa1" + "ü" * 60, "Aa1" + "🙂" * 200])
def test_a_password_beyond_72_bytes_counts_to_its_last_byte(client, password):
    body = {"username": "longish", "email": "long@example.com", "password": password}
    assert client.post("/api/auth/register", json=body).status_code == 201
    for path in LOGINS:
        assert login(client, path, "long@example.com", password, OWNER).status_code == 200
        failed(login(client, path, "long@example.com", password[:-1], OWNER), 401, "UNAUTHORIZED")


# Look-alikes


@pytest.mark.parametrize(
    "twin",
    ["ANN@EXAMPLE.COM", "ａｎｎ@example.com", "ann@EXAMPLE.com", " ann@example.com "],  # noqa: RUF001 - full-width on purpose
)
def test_an_address_that_looks_the_same_is_the_same(client, ann, twin):
    body = {"name": "Twin", "email": twin, "password": "Passw0rd"}
    failed(client.post("/auth/signup", json=body), 409, "CONFLICT")
    assert login(client, "/auth/login", twin, "Passw0rd").status_code == 200


@pytest.mark.parametrize(
    "twin", ["\u0430nn@example.com", "ann@ex\u0430mple.com\u0000", "ann\u200b@example.com"]
)
def test_an_address_of_letters_that_only_look_alike_is_refused(client, ann, twin):
    body = {"name": "Twin", "email": twin, "password": "Passw0rd"}
    failed(client.post("/auth/signup", json=body), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("twin", "status", "code"),
    [
        ("ANN", 409, "CONFLICT"),
        ("Ann", 409, "CONFLICT"),
        ("\u0430nn", 400, "VALIDATION_ERROR"),  # a Cyrillic a
        ("ａｎｎ", 400, "VALIDATION_ERROR"),  # noqa: RUF001 - full-width on purpose
        ("ann\u200b", 400, "VALIDATION_ERROR"),
        ("ann ", 400, "VALIDATION_ERROR"),
        ("ann\n", 400, "VALIDATION_ERROR"),
    ],
)
def test_a_username_has_no_look_alike(client, ann, twin, status, code):
    body = {"username": twin, "email": "twin@example.com", "password": "Passw0rd"}
    failed(client.post("/api/auth/register", json=body), status, code)


def test_of_twenty_who_sign_up_with_one_address_at_once_one_wins(app, services):
    def sign_up(number: int) -> int:
        body = {"name": f"N{number}", "email": "race@example.com", "password": "Passw0rd"}
        return app.test_client().post("/auth/signup", json=body).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(sign_up, range(20)))
    assert statuses == [201] + [409] * 19
    kept: Any = services.accounts.users.collection
    assert kept.count_documents({"email": "race@example.com"}) == 1


# Too much


@pytest.mark.parametrize("path", ["/auth/signup", "/auth/login", "/api/auth/register"])
def test_more_json_than_anybody_needs_is_refused_before_it_is_read(client, path):
    huge = {"email": "a@example.com", "password": "x" * 2 * 1024 * 1024, "name": "n"}
    failed(client.post(path, json=huge), 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("path", ["/auth/login", "/api/auth/login"])
def test_json_that_is_deep_is_refused_and_harms_nobody(client, ann, path):
    deep = b'{"email":' + b"[" * 50_000 + b"]" * 50_000 + b',"password":"x"}'
    answer = client.post(path, data=deep, content_type="application/json")
    failed(answer, 400, "VALIDATION_ERROR")
    assert client.get("/auth/me", headers=ann.headers).status_code == 200


def test_an_answer_never_holds_what_a_person_must_not_see(client, ann):
    answers = [
        login(client, "/auth/login", "ann@example.com", "Passw0rd", OWNER),
        login(client, "/api/auth/login", "ann", "Passw0rd", OWNER),
        client.get("/auth/me", headers=ann.headers),
        client.get("/api/auth/me", headers=ann.headers),
        client.get("/auth/sessions", headers=ann.headers),
    ]
    hidden = ("password", "hash", "$2b$", "second_factor", "secret")
    for answer in answers:
        assert not [word for word in hidden if word in answer.get_data(as_text=True)]
