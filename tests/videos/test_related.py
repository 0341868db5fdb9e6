"""A video's page: what 002 shows of it, and what there is to watch next."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from models.video import AdConfig, Charge, Monetization, Rendition, Visibility
from services.policies import VISITOR
from services.videos.related import RELATED
from tests.wire import NOBODY, failed, moment

PATHS = ("/api/videos/{}/related", "/videos/{}/related")


@pytest.fixture
def video(ann, add_video):
    return add_video(ann, title="it", category="music", tags=("jazz", "live"))


def titles(client, video, **options: Any) -> list[list[str]]:
    """What each family says is related."""
    found = []
    for path in PATHS:
        answer = client.get(path.format(video.id), **options)
        assert answer.status_code == 200, answer.json
        found.append([other["title"] for other in answer.json["videos"]])
    return found


def test_the_closest_come_first(client, ann, bob, add_video, video):
    for title, author, category, tags, score in (
        ("both tags", bob, "travel", ("live", "jazz"), 1.0),
        ("a tag and category", bob, "music", ("jazz",), 1.0),
        ("a tag", bob, "travel", ("live",), 9.0),
        ("same author", ann, "travel", (), 2.0),
        ("category, ranks higher", bob, "music", (), 5.0),
        ("category", bob, "music", (), 3.0),
        ("nothing", bob, "travel", ("story",), 99.0),
    ):
        add_video(author, title=title, category=category, tags=tags, ranking_score=score)
    wanted = [
        *("both tags", "a tag and category", "a tag", "same author"),
        *("category, ranks higher", "category"),
    ]
    assert titles(client, video) == [wanted, wanted]
    detail = client.get(f"/videos/{video.id}").json
    assert [other["title"] for other in detail["related"]] == wanted


def test_at_most_ten_are_related_and_never_the_video_itself(client, ann, add_video, video):
    for number in range(14):
        add_video(ann, title=f"v{number}", category="music", tags=("jazz",))
    for found in titles(client, video):
        assert len(found) == RELATED
        assert "it" not in found


def test_nothing_is_related_to_what_stands_alone(client, ann, bob, add_video):
    alone = add_video(ann, category="", tags=())
    add_video(bob, category="", tags=())
    assert titles(client, alone) == [[], []]
    assert client.get(f"/videos/{alone.id}").json["related"] == []


@pytest.mark.parametrize(
    "hidden",
    [
        {"visibility": Visibility.PRIVATE}, {"visibility": Visibility.UNLISTED},
        {"is_active": False}, {"playable": False},
        {"deleted_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
    ],
)  # fmt: skip
def test_what_is_hidden_is_related_to_nothing_even_for_its_owner(
    client, ann, add_video, video, hidden
):
    add_video(ann, category="music", tags=("jazz",), **hidden)
    assert titles(client, video, headers=ann.headers) == [[], []]


def test_of_what_is_hidden_nobody_else_learns_what_is_related(client, ann, bob, add_video):
    hidden = add_video(ann, title="hidden", tags=("jazz",), visibility=Visibility.PRIVATE)
    add_video(bob, title="public", tags=("jazz",))
    assert titles(client, hidden, headers=ann.headers) == [["public"], ["public"]]
    for path in PATHS:
        failed(client.get(path.format(hidden.id), headers=bob.headers), 404, "NOT_FOUND")
        failed(client.get(path.format(NOBODY)), 404, "NOT_FOUND")


def test_what_is_related_is_remembered_for_a_moment(services, ann, add_video, video):
    add_video(ann, title="first", tags=("jazz",))
    assert [page.video.title for page in services.related.of(VISITOR, video.id)] == ["first"]
    add_video(ann, title="second", tags=("jazz",))
    assert [page.video.title for page in services.related.of(VISITOR, video.oid)] == ["first"]


# What 002 shows of a video


@pytest.fixture
def sold(ann, add_video):
    return add_video(
        ann,
        monetization=Monetization(
            type=Charge.PAY_PER_VIEW,
            price_minor=499,
            currency="EUR",
            ad_config=AdConfig(pre_roll=True, frequency=300),
        ),
        drm_enabled=True,
        geo_restrictions=("DE", "FR"),
        renditions=(Rendition(name="720p", width=1280, height=720),),
        view_count=8,
        like_count=3,
        comment_count=2,
        share_count=1,
        watch_time_seconds=90.5,
    )


def test_the_client_family_shows_all_that_002_says_of_a_video(client, ann, sold):
    listed = client.get("/videos").json["videos"][0]
    detail = client.get(f"/videos/{sold.id}").json
    for shown in (listed, detail):
        assert shown["creatorId"] == shown["userId"] == ann.user.id
        assert shown["visibility"] == "public"
        assert shown["monetization"] == {
            "type": "pay_per_view",
            "price": 4.99,
            "currency": "EUR",
            "adConfig": {"preRoll": True, "midRoll": False, "postRoll": False, "frequency": 300},
        }
        assert (shown["drmEnabled"], shown["geoRestrictions"]) == (True, ["DE", "FR"])
        url = f"http://localhost/stream/{sold.id}?quality=720p"
        assert shown["qualities"] == {"720p": url}
        assert shown["stats"] == {
            "views": 8, "likes": 3, "comments": 2, "shares": 1, "watchTime": 90.5,
        }  # fmt: skip
        assert moment(shown["createdAt"]) == sold.created_at
        assert moment(shown["updatedAt"]) == sold.updated_at
        assert moment(shown["publishedAt"]) == sold.published_at
    assert "related" in detail
    assert "related" not in listed


@pytest.mark.parametrize(("minor", "currency", "price"), [(500, "JPY", 500), (1500, "KWD", 1.5)])
def test_a_price_has_the_decimals_of_its_currency(client, ann, add_video, minor, currency, price):
    sale = Monetization(type=Charge.PAY_PER_VIEW, price_minor=minor, currency=currency)
    video = add_video(ann, monetization=sale)
    assert client.get(f"/videos/{video.id}").json["monetization"]["price"] == price


def test_a_related_video_is_shown_as_briefly_as_a_link_needs(client, ann, add_video, video):
    other = add_video(ann, title="next", tags=("jazz",), view_count=4)
    other = replace(other, duration_seconds=other.duration_seconds)
    (shown,) = client.get(f"/videos/{video.id}").json["related"]
    assert moment(shown.pop("createdAt")) == other.created_at
    assert shown == {
        "id": other.id,
        "title": "next",
        "thumbnailUrl": f"http://localhost/api/videos/{other.id}/thumbnail",
        "duration": other.duration_seconds,
        "views": 4,
        "userId": ann.user.id,
        "username": "ann",
    }
