"""The platform API's lists and videos, against documents 000 and 003."""

from __future__ import annotations

import datetime as dt

import pytest

from models.user import Role
from models.video import Processing, ProcessingStatus, Rendition, Visibility
from tests.families.test_platform import claims_of
from tests.wire import NOBODY, failed, fields_of, moment

# 000's video, the contract's `status` and playback token, and what else a player needs to know.
VIDEO = {
    "id", "title", "description", "thumbnail_url", "video_url", "duration",
    "view_count", "like_count", "dislike_count", "comment_count",
    "author", "tags", "category", "visibility", "published_at", "updated_at",
    "processing_status", "quality_variants", "metrics",
} | {"created_at", "status", "playable", "playback_token", "processing"}  # fmt: skip
VIDEO |= {"captions", "audio_tracks", "comments_enabled", "user_action", "user_interaction"}
VIDEO |= {"live_status", "comments_held"}
# On which terms it is shown (002's, in this family's case).
VIDEO |= {"publish_at", "monetization", "drm_enabled", "geo_restrictions"}
PAGINATION = {
    "current_page", "total_pages", "total_items", "has_next", "has_prev", "next_cursor",
}  # fmt: skip


# Lists


def titles(answer) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [video["title"] for video in answer.json["videos"]]


def test_a_list_shows_whole_videos_and_its_pagination(client, ann, add_video):
    for number in range(5):
        add_video(ann, title=f"v{number}")
    answer = client.get("/api/videos?page=2&limit=2").json
    assert set(answer) == {"videos", "pagination"}
    assert all(set(video) == VIDEO for video in answer["videos"])
    pagination = answer["pagination"]
    assert set(pagination) == PAGINATION
    assert pagination.pop("next_cursor")
    assert pagination == {
        "current_page": 2,
        "total_pages": 3,
        "total_items": 5,
        "has_next": True,
        "has_prev": True,
    }


def test_an_empty_list_has_no_pages(client):
    assert client.get("/api/videos").json == {
        "videos": [],
        "pagination": {
            "current_page": 1,
            "total_pages": 0,
            "total_items": 0,
            "has_next": False,
            "has_prev": False,
            "next_cursor": None,
        },
    }


@pytest.mark.parametrize("query", ["limit=2", "page_size=2"])
def test_numbered_pages_show_every_video_once(client, ann, add_video, clock, query):
    for age in range(5):
        add_video(ann, title=str(age), published_at=clock() - dt.timedelta(hours=age))
    pages = [client.get(f"/api/videos?{query}&page={page}") for page in (1, 2, 3, 4)]
    assert [titles(page) for page in pages] == [["0", "1"], ["2", "3"], ["4"], []]
    ends = [page.json["pagination"] for page in pages]
    assert [end["has_next"] for end in ends] == [True, True, False, False]
    assert [end["has_prev"] for end in ends] == [False, True, True, True]
    assert {end["total_items"] for end in ends} == {5}


def test_a_page_has_twenty_videos_unless_asked(client, ann, services):
    list(services.seeding.catalogue(1, 120))
    assert len(client.get("/api/videos").json["videos"]) == 20
    assert len(client.get("/api/videos?limit=50").json["videos"]) == 50
    assert len(client.get("/api/videos?page_size=100").json["videos"]) == 100


BEYOND = (
    "page=0", "page=-1", "page=x", "page=", "page=1000001", "page=99999999999999999999",
    "limit=0", "limit=51", "limit=x", "limit=-5", "page_size=0", "page_size=101",
    "sort=oldest", "sort=", "cursor=" + "c" * 501, "category=" + "c" * 101, "tags=" + "t" * 501,
)  # fmt: skip


def test_a_list_keeps_to_its_bounds(client, subtests):
    for query in BEYOND:
        with subtests.test(query[:40]):
            body = failed(client.get(f"/api/videos?{query}"), 400, "VALIDATION_ERROR")
            assert set(fields_of(body)) == {query.partition("=")[0]}


def test_a_list_is_sorted_as_asked(client, ann, add_video, clock):
    for title, age, views, score in (("a", 3, 1, 30.0), ("b", 1, 3, 10.0), ("c", 2, 2, 20.0)):
        published = clock() - dt.timedelta(hours=age)
        add_video(ann, title=title, published_at=published, view_count=views, ranking_score=score)
    assert titles(client.get("/api/videos")) == ["b", "c", "a"]
    assert titles(client.get("/api/videos?sort=latest")) == ["b", "c", "a"]
    assert titles(client.get("/api/videos?sort=popular")) == ["b", "c", "a"]
    assert titles(client.get("/api/videos?sort=trending")) == ["a", "c", "b"]


def test_a_list_is_narrowed_by_category_and_by_any_of_some_tags(client, ann, add_video):
    add_video(ann, title="1", category="music", tags=("live",))
    add_video(ann, title="2", category="music", tags=("short", "live"))
    add_video(ann, title="3", category="travel", tags=("short",))
    assert sorted(titles(client.get("/api/videos?category=music"))) == ["1", "2"]
    assert sorted(titles(client.get("/api/videos?tags=live"))) == ["1", "2"]
    assert sorted(titles(client.get("/api/videos?tags=live,short"))) == ["1", "2", "3"]
    assert sorted(titles(client.get("/api/videos?category=travel&tags=live,short"))) == ["3"]
    found = client.get("/api/videos?category=music&tags=short")
    assert titles(found) == ["2"]
    assert found.json["pagination"]["total_items"] == 1
    assert titles(client.get("/api/videos?category=none")) == []


def test_blanks_between_tags_do_not_matter(client, ann, add_video):
    add_video(ann, title="1", tags=("live",))
    assert titles(client.get("/api/videos?tags=short, live")) == ["1"]


@pytest.mark.parametrize("sort", ["latest", "popular", "trending"])
def test_pages_by_cursor_neither_repeat_nor_skip_while_videos_are_added(
    client, ann, add_video, clock, sort
):
    def publish(number: int, **delta: float) -> str:
        at = clock() + dt.timedelta(**delta)
        # Each value three times: the order within a tie has to be stable as well.
        values = {"published_at": at, "view_count": number // 3, "ranking_score": number / 3 // 1}
        return add_video(ann, **values).id

    expected = {publish(number, hours=-(number // 3)) for number in range(14)}
    seen: list[str] = []
    cursor = ""
    for step in range(20):
        answer = client.get(f"/api/videos?limit=3&sort={sort}&cursor={cursor}")
        seen += [video["id"] for video in answer.json["videos"]]
        cursor = answer.json["pagination"]["next_cursor"]
        if cursor is None:
            break
        publish(100 + step, hours=1)  # before the first page, in every order
    assert len(seen) == len(set(seen))
    assert set(seen) == expected


def test_a_cursor_says_whether_there_is_more(client, ann, add_video):
    for _ in range(3):
        add_video(ann)
    first = client.get("/api/videos?limit=2").json["pagination"]
    last = client.get(f"/api/videos?limit=2&cursor={first['next_cursor']}").json
    assert len(last["videos"]) == 1
    assert (last["pagination"]["has_next"], last["pagination"]["has_prev"]) == (False, True)
    assert last["pagination"]["next_cursor"] is None


@pytest.mark.parametrize("kind", ["nonsense", "tampered", "of another order", "of another list"])
def test_a_cursor_that_is_not_ours_is_refused(client, ann, add_video, kind):
    for _ in range(3):
        add_video(ann)
    cursor = client.get("/api/videos?limit=1").json["pagination"]["next_cursor"]
    path = {
        "nonsense": "/api/videos?cursor=%00%ff..x",
        "tampered": f"/api/videos?cursor={'A' + cursor[1:]}",
        "of another order": f"/api/videos?sort=popular&cursor={cursor}",
        "of another list": f"/videos/feed?cursor={cursor}",
    }[kind]
    assert set(fields_of(failed(client.get(path), 400, "VALIDATION_ERROR"))) == {"cursor"}


# One video


def test_a_video_is_what_000_shows_by_either_of_its_ids(client, ann, add_video):
    video = add_video(
        ann,
        title="Talk",
        description="Long",
        category="education",
        tags=("howto", "live"),
        renditions=(Rendition(name="360p", width=640, height=360),),
        view_count=8,
        like_count=3,
        dislike_count=1,
        watch_time_seconds=90.0,
        duration_seconds=12.5,
    )
    by_uuid = client.get(f"/api/videos/{video.id}").json
    assert by_uuid == client.get(f"/api/videos/{video.oid}").json
    assert by_uuid == client.get(f"/api/videos/{video.id.upper()}").json
    assert set(by_uuid) == VIDEO
    assert set(by_uuid.pop("author")) == {
        "id", "username", "display_name", "avatar_url", "follower_count", "verified",
    }  # fmt: skip
    assert [moment(by_uuid.pop(f"{name}_at")) for name in ("published", "created", "updated")] == [
        video.published_at,
        video.created_at,
        video.updated_at,
    ]
    here = f"http://localhost/api/videos/{video.id}"
    assert by_uuid == {
        "id": video.id,
        "title": "Talk",
        "description": "Long",
        "thumbnail_url": f"{here}/thumbnail",
        "video_url": f"{here}/stream",
        "duration": 12.5,
        "view_count": 8,
        "like_count": 3,
        "dislike_count": 1,
        "comment_count": 0,
        "tags": ["howto", "live"],
        "category": "education",
        "visibility": "public",
        "publish_at": None,
        "monetization": {
            "type": "free",
            "price": 0.0,
            "currency": "",
            "ad_config": {
                "pre_roll": False,
                "mid_roll": False,
                "post_roll": False,
                "frequency": 0,
            },
        },
        "captions": [],
        "comments_enabled": True,
        "comments_held": False,
        "user_action": None,
        "user_interaction": None,
        "audio_tracks": [],
        "drm_enabled": False,
        "geo_restrictions": [],
        "processing_status": "ready",
        "status": "completed",
        "playable": True,
        "live_status": None,
        "quality_variants": {"360p": f"http://localhost/stream/{video.id}?quality=360p"},
        "metrics": {"watch_time_minutes": 1.5, "engagement_rate": 0.5, "retention_curve": []},
        "playback_token": None,
        "processing": None,
    }


@pytest.mark.parametrize(
    "reference", [NOBODY, "6" * 24, "x", "' OR 1=1", "{}", "%24gt", "0" * 5000]
)
def test_an_unknown_video_is_not_found(client, reference):
    failed(client.get(f"/api/videos/{reference}"), 404, "NOT_FOUND")


def test_only_who_is_signed_in_gets_a_playback_token(client, ann, bob, add_video):
    video = add_video(ann)
    path = f"/api/videos/{video.id}"
    assert client.get(path).json["playback_token"] is None
    token = client.get(path, headers=bob.headers).json["playback_token"]
    claims = claims_of(token)
    assert (claims["typ"], claims["video_id"], claims["user_id"]) == (
        "playback",
        video.id,
        bob.user.id,
    )
    # Signing one for each video of a long list would cost more than finding them.
    listed = client.get("/api/videos", headers=bob.headers).json["videos"][0]
    assert listed["playback_token"] is None


def test_only_the_owner_and_staff_see_how_processing_goes(client, ann, bob, join, add_video):
    video = add_video(
        ann,
        processing_status=ProcessingStatus.PROCESSING,
        processing=Processing(stage="encoding", percent=41.5, attempts=1),
    )
    path = f"/api/videos/{video.id}"
    assert client.get(path).json["processing"] is None
    assert client.get(path, headers=bob.headers).json["processing"] is None
    for person in (ann, join("boss", role=Role.STAFF)):
        seen = client.get(path, headers=person.headers).json
        assert seen["processing"] == {
            "stage": "encoding",
            "percent": 41.5,
            "attempts": 1,
            "error_code": None,
            "error_message": None,
        }
        assert (seen["processing_status"], seen["status"]) == ("processing", "processing")


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("uploaded", "pending"),
        ("processing", "processing"),
        ("ready", "completed"),
        ("error", "failed"),
    ],
)
def test_a_state_is_told_in_000s_and_in_003s_words(client, ann, add_video, state, word):
    video = add_video(ann, processing_status=ProcessingStatus(state), playable=False)
    shown = client.get(f"/api/videos/{video.id}", headers=ann.headers).json
    assert (shown["processing_status"], shown["status"], shown["playable"]) == (state, word, False)
    assert shown["playback_token"] is None
    failed(client.get(f"/api/videos/{video.id}"), 404, "NOT_FOUND")


@pytest.mark.parametrize("visibility", Visibility)
def test_who_sees_a_video_depends_on_its_visibility(client, ann, bob, join, add_video, visibility):
    video = add_video(ann, visibility=visibility)
    path = f"/api/videos/{video.id}"
    hidden = visibility in {Visibility.PRIVATE, Visibility.SCHEDULED}
    assert client.get(path).status_code == (404 if hidden else 200)
    assert client.get(path, headers=bob.headers).status_code == (404 if hidden else 200)
    assert client.get(path, headers=ann.headers).json["visibility"] == visibility
    assert client.get(path, headers=join("boss", role=Role.ADMIN).headers).status_code == 200
    listed = len(client.get("/api/videos").json["videos"])
    assert listed == (1 if visibility is Visibility.PUBLIC else 0)


def test_a_video_of_an_author_who_is_gone_has_no_author(client, ann, add_video, services):
    video = add_video(ann)
    services.accounts.users.collection.delete_one({"id": ann.user.id})
    assert client.get(f"/api/videos/{video.id}").json["author"] is None
    assert client.get("/api/videos").json["videos"][0]["author"] is None
