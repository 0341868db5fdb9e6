"""The client API's feed, videos and streams, against documents 002 and 004."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from models.video import Processing, ProcessingStatus, Rendition, Visibility
from tests.wire import NOBODY, bearer, failed, fields_of, moment

# 004's Video, what 002's detail adds, and the playback token of the contract.
VIDEO = {
    "id", "prompt", "videoUrl", "thumbnailUrl", "userId", "username", "likes", "dislikes",
    "views", "createdAt", "status", "ranking_score",
} | {"title", "description", "category", "tags", "duration", "playbackToken", "assets"}  # fmt: skip
STREAM = {
    *("stream_url", "streamUrl", "videoId", "title", "type", "qualities"),
    *("streamId", "heartbeatSeconds", "dash_url"),
}
LADDER = (
    Rendition(name="360p", width=640, height=360),
    Rendition(name="720p", width=1280, height=720),
)


# Feed


def test_a_feed_shows_whole_videos_and_whether_there_are_more(client, ann, add_video):
    for number in range(3):
        add_video(ann, title=f"v{number}")
    first = client.get("/videos/feed?limit=2")
    assert first.status_code == 200
    assert set(first.json) == {"videos", "hasMore", "nextCursor"}
    assert first.json["hasMore"] is True
    assert all(set(video) == VIDEO for video in first.json["videos"])
    last = client.get(f"/videos/feed?limit=2&cursor={first.json['nextCursor']}")
    # 004: `nextCursor` is optional, and the app stops when `hasMore` is false.
    assert set(last.json) == {"videos", "hasMore"}
    assert last.json["hasMore"] is False
    assert len(first.json["videos"] + last.json["videos"]) == 3


def test_an_empty_feed_has_no_more(client):
    assert client.get("/videos/feed").json == {"videos": [], "hasMore": False}


def test_a_feed_neither_repeats_nor_skips_while_videos_are_added(client, ann, add_video, clock):
    def publish(hours: int) -> str:
        return add_video(ann, published_at=clock() + dt.timedelta(hours=hours)).id

    expected = [publish(-age // 2) for age in range(9)]
    seen: list[str] = []
    answer = client.get("/videos/feed?limit=2").json
    for step in range(20):
        seen += [video["id"] for video in answer["videos"]]
        if not answer["hasMore"]:
            break
        publish(step + 1)
        answer = client.get(f"/videos/feed?limit=2&cursor={answer['nextCursor']}").json
    assert len(seen) == len(set(seen))
    assert set(seen) == set(expected)


def test_a_feed_has_twenty_videos_unless_asked(client, services):
    list(services.seeding.catalogue(1, 60))
    assert len(client.get("/videos/feed").json["videos"]) == 20
    assert len(client.get("/videos/feed?limit=50").json["videos"]) == 50


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=51", "limit=x", "limit=", "cursor=x", "cursor=" + "c" * 501]
)
def test_a_feed_keeps_to_its_bounds(client, query):
    body = failed(client.get(f"/videos/feed?{query}"), 400, "VALIDATION_ERROR")
    assert set(fields_of(body)) == {query.partition("=")[0]}


@pytest.mark.parametrize(
    "fields",
    [
        {"visibility": Visibility.PRIVATE}, {"visibility": Visibility.UNLISTED},
        {"is_active": False}, {"playable": False},
        {"deleted_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
    ],
)  # fmt: skip
def test_what_is_hidden_is_in_no_feed(client, ann, add_video, fields):
    add_video(ann, **fields)
    assert client.get("/videos/feed", headers=ann.headers).json["videos"] == []


# One video


def test_a_video_is_what_004_shows_by_either_of_its_ids(client, ann, bob, add_video):
    video = add_video(
        ann,
        title="Talk",
        description="Long",
        category="education",
        tags=("howto",),
        view_count=8,
        like_count=3,
        dislike_count=1,
        ranking_score=1.5,
        duration_seconds=12.5,
    )
    shown = client.get(f"/videos/{video.id}").json
    assert shown == client.get(f"/videos/{video.oid}").json
    assert moment(shown["createdAt"]) == video.created_at
    # What 002 says of it beside this: tests/videos/test_related.py.
    of_004 = {
        "id": video.id,
        "prompt": "Talk",
        "title": "Talk",
        "description": "Long",
        "videoUrl": f"http://localhost/stream/{video.id}",
        "thumbnailUrl": f"http://localhost/api/videos/{video.id}/thumbnail",
        "userId": ann.user.id,
        "username": "ann",
        "category": "education",
        "tags": ["howto"],
        "duration": 12.5,
        "likes": 3,
        "dislikes": 1,
        "views": 8,
        "status": "completed",
        "ranking_score": 1.5,
        "playbackToken": None,
    }
    assert {name: shown[name] for name in of_004} == of_004
    token = client.get(f"/videos/{video.id}", headers=bob.headers).json["playbackToken"]
    assert client.get(f"/stream/{video.id}?token={token}", headers=bob.headers).status_code == 200


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("uploaded", "pending"),
        ("processing", "processing"),
        ("ready", "completed"),
        ("error", "failed"),
    ],
)
def test_a_state_is_told_in_004s_words(client, ann, add_video, state, word):
    video = add_video(ann, processing_status=ProcessingStatus(state))
    assert client.get(f"/videos/{video.id}", headers=ann.headers).json["status"] == word


@pytest.mark.parametrize("reference", [NOBODY, "6" * 24, "x"])
def test_an_unknown_video_is_not_found(client, reference):
    failed(client.get(f"/videos/{reference}"), 404, "NOT_FOUND")


def test_the_owner_is_told_how_processing_goes_and_nobody_else(client, ann, bob, add_video):
    why = "The file ends too early."
    failed_so = Processing(stage="error", attempts=1, error_code="truncated", error_message=why)
    broken = add_video(
        ann,
        playable=False,
        processing_status=ProcessingStatus.ERROR,
        processing=failed_so,
    )
    expected = {"stage": "error", "percent": 0.0, "attempts": 1}
    expected |= {"errorCode": "truncated", "errorMessage": why}
    shown = client.get(f"/videos/{broken.id}", headers=ann.headers).json
    assert (shown["processing"], shown["playable"]) == (expected, False)
    (listed,) = client.get("/videos?mine=true", headers=ann.headers).json["videos"]
    assert listed["processing"] == expected
    other = client.get(f"/videos/{add_video(ann).id}", headers=bob.headers).json
    assert (other["processing"], other["playable"]) == (None, True)


# Streams


@pytest.fixture
def play(client, ann, services):
    """Ask for a video's stream as ann, with a playback token of her own."""

    def ask(video, query: str = ""):
        token = services.catalogue.tokens.playback(ann.user.id, video)
        return client.get(f"/stream/{video.id}?token={token}{query}", headers=ann.headers)

    return ask


def test_a_stream_names_its_master_playlist_and_its_qualities(play, ann, add_video):
    video = add_video(ann, renditions=LADDER, title="Talk")
    answer = play(video)
    assert answer.status_code == 200
    assert set(answer.json) == STREAM
    assert answer.json["stream_url"] == answer.json["streamUrl"]
    assert re.fullmatch(
        rf"http://localhost/hls/[\w-]{{22}}/\d{{10}}/{video.id}/v2/master\.m3u8",
        answer.json["stream_url"],
    )
    assert (answer.json["videoId"], answer.json["title"]) == (video.id, "Talk")
    assert (answer.json["type"], answer.json["qualities"]) == ("hls", ["360p", "720p"])


@pytest.mark.parametrize(
    ("quality", "file"),
    [("720p", "master-720p.m3u8"), ("360p", "master-360p.m3u8"), ("auto", "master.m3u8")],
)
def test_a_stream_of_one_quality_is_a_playlist_of_its_own(play, ann, add_video, quality, file):
    answer = play(add_video(ann, renditions=LADDER), f"&quality={quality}")
    assert answer.json["stream_url"].endswith(f"/v2/{file}")


@pytest.mark.parametrize("quality", ["1080p", "720P", "../../x", "x" * 17, "%00"])
def test_a_quality_that_does_not_exist_is_refused(play, ann, add_video, quality):
    answer = play(add_video(ann, renditions=LADDER), f"&quality={quality}")
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"quality"}


def test_a_grant_lasts_twice_the_video_and_an_hour(play, ann, add_video, clock):
    url = play(add_video(ann, duration_seconds=3600.0)).json["stream_url"]
    left = int(url.split("/")[5]) - clock().timestamp()
    assert 3 * 3600 <= left <= 3 * 3600 + 300


def test_viewers_of_the_same_minutes_share_a_url(client, ann, bob, add_video, services):
    video = add_video(ann)
    urls = set()
    for person in (ann, bob):
        token = services.catalogue.tokens.playback(person.user.id, video)
        answer = client.get(f"/stream/{video.id}?token={token}", headers=person.headers)
        urls.add(answer.json["stream_url"].rpartition("/")[0].split("/")[-2])
    assert len(urls) == 1


def test_a_seeded_video_streams_from_youtube_in_any_quality(play, services):
    video = services.seeding.youtube()[1]
    for query in ("", "&quality=auto", "&quality=720p"):
        answer = play(video, query).json
        assert (answer["type"], answer["qualities"]) == ("youtube", [])
        assert answer["stream_url"] == (
            "https://www.youtube-nocookie.com/embed/UF8uR6Z6KLc"
            "?autoplay=0&controls=1&playsinline=1&enablejsapi=1"
        )


def test_a_video_plays_from_its_first_rendition_on(play, ann, add_video):
    video = add_video(
        ann,
        processing_status=ProcessingStatus.PROCESSING,
        processing=Processing(stage="encoding", percent=30.0),
        renditions=LADDER[:1],
        playback_version="v1",
    )
    answer = play(video).json
    assert answer["qualities"] == ["360p"]
    assert answer["stream_url"].endswith("/v1/master.m3u8")


def test_a_stream_needs_both_tokens(client, ann, add_video, services):
    video = add_video(ann)
    token = services.catalogue.tokens.playback(ann.user.id, video)
    path = f"/stream/{video.id}"
    failed(client.get(f"{path}?token={token}"), 401, "UNAUTHORIZED")
    failed(client.get(path, headers=ann.headers), 400, "VALIDATION_ERROR")
    # Each in the other's place.
    failed(client.get(f"{path}?token={ann.token}", headers=ann.headers), 401, "UNAUTHORIZED")
    failed(client.get(f"{path}?token={token}", headers=bearer(token)), 401, "UNAUTHORIZED")
