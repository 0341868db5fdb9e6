"""Licences of encrypted videos: who gets a key, in which form, and who never does."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from config import Settings
from models.errors import Unavailable
from models.user import Role
from models.video import Visibility
from services import container
from services.container import protection
from services.container.parts import connect
from tests.wire import NOBODY, failed


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def video(ann, add_video, services):
    """An encrypted video of ann's, as the pipeline leaves one."""
    made = add_video(ann, drm_enabled=True, title="Locked")
    assert services.licences.keys.encryption(made)
    return made


@pytest.fixture
def key(services, video):
    found = services.licences.keys.open(video.id)
    assert found is not None
    return found


@pytest.fixture
def ask(client, services):
    """Send a licence request as a person, with a playback token of theirs unless told otherwise."""

    def send(person, video, *, token=None, kids=None, body=None, method="POST", reference=None):
        if token is None and person:
            token = services.catalogue.tokens.playback(person.user.id, video)
        known = services.licences.keys.open(video.id)
        asked = kids if kids is not None else [base64url(known.key_id)] if known else []
        data = body if body is not None else json.dumps({"kids": asked, "type": "temporary"})
        return client.open(
            f"/stream/{reference or video.id}/license" + (f"?token={token}" if token else ""),
            method=method,
            data=data if method == "POST" else None,
            headers=person.headers if person else {},
        )

    return send


def test_a_licence_is_a_jwk_set_of_the_key_that_was_asked_for(ask, ann, bob, video, key):
    for person in (ann, bob):
        answer = ask(person, video)
        assert answer.status_code == 200
        assert answer.content_type == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        told = json.loads(answer.data)
        assert told["type"] == "temporary"
        (jwk,) = told["keys"]
        assert (jwk["kty"], raw(jwk["kid"]), raw(jwk["k"])) == ("oct", key.key_id, key.key)
        assert "=" not in jwk["kid"] + jwk["k"]


def test_hls_gets_the_bare_key_by_the_same_rules(ask, ann, video, key):
    answer = ask(ann, video, method="GET")
    assert (answer.status_code, answer.data) == (200, key.key)
    assert answer.headers["Cache-Control"] == "no-store"
    failed(ask(None, video, token="x", method="GET"), 401, "UNAUTHORIZED")


def test_either_id_of_the_video_will_do(ask, ann, video):
    assert ask(ann, video, reference=video.oid).status_code == 200


@pytest.fixture
def wrong(ann, bob, add_video, services, clock, video):
    """Playback tokens that open nothing, and what is said of each."""
    playback, other = services.catalogue.tokens.playback, add_video(ann, drm_enabled=True)
    clock.forward(hours=-1)
    expired = playback(ann.user.id, video)
    clock.forward(hours=1)
    return {
        "none": ("", 400, "VALIDATION_ERROR"),
        "nonsense": ("x.y.z", 401, "UNAUTHORIZED"),
        "access": (ann.token, 401, "UNAUTHORIZED"),
        "somebody else's": (playback(bob.user.id, video), 403, "FORBIDDEN"),
        "another video's": (playback(ann.user.id, other), 403, "FORBIDDEN"),
        "expired": (expired, 401, "UNAUTHORIZED"),
    }


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_no_key_without_a_right_playback_token(client, ann, video, key, wrong, method):
    body = json.dumps({"kids": [base64url(key.key_id)]})
    for token, status, code in wrong.values():
        path = f"/stream/{video.id}/license?token={token}"
        answer = client.open(path, method=method, data=body, headers=ann.headers)
        failed(answer, status, code)
        assert key.key not in answer.data
        assert base64url(key.key).encode() not in answer.data


def test_a_session_that_is_over_gets_no_key(client, ask, ann, video):
    assert ask(ann, video).status_code == 200
    client.post("/auth/logout", headers=ann.headers)
    failed(ask(ann, video), 401, "UNAUTHORIZED")


def test_who_may_not_watch_gets_no_key(ask, ann, bob, join, add_video, services):
    secret = add_video(ann, drm_enabled=True, visibility=Visibility.PRIVATE)
    off = add_video(ann, drm_enabled=True, is_active=False)
    for video in (secret, off):
        services.licences.keys.encryption(video)
        failed(ask(bob, video), 403, "FORBIDDEN")
    assert ask(ann, secret).status_code == 200
    assert ask(join("boss", role=Role.STAFF), secret).status_code == 200
    failed(ask(ann, off), 403, "FORBIDDEN")


def test_keys_of_another_video_are_not_given_out_with_a_token_for_this_one(
    ask, ann, add_video, services, video, key
):
    other = add_video(ann, drm_enabled=True)
    services.licences.keys.encryption(other)
    theirs = base64url(services.licences.keys.open(other.id).key_id)
    own = base64url(key.key_id)
    for kids in ([theirs], [own, theirs], [base64url(bytes(16))]):
        failed(ask(ann, video, kids=kids), 403, "FORBIDDEN")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '"kids"',
        "{}",
        '{"kids": []}',
        '{"kids": "AAAAAAAAAAAAAAAAAAAAAA"}',
        '{"kids": [1]}',
        '{"kids": [null]}',
        '{"kids": ["AAAA"]}',
        '{"kids": ["!!!!!!!!!!!!!!!!!!!!!!"]}',
        '{"kids": ["ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ"]}',
        json.dumps({"kids": [base64url(bytes(16))] * 33}),
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_licence_request_is_said_to_be_so(ask, ann, video, body):
    failed(ask(ann, video, body=body), 400, "VALIDATION_ERROR")


def test_a_long_request_is_refused_unread(ask, ann, video):
    failed(ask(ann, video, body=b"x" * 10_000), 413, "PAYLOAD_TOO_LARGE")


def test_a_clear_video_and_one_that_is_not_there_have_no_licence(ask, ann, add_video, video):
    failed(ask(ann, add_video(ann), kids=[base64url(bytes(16))]), 404, "NOT_FOUND")
    failed(ask(ann, video, reference=NOBODY), 404, "NOT_FOUND")


@pytest.fixture
def settings(settings: Settings, request) -> Settings:
    return replace(settings, **getattr(request, "param", {}))


@pytest.mark.parametrize("settings", [{"rate_limit_license": "3/minute"}], indirect=True)
def test_licences_are_limited_per_person(ask, ann, bob, video):
    statuses = [ask(ann, video).status_code for _ in range(5)]
    # A minute may begin in between.
    assert statuses.count(429) in {1, 2}
    assert ask(bob, video).status_code == 200


# What `stream` says


@pytest.mark.parametrize("path", ["/stream/{}", "/video/{}/stream"])
def test_a_stream_says_where_its_licence_is(client, ann, services, video, key, path):
    token = services.catalogue.tokens.playback(ann.user.id, video)
    told = client.get(f"{path.format(video.id)}?token={token}", headers=ann.headers).json["drm"]
    assert (told["type"], told["key_system"]) == ("clearkey", "org.w3.clearkey")
    assert [system["type"] for system in told["systems"]] == ["clearkey"]
    url = told["license_url"].removeprefix("http://localhost")
    body = json.dumps({"kids": [base64url(key.key_id)]})
    answer = client.post(url, data=body, headers=ann.headers)
    assert raw(json.loads(answer.data)["keys"][0]["k"]) == key.key


@pytest.mark.parametrize("path", ["/stream/{}", "/video/{}/stream"])
def test_a_clear_stream_says_nothing_of_licences(client, ann, add_video, services, path):
    video = add_video(ann)
    token = services.catalogue.tokens.playback(ann.user.id, video)
    answer = client.get(f"{path.format(video.id)}?token={token}", headers=ann.headers)
    assert "drm" not in answer.json


ELSEWHERE = {
    "drm_clearkey": False,
    "drm_widevine_license_url": "https://licences.example/widevine",
    "drm_fairplay_license_url": "https://licences.example/fairplay",
    "drm_fairplay_certificate_url": "https://licences.example/fairplay.cer",
}


@pytest.mark.parametrize("settings", [ELSEWHERE], indirect=True)
def test_with_licences_elsewhere_players_are_sent_there_and_none_are_given_out_here(
    client, ask, ann, services, video
):
    token = services.catalogue.tokens.playback(ann.user.id, video)
    told = client.get(f"/stream/{video.id}?token={token}", headers=ann.headers).json["drm"]
    assert told["type"] == "widevine"
    assert [system["key_system"] for system in told["systems"]] == [
        "com.widevine.alpha",
        "com.apple.fps",
    ]
    assert told["systems"][1]["certificate_url"] == "https://licences.example/fairplay.cer"
    failed(ask(ann, video), 404, "NOT_FOUND")


# Keys at rest


def test_the_database_alone_opens_no_video(services, settings, video, key):
    stored = services.licences.keys.keys.collection.find_one({"video_id": video.id})
    assert stored["key_id"] == key.key_id.hex()
    everything = repr(stored)
    assert key.key.hex() not in everything
    assert base64url(key.key) not in everything
    assert key.key.hex() not in repr(key)


def test_a_video_has_one_key_however_often_it_is_packaged(services, video):
    keys = services.licences.keys
    first, second = keys.encryption(video), keys.encryption(video)
    assert first == second
    keys.keys.forget_video(video.id)
    assert keys.open(video.id) is None
    assert keys.encryption(video) != first


def test_each_video_has_a_key_of_its_own(services, ann, add_video):
    made = [services.licences.keys.encryption(add_video(ann, drm_enabled=True)) for _ in range(5)]
    assert len({one.key for one in made}) == len({one.key_id for one in made}) == 5


def reopened(settings: Settings, **changes: str):
    parts = connect(replace(settings, **changes), container.now, container.new_id)
    return protection.content_keys(parts)


def test_keys_outlive_a_change_of_the_signing_key(settings, video, key):
    other = "another secret that is long enough for HS256 as well"
    kept = reopened(settings, jwt_secret_key=other, jwt_secret_key_previous=settings.jwt_secret_key)
    assert kept.open(video.id) == key
    with pytest.raises(Unavailable):
        reopened(settings, jwt_secret_key=other).open(video.id)


def test_a_secret_of_their_own_is_what_closes_them(settings, ann, add_video):
    own = reopened(settings, drm_key_secret="a secret for keys alone")
    video = add_video(ann, drm_enabled=True)
    own.encryption(video)
    rekeyed = reopened(
        settings,
        drm_key_secret="a secret for keys alone",
        jwt_secret_key="another secret that is long enough for HS256 as well",
    )
    assert rekeyed.open(video.id) == own.open(video.id)
