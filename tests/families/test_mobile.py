"""The mobile API against document 001: every body, every status."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import jwt
import pytest

from config import Settings
from models.video import ProcessingStatus, Visibility
from tests.conftest import SECRET
from tests.wire import JSON, NOBODY, OID, bearer, failed, fields_of, unchanging

JOHN = {"name": "John Doe", "email": "john@example.com", "password": "password123"}
EMBED = (
    "https://www.youtube-nocookie.com/embed/CBYhVcO4WgI"
    "?autoplay=0&controls=1&playsinline=1&enablejsapi=1"
)
# What is wrong with any text field.
NOT_TEXT = {
    "missing": ...,
    "null": None,
    "empty": "",
    "number": 5,
    "list": ["a@example.com"],
    "boolean": True,
    "operator": {"$gt": ""},
}


def without(body: Mapping[str, object], field: str, value: object) -> dict[str, object]:
    """`body` with another value for `field`; without it for `...`."""
    changed = {**body, field: value}
    return {name: kept for name, kept in changed.items() if kept is not ...}


def test_the_health_check_says_what_001_says(client):
    response = client.get("/")
    assert response.status_code == 200
    assert response.json == {"message": "Video App API", "status": "running", "version": "1.0.0"}


# Sign-up


def test_signing_up_answers_an_object_id_and_stores_a_bcrypt_hash(client, services):
    response = client.post("/auth/signup", json=JOHN)
    assert response.status_code == 201
    assert set(response.json) == {"message", "user_id"}
    assert response.json["message"] == "User registered successfully"
    assert OID.fullmatch(response.json["user_id"])
    user = services.accounts.users.get(response.json["user_id"])
    assert (user.display_name, user.email) == ("John Doe", "john@example.com")
    assert re.fullmatch(r"hmac:\$2b\$04\$.{53}", user.password_hash)


def test_an_email_is_kept_in_lower_case_and_a_name_without_spaces_around(client, services):
    body = {**JOHN, "name": "  John  ", "email": "  John.DOE@Example.COM "}
    user_id = client.post("/auth/signup", json=body).json["user_id"]
    user = services.accounts.users.get(user_id)
    assert (user.email, user.display_name) == ("john.doe@example.com", "John")


@pytest.fixture
def assert_refused(client, subtests):
    """Send `good` with each of these values for one field; each must be refused for that field."""

    def check(path: str, good: Mapping[str, object], field: str, values: Mapping[str, object]):
        for name, value in {**NOT_TEXT, **values}.items():
            with subtests.test(f"{field}: {name}"):
                answer = client.post(path, json=without(good, field, value))
                assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {field}

    return check


def test_a_name_must_be_a_text(assert_refused):
    assert_refused("/auth/signup", JOHN, "name", {"blank": "   ", "long": "n" * 101})


def test_an_email_must_be_an_address(assert_refused):
    wrong = {
        "blank": "   ",
        "no at": "john.example.com",
        "no domain": "john@",
        "no local part": "@example.com",
        "no dot": "john@localhost",
        "two": "a@example.com,b@example.com",
        "space": "jo hn@example.com",
        "header": "john@example.com\r\nBcc: all@example.com",
        "nul": "john\x00@example.com",
        "look-alike": "j\u043ehn@example.com",
        "long": "j" * 250 + "@example.com",
    }
    assert_refused("/auth/signup", JOHN, "email", wrong)


def test_a_password_must_have_six_characters(assert_refused):
    assert_refused("/auth/signup", JOHN, "password", {"short": "12345", "long": "p" * 1025})


def test_all_wrong_fields_are_named_at_once(client):
    body = failed(client.post("/auth/signup", json={}), 400, "VALIDATION_ERROR")
    assert set(fields_of(body)) == {"name", "email", "password"}


@pytest.mark.parametrize("path", ["/auth/signup", "/auth/login"])
def test_a_body_that_is_no_json_object_is_refused(client, subtests, path):
    for body in (b"{", b"", b"null", b"[]", b'"text"', b"5", b'{"email": }', b"\xff\xfe"):
        with subtests.test(str(body)):
            failed(client.post(path, data=body, headers=JSON), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("path", ["/auth/signup", "/auth/login"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_content_type_is_refused(client, path, kind):
    response = client.post(path, data=b"email=a@example.com", headers={"Content-Type": kind})
    failed(response, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_an_email_can_be_registered_once_whatever_its_case(client):
    assert client.post("/auth/signup", json=JOHN).status_code == 201
    body = failed(
        client.post("/auth/signup", json={**JOHN, "email": "JOHN@example.COM"}), 409, "CONFLICT"
    )
    assert body["error"] == "Email already registered"


def test_of_many_who_register_one_email_at_once_one_succeeds(app):
    def signup(_: int) -> int:
        return app.test_client().post("/auth/signup", json=JOHN).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(signup, range(6))) == [201, 409, 409, 409, 409, 409]


def test_people_may_have_the_same_name(client):
    for number in range(3):
        body = {**JOHN, "email": f"john{number}@example.com"}
        assert client.post("/auth/signup", json=body).status_code == 201


# Login, profile, logout


def test_a_login_answers_a_token_for_24_hours_and_the_user(client, clock):
    user_id = client.post("/auth/signup", json=JOHN).json["user_id"]
    answer = client.post("/auth/login", json=JOHN | {"device": "phone"})
    assert answer.status_code == 200
    assert set(answer.json) == {"message", "token", "user", "refresh_token", "expires_in"}
    assert answer.json["message"] == "Login successful"
    assert answer.json["user"] == {"id": user_id, "name": "John Doe", "email": "john@example.com"}
    claims = jwt.decode(answer.json["token"], SECRET, ["HS256"], audience="clutch-users")
    assert claims["exp"] - claims["iat"] == answer.json["expires_in"] == 24 * 3600
    headers = bearer(answer.json["token"])
    clock.forward(hours=23, minutes=59)
    assert client.get("/auth/me", headers=headers).status_code == 200
    clock.forward(minutes=2)
    body = failed(client.get("/auth/me", headers=headers), 401, "UNAUTHORIZED")
    assert body["error"] == "Token is invalid or expired"


@pytest.mark.parametrize("email", ["ANN@example.com", " ann@example.com ", "ann@EXAMPLE.com"])
def test_an_email_is_found_in_any_case(client, ann, email):
    answer = client.post("/auth/login", json={"email": email, "password": "Passw0rd"})
    assert answer.json["user"]["id"] == ann.user.oid


def test_an_address_that_was_registered_in_punycode_signs_in_in_punycode(client):
    john = JOHN | {"email": "john@xn--exmple-cua.com"}
    assert client.post("/auth/signup", json=john).status_code == 201
    assert client.post("/auth/login", json=john).status_code == 200


def test_a_wrong_password_and_an_unknown_email_get_the_same_answer(client, ann):
    wrong = client.post("/auth/login", json={"email": ann.user.email, "password": "Wrong0000"})
    unknown = client.post("/auth/login", json={"email": "x@example.com", "password": "Passw0rd"})
    body = failed(wrong, 401, "UNAUTHORIZED")
    assert body["error"] == "Invalid email or password"
    assert unchanging(body) == unchanging(failed(unknown, 401, "UNAUTHORIZED"))


@pytest.mark.parametrize("field", ["email", "password"])
def test_a_login_needs_both_fields_as_texts(assert_refused, ann, field):
    good = {"email": ann.user.email, "password": "Passw0rd"}
    assert_refused("/auth/login", good, field, {"long": "x" * 1025})


def test_a_profile_has_001s_fields_and_form_of_time(client, ann):
    answer = client.get("/auth/me", headers=ann.headers)
    assert answer.status_code == 200
    created = ann.user.created_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert answer.json == {
        "user": {
            "id": ann.user.oid,
            "name": "ann",
            "email": "ann@example.com",
            "created_at": created,
        }
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", created)


def test_the_profile_of_somebody_who_is_gone_is_not_found(client, ann, services):
    services.accounts.users.collection.delete_one({"id": ann.user.id})
    assert failed(client.get("/auth/me", headers=ann.headers), 404, "NOT_FOUND")["error"] == (
        "User not found"
    )


@pytest.mark.parametrize("header", ["{token}", "Token {token}", "Bearer", "Bearer x", "Basic eA=="])
def test_a_token_belongs_behind_the_word_bearer(client, ann, header):
    headers = {"Authorization": header.format(token=ann.token)}
    response = client.get("/auth/me", headers=headers)
    assert failed(response, 401, "UNAUTHORIZED")["error"] == "Token is invalid or expired"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_missing_token_is_said_to_be_missing(client):
    body = failed(client.get("/auth/me"), 401, "UNAUTHORIZED")
    assert body["error"] == "Token is missing"


def test_logging_out_ends_this_session_at_once_and_no_other(client, ann):
    other = client.post("/auth/login", json={"email": ann.user.email, "password": "Passw0rd"}).json
    answer = client.post("/auth/logout", headers=ann.headers)
    assert (answer.status_code, answer.json) == (200, {"message": "Logout successful"})
    failed(client.get("/auth/me", headers=ann.headers), 401, "UNAUTHORIZED")
    failed(client.post("/auth/logout", headers=ann.headers), 401, "UNAUTHORIZED")
    assert client.get("/auth/me", headers=bearer(other["token"])).status_code == 200


def test_the_refresh_token_of_a_session_that_was_logged_out_is_dead(client, ann):
    client.post("/auth/logout", headers=ann.headers)
    answer = client.post("/api/auth/refresh", json={"refresh_token": ann.refresh_token})
    failed(answer, 401, "UNAUTHORIZED")


# Dashboard


def test_the_dashboard_shows_two_videos_each_with_its_own_token(client, ann, add_video):
    made = [add_video(ann, title=f"v{n}") for n in range(4)]
    videos = client.get("/dashboard", headers=ann.headers).json["videos"]
    assert len(videos) == 2
    for video in videos:
        assert set(video) == {"id", "title", "description", "thumbnail_url", "playback_token"}
        claims = jwt.decode(video["playback_token"], SECRET, ["HS256"], audience="clutch-users")
        own = next(v for v in made if v.oid == video["id"])
        assert (claims["video_id"], claims["user_id"]) == (own.id, ann.user.id)
        assert claims["exp"] - claims["iat"] == 3600


def test_an_empty_dashboard_is_an_empty_list(client, ann):
    assert client.get("/dashboard", headers=ann.headers).json == {"videos": []}


@pytest.mark.parametrize(("limit", "shown"), [("1", 1), ("3", 3), ("50", 5)])
def test_a_dashboard_can_be_asked_for_more(client, ann, add_video, limit, shown):
    for _ in range(5):
        add_video(ann)
    answer = client.get(f"/dashboard?limit={limit}", headers=ann.headers)
    assert len(answer.json["videos"]) == shown


def test_a_dashboard_has_a_limit(client, ann, subtests):
    for limit in ("0", "-1", "51", "abc", "", "1.5", "9" * 30, "9" * 5000):
        with subtests.test(limit[:40]):
            answer = client.get(f"/dashboard?limit={limit}", headers=ann.headers)
            assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"limit"}


class TestWithAnotherDashboard:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, dashboard_limit=3)

    def test_its_default_length_is_a_setting(self, client, ann, add_video):
        for _ in range(5):
            add_video(ann)
        assert len(client.get("/dashboard", headers=ann.headers).json["videos"]) == 3


HIDDEN = {
    "inactive": {"is_active": False},
    "private": {"visibility": Visibility.PRIVATE},
    "unlisted": {"visibility": Visibility.UNLISTED},
    "deleted": {"deleted_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
    "unprocessed": {"playable": False, "processing_status": ProcessingStatus.PROCESSING},
}


@pytest.mark.parametrize("fields", HIDDEN.values(), ids=HIDDEN)
def test_what_is_hidden_is_on_no_dashboard_not_even_its_owners(client, ann, add_video, fields):
    add_video(ann, title="hidden", **fields)
    add_video(ann, title="shown")
    videos = client.get("/dashboard?limit=10", headers=ann.headers).json["videos"]
    assert [video["title"] for video in videos] == ["shown"]


def test_the_newest_video_comes_first(client, ann, add_video, clock):
    for age in (2, 0, 3, 1):
        add_video(ann, title=str(age), published_at=clock() - dt.timedelta(days=age))
    videos = client.get("/dashboard?limit=4", headers=ann.headers).json["videos"]
    assert [video["title"] for video in videos] == ["0", "1", "2", "3"]


# Streams


def test_a_dashboard_of_seeds_leads_to_the_embed_of_001(client, ann, services):
    services.seeding.youtube()
    first, second = client.get("/dashboard", headers=ann.headers).json["videos"]
    assert first["title"] == "How to Start a Startup - Sam Altman (Y Combinator)"
    assert first["description"].startswith("Learn the fundamentals of building a successful")
    assert second["title"] == "Steve Jobs Stanford Commencement Address"
    path = f"/video/{first['id']}/stream?token={first['playback_token']}"
    answer = client.get(path, headers=ann.headers)
    assert answer.status_code == 200
    assert answer.json == {
        "stream_url": EMBED,
        "video_id": first["id"],
        "title": "How to Start a Startup - Sam Altman (Y Combinator)",
    }


def test_a_video_of_our_own_streams_from_a_granted_master_playlist(client, ann, add_video):
    video = add_video(ann)
    shown = client.get("/dashboard", headers=ann.headers).json["videos"][0]
    for reference in (video.oid, video.id):
        path = f"/video/{reference}/stream?token={shown['playback_token']}"
        answer = client.get(path, headers=ann.headers).json
        assert answer["video_id"] == video.oid
        assert re.fullmatch(
            rf"http://localhost/hls/[\w-]{{22}}/\d{{10}}/{video.id}/v2/master\.m3u8",
            answer["stream_url"],
        )


@pytest.mark.parametrize("query", ["", "?token="])
def test_a_stream_without_a_playback_token_is_a_mistake_in_the_request(
    client, ann, add_video, query
):
    answer = client.get(f"/video/{add_video(ann).oid}/stream{query}", headers=ann.headers)
    body = failed(answer, 400, "VALIDATION_ERROR")
    assert body["error"] == "Playback token is required"


def test_a_stream_says_what_001_says_about_each_wrong_token(
    client, ann, add_video, services, clock
):
    video, other = add_video(ann), add_video(ann)
    off = add_video(ann, is_active=False)
    tokens = {v.id: services.catalogue.tokens.playback(ann.user.id, v) for v in (video, other, off)}

    def ask(reference: str, token: str):
        return client.get(f"/video/{reference}/stream?token={token}", headers=ann.headers)

    failed(ask(video.oid, "nonsense"), 401, "UNAUTHORIZED")
    failed(ask(video.oid, tokens[other.id]), 403, "FORBIDDEN")
    failed(ask(off.oid, tokens[off.id]), 403, "FORBIDDEN")
    failed(ask(NOBODY, tokens[video.id]), 404, "NOT_FOUND")
    failed(ask("not-an-id", tokens[video.id]), 404, "NOT_FOUND")
    assert ask(video.oid, tokens[video.id]).status_code == 200
    clock.forward(minutes=61)
    body = failed(ask(video.oid, tokens[video.id]), 401, "UNAUTHORIZED")
    assert body["error"] == "Invalid or expired playback token"


def test_a_stream_needs_the_access_token_as_well(client, ann, add_video, services):
    video = add_video(ann)
    token = services.catalogue.tokens.playback(ann.user.id, video)
    failed(client.get(f"/video/{video.oid}/stream?token={token}"), 401, "UNAUTHORIZED")
