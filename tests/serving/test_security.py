"""Attacks on tokens: one row per attack, and what each is answered."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
import time
from collections.abc import Callable

import jwt
import pytest

from models.video import Video, Visibility
from tests.conftest import SECRET, Person
from tests.wire import NOBODY, bearer, failed, sign_in

# A route of each family that asks for a valid access token, and one that does not insist on any.
GUARDED = ("/auth/me", "/api/auth/me", f"/stream/{NOBODY}", "/api/videos")


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


def resigned(token: str, header: dict, secret: str = SECRET, digest: str = "sha256") -> str:
    """The same claims under another header, with a signature that fits it."""
    signed = f"{encoded(header)}.{token.split('.')[1]}"
    return f"{signed}.{encoded(hmac.digest(secret.encode(), signed.encode(), digest))}"


def changed(token: str, **values: object) -> str:
    """The same token with other claims, signed with the right secret; `...` leaves one out."""
    claims = {**claims_of(token), **values}
    left = {name: value for name, value in claims.items() if value is not ...}
    return jwt.encode(left, SECRET, algorithm="HS256")


def unsigned(token: str, algorithm: str) -> str:
    return f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{token.split('.')[1]}."


def tampered(token: str) -> str:
    header, _, signature = token.split(".")
    return ".".join((header, encoded({**claims_of(token), "role": "admin"}), signature))


def bad_signature(token: str) -> str:
    head, _, signature = token.rpartition(".")
    return f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


HS256 = {"alg": "HS256", "typ": "JWT"}
PUBLIC_KEY = (
    "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK\n-----END PUBLIC KEY-----"
)

# Each makes something of a valid token that must not be accepted in its place.
FORGERIES: dict[str, Callable[[str], str]] = {
    "tampered claims": tampered,
    "tampered signature": bad_signature,
    "no signature": lambda token: token.rpartition(".")[0] + ".",
    "two parts": lambda token: token.rpartition(".")[0],
    "four parts": lambda token: f"{token}.x",
    "alg none": lambda token: unsigned(token, "none"),
    "alg None": lambda token: unsigned(token, "None"),
    "alg missing": lambda token: resigned(token, {"typ": "JWT"}),
    "another secret": lambda token: resigned(token, HS256, "another secret"),
    "empty secret": lambda token: resigned(token, HS256, ""),
    "a public key as the secret": lambda token: resigned(token, HS256, PUBLIC_KEY),
    "HS384": lambda token: resigned(token, {"alg": "HS384"}, digest="sha384"),
    "HS512": lambda token: resigned(token, {"alg": "HS512"}, digest="sha512"),
    "RS256 in name": lambda token: resigned(token, {"alg": "RS256"}),
    "key in the header": lambda token: resigned(
        token, {"alg": "HS256", "jwk": {"kty": "oct", "k": encoded(b"mine")}}, "mine"
    ),
    "an empty file as the key": lambda token: resigned(
        token, {"alg": "HS256", "kid": "../../../../dev/null"}, ""
    ),
    "unknown critical header": lambda token: resigned(token, {"alg": "HS256", "crit": ["exp"]}),
    "expired": lambda token: changed(token, exp=int(time.time()) - 1),
    "no expiry": lambda token: changed(token, exp=...),
    "null expiry": lambda token: changed(token, exp=None),
    "expiry as a text": lambda token: changed(token, exp="9999999999"),
    "wrong issuer": lambda token: changed(token, iss="somebody"),
    "no issuer": lambda token: changed(token, iss=...),
    "wrong audience": lambda token: changed(token, aud="others"),
    "no audience": lambda token: changed(token, aud=...),
    "no time of issue": lambda token: changed(token, iat=...),
    "not yet valid": lambda token: changed(token, nbf=int(time.time()) + 3600),
    "no type": lambda token: changed(token, typ=...),
    "another type": lambda token: changed(token, typ="id"),
    "type as a list": lambda token: changed(token, typ=["access", "refresh", "playback"]),
    "no user": lambda token: changed(token, user_id=...),
    "claims are a list": lambda token: ".".join(
        (token.split(".")[0], encoded(["user_id"]), token.split(".")[2])
    ),
    "claims are not JSON": lambda token: ".".join(
        (token.split(".")[0], encoded(b"\xff{"), token.split(".")[2])
    ),
    "very long": lambda token: token + "A" * 3000,
    "dots": lambda _: "." * 500,
    "empty JSON": lambda _: "e30.e30.e30",
    "text": lambda _: "let me in",
}  # fmt: skip


@pytest.mark.parametrize("attack", FORGERIES)
def test_a_forged_access_token_is_no_token(client, ann, attack):
    headers = bearer(FORGERIES[attack](ann.token))
    for path in GUARDED:
        body = failed(client.get(path, headers=headers), 401, "UNAUTHORIZED")
        assert "Token is invalid or expired" in json.dumps(body)


@pytest.mark.parametrize("claim", ["sid", "user_id"])
@pytest.mark.parametrize("value", [..., None, 5, {"$gt": ""}, ["x"], "", "x\x00", "x" * 2000])
def test_a_signed_token_with_odd_claims_is_no_token(client, ann, claim, value):
    """Such tokens are made by another version of CLUTCH, or by who else holds the secret."""
    token = changed(ann.token, **{claim: value})
    answer = client.get("/auth/me", headers=bearer(token))
    assert answer.status_code in {401, 404}


@pytest.mark.parametrize("kind", ["refresh", "playback"])
def test_a_token_of_another_kind_is_no_access_token(client, ann, add_video, services, kind):
    playback = services.catalogue.tokens.playback(ann.user.id, add_video(ann))
    token = {"refresh": ann.refresh_token, "playback": playback}[kind]
    for path in GUARDED:
        failed(client.get(path, headers=bearer(token)), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("attack", FORGERIES)
def test_a_forged_refresh_token_is_refused_and_ends_nothing(client, ann, attack):
    forged = FORGERIES[attack](ann.refresh_token)
    failed(client.post("/api/auth/refresh", json={"refresh_token": forged}), 401, "UNAUTHORIZED")
    answer = client.post("/api/auth/refresh", json={"refresh_token": ann.refresh_token})
    assert answer.status_code == 200


@pytest.mark.parametrize("claim", ["sid", "user_id"])
@pytest.mark.parametrize("value", [..., None, 5, {"$gt": ""}, {"$ne": None}])
def test_a_signed_refresh_token_with_odd_claims_is_refused(client, ann, claim, value):
    token = changed(ann.refresh_token, **{claim: value})
    answer = client.post("/api/auth/refresh", json={"refresh_token": token})
    failed(answer, 401, "UNAUTHORIZED")


@pytest.mark.parametrize("kind", ["access", "playback"])
def test_a_token_of_another_kind_is_no_refresh_token(client, ann, add_video, services, kind):
    playback = services.catalogue.tokens.playback(ann.user.id, add_video(ann))
    token = {"access": ann.token, "playback": playback}[kind]
    failed(client.post("/api/auth/refresh", json={"refresh_token": token}), 401, "UNAUTHORIZED")


# Sessions and people that are gone


def test_an_expired_access_token_is_no_token(client, ann, clock):
    clock.forward(hours=24, seconds=1)
    for path in GUARDED:
        failed(client.get(path, headers=ann.headers), 401, "UNAUTHORIZED")


def test_every_token_of_a_revoked_session_is_dead(client, ann, services, add_video):
    tokens = sign_in(client, "ann")["tokens"]
    renewed = client.post("/api/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).json
    client.post("/auth/logout", headers=bearer(renewed["access_token"]))
    for token in (tokens["access_token"], renewed["access_token"]):
        for path in GUARDED:
            failed(client.get(path, headers=bearer(token)), 401, "UNAUTHORIZED")
    body = {"refresh_token": renewed["refresh_token"]}
    failed(client.post("/api/auth/refresh", json=body), 401, "UNAUTHORIZED")


def test_a_revoked_session_stays_dead_when_redis_forgets(client, ann, services):
    client.post("/auth/logout", headers=ann.headers)
    services.queue.rq.connection.flushdb()
    failed(client.get("/auth/me", headers=ann.headers), 401, "UNAUTHORIZED")


def test_a_live_session_outlives_what_redis_knows_of_it(client, ann, services):
    services.queue.rq.connection.flushdb()
    assert client.get("/auth/me", headers=ann.headers).status_code == 200


@pytest.mark.parametrize("change", [{"$set": {"is_active": False}}, None])
def test_who_is_deactivated_or_deleted_is_out_when_the_register_forgets_them(
    client, ann, services, add_video, change
):
    """The register of live sessions is a copy, which is good for five minutes at most."""
    users, redis = services.accounts.users.collection, services.queue.rq.connection
    keys = redis.keys("session:*")
    assert keys
    assert all(0 < redis.ttl(key) <= 300 for key in keys)
    where = {"id": ann.user.id}
    users.update_one(where, change) if change else users.delete_one(where)
    redis.delete(*keys)
    for path in GUARDED:
        failed(client.get(path, headers=ann.headers), 401, "UNAUTHORIZED")
    answer = client.post("/api/auth/refresh", json={"refresh_token": ann.refresh_token})
    failed(answer, 401, "UNAUTHORIZED")
    login = {"email": "ann@example.com", "password": "Passw0rd"}
    failed(client.post("/auth/login", json=login), 401, "UNAUTHORIZED")


def test_being_seen_does_not_keep_a_session_in_the_register(client, ann, services):
    redis = services.queue.rq.connection
    (key,) = redis.keys("session:*")
    redis.expire(key, 100)
    client.get("/auth/me", headers=ann.headers)
    assert redis.ttl(key) <= 100


# Playback tokens


STREAMS = ("/video/{}/stream", "/stream/{}", "/api/videos/{}/stream")


@pytest.fixture
def play(client) -> Callable:
    """Ask every family for a stream of `video`; answers what each says."""

    def ask(person: Person, video: Video, token: str):
        query = f"?token={token}"
        paths = [path.format(video.id) + query for path in STREAMS]
        return [client.get(path, headers=person.headers) for path in paths]

    return ask


def plays(answers) -> bool:
    """Whether the tokens are accepted; these videos have no file for the platform API yet."""
    return [answer.status_code for answer in answers] == [200, 200, 409]


@pytest.fixture
def playback(services) -> Callable[..., str]:
    return lambda person, video: services.catalogue.tokens.playback(person.user.id, video)


@pytest.mark.parametrize("attack", FORGERIES)
def test_a_forged_playback_token_plays_nothing(play, ann, add_video, playback, attack):
    video = add_video(ann)
    for answer in play(ann, video, FORGERIES[attack](playback(ann, video))):
        body = failed(answer, 401, "UNAUTHORIZED")
        assert "Invalid or expired playback token" in json.dumps(body)


@pytest.mark.parametrize("value", [..., None, 5, {"$gt": ""}, "", NOBODY])
def test_a_signed_playback_token_for_no_video_plays_nothing(play, ann, add_video, playback, value):
    video = add_video(ann)
    token = changed(playback(ann, video), video_id=value)
    for answer in play(ann, video, token):
        assert answer.status_code in {401, 403}
        failed(
            answer, answer.status_code, {401: "UNAUTHORIZED", 403: "FORBIDDEN"}[answer.status_code]
        )


def test_a_playback_token_expires_after_an_hour(play, ann, add_video, playback, clock):
    video = add_video(ann)
    token = playback(ann, video)
    clock.forward(minutes=59, seconds=58)
    assert plays(play(ann, video, token))
    clock.forward(seconds=3)
    for answer in play(ann, video, token):
        failed(answer, 401, "UNAUTHORIZED")


# What happens to ann's public video after bob got his token for it.
LATER = {
    "inactive": ({"is_active": False}, 403, "FORBIDDEN"),
    "private": ({"visibility": Visibility.PRIVATE}, 403, "FORBIDDEN"),
    "deleted": ({"deleted_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, 404, "NOT_FOUND"),
    "removed": (None, 404, "NOT_FOUND"),
}


@pytest.mark.parametrize("case", LATER)
def test_a_playback_token_does_not_outlive_the_right_to_watch(
    play, ann, bob, add_video, playback, services, case
):
    change, status, code = LATER[case]
    video = add_video(ann)
    token = playback(bob, video)
    videos, where = services.catalogue.videos.collection, {"id": video.id}
    videos.update_one(where, {"$set": change}) if change else videos.delete_one(where)
    for answer in play(bob, video, token):
        failed(answer, status, code)


def test_a_playback_token_of_a_former_owner_is_worth_nothing(
    play, ann, bob, add_video, playback, services
):
    video = add_video(ann, visibility=Visibility.PRIVATE)
    token = playback(ann, video)
    services.catalogue.videos.collection.update_one(
        {"id": video.id}, {"$set": {"author_id": bob.user.id}}
    )
    for answer in play(ann, video, token):
        failed(answer, 403, "FORBIDDEN")
    assert plays(play(bob, video, playback(bob, video)))


def test_a_playback_token_is_of_no_use_after_logging_out(client, play, ann, add_video, playback):
    video = add_video(ann)
    token = playback(ann, video)
    client.post("/auth/logout", headers=ann.headers)
    for answer in play(ann, video, token):
        failed(answer, 401, "UNAUTHORIZED")


def test_a_playback_token_says_nothing_but_whose_and_for_what(ann, add_video, playback):
    assert set(claims_of(playback(ann, add_video(ann)))) == {
        "user_id", "video_id", "typ", "iss", "aud", "iat", "exp",
    }  # fmt: skip
