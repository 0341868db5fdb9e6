"""One table of scenarios through every family: the same decision, each in its family's words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from models.user import Role
from models.video import ProcessingStatus, Visibility
from services.videos.keys import progressive_key
from tests.wire import NOBODY, bearer, failed, fields_of

DETAIL = {"platform": "/api/videos/{}", "client": "/videos/{}"}
LIST = {"platform": "/api/videos", "client": "/videos/feed", "mobile": "/dashboard"}
STREAM = {
    "platform": "/api/videos/{}/stream",
    "client": "/stream/{}",
    "mobile": "/video/{}/stream",
}
GONE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

# What is the matter with ann's video, and what bob, a stranger, is told about it.
SEEN_BY_A_STRANGER = {
    "public": ({}, 200),
    "unlisted": ({"visibility": Visibility.UNLISTED}, 200),
    "private": ({"visibility": Visibility.PRIVATE}, 404),
    "inactive": ({"is_active": False}, 404),
    "deleted": ({"deleted_at": GONE}, 404),
    "unprocessed": (
        {"playable": False, "processing_status": ProcessingStatus.UPLOADED, "published_at": None},
        404,
    ),
    "broken": ({"playable": False, "processing_status": ProcessingStatus.ERROR}, 404),
}
# The same video played with a token that is right in itself.
PLAYED_BY_A_STRANGER = {
    "unlisted": ({"visibility": Visibility.UNLISTED}, 200, ""),
    "private": ({"visibility": Visibility.PRIVATE}, 403, "FORBIDDEN"),
    "inactive": ({"is_active": False}, 403, "FORBIDDEN"),
    "deleted": ({"deleted_at": GONE}, 404, "NOT_FOUND"),
    "unprocessed": (
        {"playable": False, "processing_status": ProcessingStatus.PROCESSING},
        409,
        "CONFLICT",
    ),
    "broken": ({"playable": False, "processing_status": ProcessingStatus.ERROR}, 409, "CONFLICT"),
}


@pytest.fixture(params=STREAM)
def stream(request, client) -> Callable:
    """Ask for a stream in each family."""

    def ask(person, reference: str, token: str | None):
        path = STREAM[request.param].format(reference)
        query = "" if token is None else f"?token={token}"
        return client.get(path + query, headers=person.headers if person else {})

    return ask


@pytest.fixture
def playback(services) -> Callable:
    return lambda person, video: services.catalogue.tokens.playback(person.user.id, video)


@pytest.fixture
def add_whole(add_video, services, tmp_path) -> Callable:
    """Store a video that also has 003's one file, so that each family can answer 200."""

    def add(author, **fields):
        video = add_video(author, **fields)
        file = tmp_path / "made"
        file.write_bytes(b"\x00")
        services.storage.adopt(file, progressive_key(video.id))
        values = {"progressive": progressive_key(video.id)}
        services.catalogue.videos.collection.update_one({"id": video.id}, {"$set": values})
        return video

    return add


@pytest.mark.parametrize("case", SEEN_BY_A_STRANGER)
def test_a_stranger_sees_the_same_videos_in_every_family(client, ann, bob, add_video, case):
    fields, status = SEEN_BY_A_STRANGER[case]
    video = add_video(ann, **fields)
    paths = [path.format(ref) for path in DETAIL.values() for ref in (video.id, video.oid)]
    for path in paths:
        for headers in (bob.headers, {}):
            answer = client.get(path, headers=headers)
            assert answer.status_code == status, path
            if status != 200:
                failed(answer, 404, "NOT_FOUND")


@pytest.mark.parametrize("case", SEEN_BY_A_STRANGER)
def test_an_owner_and_staff_see_all_but_what_is_deleted(client, ann, join, add_video, case):
    video = add_video(ann, **SEEN_BY_A_STRANGER[case][0])
    for person in (ann, join("boss", role=Role.STAFF)):
        for path in DETAIL.values():
            answer = client.get(path.format(video.id), headers=person.headers)
            assert answer.status_code == (404 if case == "deleted" else 200), path


@pytest.mark.parametrize("case", PLAYED_BY_A_STRANGER)
def test_a_stranger_plays_the_same_videos_in_every_family(
    stream, ann, bob, add_video, add_whole, playback, case
):
    fields, status, code = PLAYED_BY_A_STRANGER[case]
    video = (add_whole if status == 200 else add_video)(ann, **fields)
    answer = stream(bob, video.id, playback(bob, video))
    assert answer.status_code == status
    if code:
        failed(answer, status, code)


def test_a_private_video_plays_for_its_owner_and_an_inactive_one_for_nobody(
    stream, ann, join, add_whole, playback
):
    private = add_whole(ann, visibility=Visibility.PRIVATE)
    off = add_whole(ann, is_active=False)
    for person in (ann, join("boss", role=Role.ADMIN)):
        assert stream(person, private.id, playback(person, private)).status_code == 200
        failed(stream(person, off.id, playback(person, off)), 403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("none", (400, "VALIDATION_ERROR")),
        ("empty", (400, "VALIDATION_ERROR")),
        ("nonsense", (401, "UNAUTHORIZED")),
        ("access", (401, "UNAUTHORIZED")),
        ("refresh", (401, "UNAUTHORIZED")),
        ("somebody else's", (403, "FORBIDDEN")),
        ("another video's", (403, "FORBIDDEN")),
    ],
)
def test_a_playback_token_is_judged_alike(stream, ann, bob, add_video, services, token, expected):
    video, other = add_video(ann), add_video(ann)
    playback = services.catalogue.tokens.playback
    sent = {
        "none": None,
        "empty": "",
        "nonsense": "x.y.z",
        "access": ann.token,
        "refresh": ann.refresh_token,
        "somebody else's": playback(bob.user.id, video),
        "another video's": playback(ann.user.id, other),
    }
    failed(stream(ann, video.id, sent[token]), *expected)


@pytest.mark.parametrize("reference", [NOBODY, "6" * 24, "nonsense"])
def test_an_unknown_video_is_not_found_with_a_token_for_another(
    stream, ann, add_video, playback, reference
):
    failed(stream(ann, reference, playback(ann, add_video(ann))), 404, "NOT_FOUND")


def test_a_hidden_video_looks_like_an_unknown_one_to_who_has_no_token_for_it(
    stream, ann, bob, add_video, playback
):
    hidden, other = add_video(ann, visibility=Visibility.PRIVATE), add_video(ann)
    unknown = stream(bob, NOBODY, playback(bob, other))
    answer = stream(bob, hidden.id, playback(bob, other))
    failed(answer, 404, "NOT_FOUND")
    assert answer.json == unknown.json


def test_a_visitor_streams_nothing(stream, ann, add_video, playback):
    video = add_video(ann)
    failed(stream(None, video.id, playback(ann, video)), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("limit", ["0", "-1", "999", "x", ""])
def test_a_limit_is_judged_alike(client, ann, limit):
    for path in LIST.values():
        answer = client.get(f"{path}?limit={limit}", headers=ann.headers)
        assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"limit"}


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_a_bad_access_token_is_refused_even_where_a_visitor_is_welcome(client, token):
    for path in (*LIST.values(), *(detail.format(NOBODY) for detail in DETAIL.values())):
        body = failed(client.get(path, headers=bearer(token)), 401, "UNAUTHORIZED")
        assert "Token is invalid or expired" in str(body)


@pytest.mark.parametrize(
    ("path", "field"),
    [("/auth/login", "email"), ("/api/auth/login", "login")],
)
def test_a_login_is_judged_alike(client, ann, path, field):
    wrong = {field: "ann@example.com", "password": "Wrong0000"}
    failed(client.post(path, json=wrong), 401, "UNAUTHORIZED")
    right = wrong | {"password": "Passw0rd"}
    assert client.post(path, json=right).status_code == 200


def test_a_session_of_one_family_is_a_session_of_all(client, ann, bob, add_video):
    add_video(bob)
    mobile = client.post("/auth/login", json={"email": "ann@example.com", "password": "Passw0rd"})
    platform = client.post("/api/auth/login", json={"login": "ann", "password": "Passw0rd"})
    tokens = [mobile.json["token"], platform.json["tokens"]["access_token"]]
    for token in tokens:
        for path in ("/auth/me", "/api/auth/me", *LIST.values()):
            assert client.get(path, headers=bearer(token)).status_code == 200
    for token in tokens:
        assert client.post("/auth/logout", headers=bearer(token)).status_code == 200
        for path in ("/auth/me", "/api/auth/me", *LIST.values()):
            failed(client.get(path, headers=bearer(token)), 401, "UNAUTHORIZED")
