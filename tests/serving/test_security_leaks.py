"""Which routes are open to whom, and what no answer of any route may contain."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import jwt
import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from blueprints.http.caller import OPTIONAL, PUBLIC, REQUIRED, access_of
from models.video import Processing, ProcessingStatus, Source, Visibility
from services.videos.keys import playback_key, poster_key, progressive_key, source_key
from tests.wire import MP4, NOBODY, failed

# Everything that answers without a token. A route that is missing here needs one.
OPEN_TO_ALL = {
    "api-docs.openapi_json",
    "api-docs.openapi_swagger_ui",
    # What a tus client, or a browser on its behalf, asks before it signs in: OPTIONS alone.
    "client_uploads.abilities",
    "client_uploads.abilities_of",
    # An address that was signed for whoever has it.
    "direct.receive",
    "direct.send",
    "hls.media",
    "hls.refused",
    "mobile_addresses.resend",
    "mobile_addresses.verify",
    "mobile_addresses.verify_page",
    "mobile_auth.login",
    "mobile_auth.signup",
    "mobile_oidc.callback",
    "mobile_oidc.offer",
    "mobile_oidc.start",
    "mobile_oidc.token",
    "mobile_passwords.forgot",
    "mobile_passwords.reset",
    "mobile_passwords.reset_page",
    # Signed, in a mail, for whoever gets that.
    "mobile_unsubscribing.page",
    "mobile_unsubscribing.stop",
    "mobile_unsubscribing.stop_at_once",
    "mobile_unsubscribing.to_page",
    "mobile_videos.health",
    "ops.docs_assets",
    "ops.favicon",
    "ops.healthz",
    "ops.metrics",
    "ops.readyz",
    "mobile_sessions.refresh",
    # Signed by who sends it.
    "platform_arrivals.video_processed",
    "platform_auth.login",
    "platform_categories.list_categories",
    "platform_auth.refresh",
    "platform_auth.register",
    "platform_auth.registration",
    "platform_invitations.validate",
    "platform_passwords.forgot",
    "platform_passwords.reset",
    # Let in by the key of a stream, or by our own ticket; they answer a server, and show nothing.
    "rtmp.done",
    "rtmp.play",
    "rtmp.publish",
    "rtmp.update",
    "static",
}
MORE_FOR_WHO_SIGNS_IN = {
    "client_media.poster",
    "client_catalogue.browse",
    "client_catalogue.related",
    "client_comments.list_comments",
    "client_comments.replies",
    "client_channel_playlists.list_of",
    "client_playlists.get",
    "client_playlists.list_items",
    "client_shares.share",
    "platform_channel_playlists.list_of",
    "platform_playlists.get",
    "platform_playlists.list_items",
    "platform_shares.share",
    "client_users.get",
    "client_users.videos",
    "client_videos.feed",
    "client_videos.get",
    "client_views.view",
    "platform_follows.followers",
    "platform_follows.following",
    "platform_comments.get",
    "platform_comments.list_comments",
    "platform_comments.replies",
    "platform_live.live_now",
    "platform_live.show",
    "platform_users.get",
    "platform_users.videos",
    "platform_videos.get",
    "platform_videos.list_videos",
    "platform_videos.related",
    "platform_videos.thumbnail",
    "platform_views.view",
}
BODIES = {
    "/auth/signup": {"name": "Joe", "email": "joe@example.com", "password": "Passw0rd"},
    "/auth/login": {"email": "ann@example.com", "password": "Passw0rd"},
    "/api/auth/register": {"username": "joe", "email": "joe2@example.com", "password": "Passw0rd"},
    "/api/auth/login": {"login": "ann", "password": "Passw0rd"},
    "/api/auth/refresh": {"refresh_token": "x"},
    "/auth/refresh-token": {"refresh_token": "x"},
}


def path_of(rule: Rule, reference: str = NOBODY) -> str:
    return re.sub(r"<[^>]+>", reference, rule.rule)


def calls(app: Flask) -> list[tuple[Rule, str]]:
    """Every route with every method that it answers itself."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_route_says_who_may_call_it(app):
    found: dict[str, set[str]] = {PUBLIC: set(), OPTIONAL: set(), REQUIRED: set()}
    for endpoint, view in app.view_functions.items():
        found[access_of(view)].add(endpoint)
    assert found[PUBLIC] == OPEN_TO_ALL
    assert found[OPTIONAL] == MORE_FOR_WHO_SIGNS_IN
    assert len(found[REQUIRED]) >= 8


def test_a_visitor_is_told_to_sign_in_by_every_other_route(app, client):
    asked = 0
    for rule, method in calls(app):
        if rule.endpoint in OPEN_TO_ALL | MORE_FOR_WHO_SIGNS_IN:
            continue
        answer = client.open(path_of(rule), method=method)
        failed(answer, 401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        asked += 1
    assert asked >= 8


def test_no_open_route_is_stopped_by_a_stale_token(app, client, ann):
    for rule, method in calls(app):
        if rule.endpoint in OPEN_TO_ALL:
            headers = {"Authorization": "Bearer stale"}
            answer = client.open(
                path_of(rule), method=method, headers=headers, json=BODIES.get(rule.rule)
            )
            if rule.rule not in {"/api/auth/refresh", "/auth/refresh-token"}:
                assert answer.status_code != 401, rule


# Leaks


@pytest.fixture
def world(ann, bob, add_video, services) -> list[str]:
    """Videos with everything to hide; answers references to them."""
    seeds = services.seeding.youtube()
    mine = [
        add_video(ann, progressive="progressive/x.mp4", has_poster=True),
        add_video(ann, visibility=Visibility.PRIVATE, youtube_id="hidden-yt-1"),
        add_video(ann, is_active=False, youtube_id="hidden-yt-2"),
        add_video(
            ann,
            playable=False,
            processing_status=ProcessingStatus.PROCESSING,
            source=Source(key="sources/x", filename="secret-name.mov", size_bytes=5),
            processing=Processing(stage="encoding", lease="the-lease-of-a-worker", attempts=1),
        ),
        add_video(
            ann,
            playable=False,
            processing_status=ProcessingStatus.ERROR,
            processing=Processing(error_code="truncated", error_message="The file ends too early."),
        ),
    ]
    return [*(video.id for video in (*seeds, *mine)), mine[0].oid, "nonsense", NOBODY]


def everything(
    app: Flask, people: list[Any], references: list[str], services
) -> list[TestResponse]:
    """What every route answers to everybody, right and wrong."""
    client = app.test_client()
    answers: list[TestResponse] = []

    def ask(method: str, path: str, **options: Any) -> TestResponse:
        answers.append(client.open(path, method=method, **options))
        return answers[-1]

    for headers in ({}, {"Authorization": "Bearer x"}, *(person.headers for person in people)):
        for rule, method in calls(app):
            if rule.endpoint == "mobile_auth.logout":
                continue
            for reference in references if "<" in rule.rule else [""]:
                path = path_of(rule, reference)
                ask(method, path, headers=headers, json=BODIES.get(rule.rule))
                ask(method, f"{path}?token=x&limit=0&cursor=x&page=x", headers=headers, data="{")
            ask("BREW", path_of(rule, NOBODY), headers=headers)
        form = {"title": "Up", "file": (io.BytesIO(MP4), "secret-name.mp4")}
        ask("POST", "/api/videos", headers=headers, data=form)
    for person in people:
        for reference in references:
            video = services.catalogue.videos.get(reference)
            token = services.catalogue.tokens.playback(person.user.id, video) if video else "x"
            for path in ("/video/{}/stream", "/stream/{}", "/api/videos/{}/stream"):
                url = f"{path.format(reference)}?token={token}"
                ask("GET", url, headers=person.headers)
    return answers


def text_of(answer: TestResponse) -> str:
    """All that a client receives, but for 001's one place where a YouTube id belongs."""
    body = answer.data.decode(errors="replace")
    if answer.is_json:
        told = answer.get_json()
        if isinstance(told, dict):
            told = {k: v for k, v in told.items() if k not in {"stream_url", "streamUrl"}}
        body = json.dumps(told)
    return f"{answer.headers}\n{body}"


@pytest.mark.no_cover  # every route, which other tests measure
def test_no_answer_gives_away_what_is_inside(app, ann, bob, world, services, settings):
    answers = everything(app, [ann, bob], world, services)
    assert {200, 201, 400, 401, 403, 404, 405, 409} <= {answer.status_code for answer in answers}
    video_id = world[2]
    secrets = [
        "youtube_id", "CBYhVcO4WgI", "UF8uR6Z6KLc", "hidden-yt", "ytimg",
        "password_hash", "hmac:", "$2b$", "refresh_hash", "the-lease-of-a-worker", "secret-name",
        source_key(video_id), playback_key(video_id), poster_key(video_id),
        progressive_key(video_id), "sources/", "posters/", "progressive/",
        str(settings.var_dir), str(settings.media_root), settings.jwt_secret_key, settings.edge_key,
        settings.mongo_url, settings.redis_url,
        "Traceback", 'File "', "pymongo", "werkzeug", "ObjectId(",
    ]  # fmt: skip
    # The documentation and Swagger UI speak of fields, and of nothing stored.
    told = [answer for answer in answers if not answer.request.path.startswith("/docs/assets")]
    for answer in told:
        text = text_of(answer)
        found = [secret for secret in secrets if secret in text]
        assert not found, (found, answer.request.method, answer.request.path, text[:2000])


def test_only_a_stream_url_names_a_youtube_video(client, ann, services):
    video = services.seeding.youtube()[0]
    token = services.catalogue.tokens.playback(ann.user.id, video)
    for path in (f"/video/{video.id}/stream", f"/stream/{video.id}"):
        told = client.get(f"{path}?token={token}", headers=ann.headers).json
        named = {key for key, value in told.items() if "CBYhVcO4WgI" in str(value)}
        assert named <= {"stream_url", "streamUrl"}
        assert "stream_url" in named


def test_no_token_that_is_handed_out_says_more_than_it_must(app, ann, bob, world, services):
    pattern = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")
    known = {
        "user_id", "username", "email", "display_name", "avatar_url", "role",
        "sid", "jti", "typ", "iss", "aud", "iat", "exp", "video_id",
    }  # fmt: skip
    tokens = {
        token
        for answer in everything(app, [bob], world[:4], services)
        for token in pattern.findall(answer.data.decode(errors="replace"))
    }
    assert len(tokens) >= 5
    for token in tokens:
        claims = jwt.decode(token, options={"verify_signature": False})
        assert set(claims) <= known
        assert "yt" not in json.dumps({**claims, "jti": "", "sid": ""}).lower()


def test_a_password_is_never_said_back(client, services):
    password = "Unmistakable-Passw0rd-42"
    for path, body in BODIES.items():
        for wrong in ({}, {"email": "not an address"}, {"username": "!"}):
            answer = client.post(path, json={**body, **wrong, "password": password})
            assert password not in answer.get_data(as_text=True)
