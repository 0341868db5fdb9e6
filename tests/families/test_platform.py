"""The platform API's accounts, against documents 000 and 003."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

from tests.conftest import SECRET
from tests.wire import (
    JSON,
    UUID,
    bearer,
    failed,
    fields_of,
    moment,
    sign_in,
    unchanging,
)

NEW = {"username": "Ann_1", "email": "Ann@Example.com", "password": "Passw0rd"}
USER = {
    "id", "username", "email", "display_name", "avatar_url",
    "created_at", "follower_count", "following_count",
}  # fmt: skip


def claims_of(token: str) -> dict[str, object]:
    found: dict[str, object] = jwt.decode(
        token, SECRET, ["HS256"], audience="clutch-users", issuer="clutch-platform"
    )
    return found


# Accounts


def test_registering_answers_what_000_shows_and_signs_in(client, clock):
    answer = client.post("/api/auth/register", json={**NEW, "display_name": "Ann B."})
    assert answer.status_code == 201
    assert set(answer.json) == {"success", "message", "user", "tokens"}
    assert answer.json["success"] is True
    assert answer.json["message"] == "Account created successfully"
    user = answer.json["user"]
    assert set(user) == USER
    assert UUID.fullmatch(user["id"])
    assert abs(moment(user.pop("created_at")) - clock()) < dt.timedelta(minutes=1)
    assert user | {"id": ""} == {
        "id": "",
        "username": "Ann_1",
        "email": "ann@example.com",
        "display_name": "Ann B.",
        "avatar_url": "http://localhost/static/avatar.svg",
        "follower_count": 0,
        "following_count": 0,
    }
    assert set(answer.json["tokens"]) == {"access_token", "refresh_token"}
    headers = bearer(answer.json["tokens"]["access_token"])
    assert client.get("/api/auth/me", headers=headers).status_code == 200
    assert client.get("/static/avatar.svg").status_code == 200


def test_tokens_carry_000s_claims(client):
    tokens = client.post("/api/auth/register", json=NEW).json["tokens"]
    access, refresh = claims_of(tokens["access_token"]), claims_of(tokens["refresh_token"])
    assert {
        "user_id", "username", "email", "display_name", "avatar_url", "role", "exp", "iat",
        "iss", "aud", "jti", "sid", "typ",
    } == set(access)  # fmt: skip
    assert (access["role"], access["typ"]) == ("user", "access")
    assert int(access["exp"]) - int(access["iat"]) == 15 * 60  # type: ignore[call-overload]  # claims are numbers
    assert int(refresh["exp"]) - int(refresh["iat"]) == 7 * 24 * 3600  # type: ignore[call-overload]  # the same
    assert refresh["typ"] == "refresh"
    assert refresh["sid"] == access["sid"]


WRONG = {
    "username": ("ab", "a" * 31, "a-b", "änn", "ann\n", "", None, 5),
    "email": ("ann", "", None, {"$gt": ""}),
    "password": ("Sh0rt", "passw0rd", "Password", "P0" + "x" * 1023, None, {"$gt": ""}),
    "display_name": ("", "d" * 51, 5),
    "role": ("admin",),
    "is_active": (True,),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_registration_keeps_000s_rules(client, subtests, field):
    for value in WRONG[field]:
        with subtests.test(f"{value!r:.40}"):
            answer = client.post("/api/auth/register", json={**NEW, field: value})
            assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {field}


@pytest.mark.parametrize("field", ["username", "email", "password"])
def test_a_registration_needs_three_fields(client, field):
    body = {name: value for name, value in NEW.items() if name != field}
    answer = client.post("/api/auth/register", json=body)
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {field}


def test_a_display_name_of_blanks_is_none(client):
    answer = client.post("/api/auth/register", json={**NEW, "display_name": "   "})
    assert answer.status_code == 400 or answer.json["user"]["display_name"].strip() != ""


@pytest.mark.parametrize(
    ("taken", "field"),
    [
        ({"email": "other@example.com", "username": "ANN_1"}, "username"),
        ({"username": "z_9"}, "email"),
    ],
)
def test_a_username_and_an_email_belong_to_one_person(client, taken, field):
    client.post("/api/auth/register", json=NEW)
    body = failed(client.post("/api/auth/register", json={**NEW, **taken}), 409, "CONFLICT")
    assert set(fields_of(body)) == {field}


@pytest.mark.parametrize(
    "login",
    [
        {"login": "ann_1"}, {"login": "ANN@example.com"}, {"username": "Ann_1"},
        {"email": "ann@example.com"}, {"username": "ann@example.com"}, {"login": " ann_1 "},
    ],
)  # fmt: skip
def test_one_signs_in_with_a_username_or_an_email(client, login):
    user = client.post("/api/auth/register", json=NEW).json["user"]
    answer = client.post("/api/auth/login", json={**login, "password": "Passw0rd"})
    assert answer.status_code == 200
    assert set(answer.json) == {"success", "message", "user", "tokens"}
    assert (answer.json["success"], answer.json["message"]) == (True, "Login successful")
    assert answer.json["user"] == user


def test_a_login_is_one_name_and_a_password(client, subtests):
    for body, field in (
        ({"password": "x"}, "login"),
        ({"login": "a", "username": "a", "password": "x"}, "login"),
        ({"login": "ann"}, "password"),
        ({"login": {"$gt": ""}, "password": "x"}, "login"),
        ({"login": "ann", "password": {"$ne": None}}, "password"),
        ({"login": "", "password": "x"}, "login"),
    ):
        with subtests.test(str(body)):
            answer = client.post("/api/auth/login", json=body)
            assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {field}


def test_a_failed_login_does_not_tell_whether_the_account_exists(client, ann, services):
    bodies = set()
    gone = {"login": "nobody", "password": "Passw0rd"}
    wrong = {"login": "ann", "password": "Wrong0000"}
    for body in (gone, wrong):
        answer = client.post("/api/auth/login", json=body)
        bodies.add(unchanging(failed(answer, 401, "UNAUTHORIZED")))
    services.accounts.users.collection.update_one(
        {"id": ann.user.id}, {"$set": {"is_active": False}}
    )
    answer = client.post("/api/auth/login", json={"login": "ann", "password": "Passw0rd"})
    bodies.add(unchanging(failed(answer, 401, "UNAUTHORIZED")))
    assert len(bodies) == 1


def test_a_refresh_token_is_exchanged_for_new_ones(client, ann, clock):
    tokens = sign_in(client, "ann")["tokens"]
    clock.forward(minutes=16)
    failed(client.get("/api/auth/me", headers=bearer(tokens["access_token"])), 401, "UNAUTHORIZED")
    answer = client.post("/api/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "refresh_token"}
    assert answer.json["refresh_token"] != tokens["refresh_token"]
    headers = bearer(answer.json["access_token"])
    assert client.get("/api/auth/me", headers=headers).status_code == 200


def test_a_session_that_is_refreshed_lives_on_past_its_first_week(client, ann, clock):
    token = sign_in(client, "ann")["tokens"]["refresh_token"]
    for _ in range(3):
        clock.forward(days=6)
        answer = client.post("/api/auth/refresh", json={"refresh_token": token})
        assert answer.status_code == 200
        token = answer.json["refresh_token"]
    clock.forward(days=8)
    failed(client.post("/api/auth/refresh", json={"refresh_token": token}), 401, "UNAUTHORIZED")


def test_a_spent_refresh_token_ends_the_whole_session_and_no_other(client, ann):
    old = sign_in(client, "ann")["tokens"]["refresh_token"]
    new = client.post("/api/auth/refresh", json={"refresh_token": old}).json
    body = failed(
        client.post("/api/auth/refresh", json={"refresh_token": old}), 401, "UNAUTHORIZED"
    )
    assert body["detail"] == "Refresh token is invalid or expired"
    failed(client.get("/api/auth/me", headers=bearer(new["access_token"])), 401, "UNAUTHORIZED")
    answer = client.post("/api/auth/refresh", json={"refresh_token": new["refresh_token"]})
    failed(answer, 401, "UNAUTHORIZED")
    assert client.get("/api/auth/me", headers=ann.headers).status_code == 200


def test_of_many_who_refresh_with_one_token_at_most_one_succeeds(app, client, ann):
    token = sign_in(client, "ann")["tokens"]["refresh_token"]

    def refresh(_: int) -> int:
        body = {"refresh_token": token}
        return app.test_client().post("/api/auth/refresh", json=body).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(refresh, range(6))) == [200, 401, 401, 401, 401, 401]


def test_a_refresh_needs_a_token_as_a_text(client, subtests):
    for value in (None, "", 5, {"$gt": ""}, ["x"], "x" * 5000):
        with subtests.test(f"{value!r:.40}"):
            answer = client.post("/api/auth/refresh", json={"refresh_token": value})
            assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"refresh_token"}


def test_oneself_is_what_000_shows(client, ann, add_video):
    add_video(ann)
    add_video(ann, deleted_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    answer = client.get("/api/auth/me", headers=ann.headers).json
    assert set(answer) == {"user", "profile"}
    assert set(answer["user"]) == USER | {"bio", "verified"}
    assert answer["user"]["id"] == ann.user.id
    assert answer["profile"] == {"total_views": 0, "total_videos": 1, "total_likes_received": 0}


@pytest.mark.parametrize("path", ["register", "login", "refresh"])
def test_a_body_that_is_no_json_object_is_refused(client, subtests, path):
    for body in (b"{", b"[]", b"null", b"\xff", b""):
        with subtests.test(str(body)):
            answer = client.post(f"/api/auth/{path}", data=body, headers=JSON)
            failed(answer, 400, "VALIDATION_ERROR")
