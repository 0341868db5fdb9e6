"""Browsing: what lists may be asked for, by whom, in the platform's and in the client's words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from marshmallow import ValidationError
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import MultiDict

from blueprints.platform.schemas.listings import VideoQuery
from models.user import ProfileVisibility, Role
from models.video import ProcessingStatus, Visibility
from tests.wire import NOBODY, failed, fields_of


@dataclass(frozen=True)
class Family:
    """One family's list, asked for in the platform's words."""

    path: str
    client: FlaskClient
    spelt: dict[str, str]

    def ask(self, query: str = "", headers: dict[str, str] | None = None) -> Any:
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        said = "&".join(f"{self.spelt.get(name, name)}={value}" for name, _, value in pairs)
        return self.client.get(f"{self.path}?{said}", headers=headers or {})

    def titles(self, query: str = "", headers: dict[str, str] | None = None) -> list[str]:
        answer = self.ask(query, headers)
        assert answer.status_code == 200, answer.json
        return [video["title"] for video in answer.json["videos"]]

    def refused(self, query: str, headers: dict[str, str] | None = None) -> set[str]:
        """The fields that are complained of, in the platform's words."""
        body = failed(self.ask(query, headers), 400, "VALIDATION_ERROR")
        back = {theirs: ours for ours, theirs in self.spelt.items()}
        return {back.get(name, name) for name in fields_of(body)}


CLIENT = {
    "uploaded_by": "creatorId",
    "min_duration": "minDuration",
    "max_duration": "maxDuration",
}


@pytest.fixture(params=["platform", "client"])
def family(request, client) -> Family:
    if request.param == "platform":
        return Family("/api/videos", client, {})
    return Family("/videos", client, CLIENT)


@pytest.fixture
def cursor(family) -> Callable[[Any], str | None]:
    """Where an answer says that the next page is."""

    def find(answer: Any) -> str | None:
        if family.path == "/videos":
            return answer.json.get("nextCursor")
        return answer.json["pagination"]["next_cursor"]

    return find


@pytest.fixture
def shelf(ann, bob, add_video, clock) -> None:
    """Six public videos; the titles say what they are: author, hours of age, category, tags."""
    for author, title, category, tags, views in (
        (ann, "a1", "music", ("live",), 5),
        (ann, "a2", "travel", ("live", "short"), 9),
        (ann, "a3", "music", ("short",), 1),
        (bob, "b4", "music", ("live",), 7),
        (bob, "b5", "", (), 3),
        (bob, "b6", "travel", ("story",), 8),
    ):
        age = clock() - dt.timedelta(hours=int(title[1]))
        # The oldest upload took shortest to process: the two dates say different things.
        add_video(
            author,
            title=title,
            category=category,
            tags=tags,
            view_count=views,
            published_at=age,
            created_at=clock() - dt.timedelta(days=8 - int(title[1])),
            duration_seconds=60.0 * int(title[1]),
            description="Beethoven" if views > 6 else "",
        )


# Filters


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "a1 a2 a3 b4 b5 b6"),
        ("category=music", "a1 a3 b4"),
        ("tags=live", "a1 a2 b4"),
        ("tags=%23LIVE", "a1 a2 b4"),
        ("tags=live,short", "a1 a2 a3 b4"),
        ("category=music&tags=live", "a1 b4"),
        ("category=music&tags=live,short", "a1 a3 b4"),
        ("uploaded_by={ann}", "a1 a2 a3"),
        ("uploaded_by={ann_oid}", "a1 a2 a3"),
        ("uploaded_by={ann}&category=music", "a1 a3"),
        ("uploaded_by={ann}&tags=short", "a2 a3"),
        ("uploaded_by={ann}&tags=short&category=music", "a3"),
        ("uploaded_by={nobody}", ""),
        ("min_duration=180", "a3 b4 b5 b6"),
        ("max_duration=180", "a1 a2"),
        ("min_duration=120&max_duration=300", "a2 a3 b4"),
        ("q=beethoven", "a2 b4 b6"),
        ("q=B4", "b4"),
        ("q=beethoven&category=music", "b4"),
        ("visibility=public", "a1 a2 a3 b4 b5 b6"),
        ("category=none", ""),
    ],
)
def test_a_list_is_narrowed_by_what_is_asked(family, shelf, ann, query, found):
    said = query.format(ann=ann.user.id, ann_oid=ann.user.oid, nobody=NOBODY)
    assert family.titles(said) == found.split()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sort=latest", "a1 a2 a3 b4 b5 b6"),
        ("sort=latest&order=asc", "b6 b5 b4 a3 a2 a1"),
        ("order=asc", "b6 b5 b4 a3 a2 a1"),
        ("sort=popular", "a2 b6 b4 a1 b5 a3"),
        ("sort=popular&order=asc&category=music", "a3 a1 b4"),
    ],
)
def test_a_list_is_sorted_as_asked(family, shelf, query, found):
    assert family.titles(query) == found.split()


def test_a_list_may_be_sorted_by_when_videos_came_in_and_by_views(client, shelf):
    platform, other = Family("/api/videos", client, {}), Family("/videos", client, {})
    oldest = ["a1", "a2", "a3", "b4", "b5", "b6"]
    assert platform.titles("sort_by=created_at&order=asc") == oldest
    assert other.titles("sort=createdAt&order=asc") == oldest
    assert platform.titles("sort_by=created_at") == other.titles("sort=createdAt") == oldest[::-1]
    by_views = ["a2", "b6", "b4", "a1", "b5", "a3"]
    assert platform.titles("sort_by=view_count") == other.titles("sort=views") == by_views


def test_a_category_is_meant_by_its_id_its_name_or_its_slug(services, client, join, add_video, ann):
    boss = join("boss", role=Role.ADMIN)
    made = client.post("/api/categories", json={"name": "Ça va"}, headers=boss.headers).json
    category = made.get("category", made)
    add_video(ann, title="in it", category=category["slug"])
    for asked in (category["id"], category["slug"], "Ça va", "ÇA VA"):
        for name in ("category", "category_id"):
            found = client.get("/api/videos", query_string={name: asked}).json["videos"]
            assert [video["title"] for video in found] == ["in it"], (name, asked)
    answer = client.get(f"/api/users/{ann.user.id}/videos", query_string={"category": "Ça va"})
    assert [video["title"] for video in answer.json["videos"]] == ["in it"]


# Pages


@pytest.mark.parametrize(
    "query",
    [
        "sort=popular&order=asc", "tags=live,short", "uploaded_by={ann}&tags=live", "q=beethoven",
        "min_duration=60&order=asc", "mine=true", "mine=true&order=asc",
    ],
)  # fmt: skip
def test_pages_by_cursor_show_every_video_once(family, cursor, shelf, ann, query):
    said = query.format(ann=ann.user.id)
    whole = family.titles(f"{said}&limit=50", ann.headers)
    seen, place = [], "&cursor="
    while place:
        answer = family.ask(f"{said}&limit=1{place}", ann.headers)
        seen += [video["title"] for video in answer.json["videos"]]
        assert len(seen) <= len(whole)
        following = cursor(answer)
        place = f"&cursor={following}" if following else ""
    assert seen == whole
    assert len(whole) >= 2


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("sort=latest", "sort=latest&order=asc"),
        ("sort=latest", "sort=popular"),
        ("sort=latest", "mine=true"),
        ("mine=true", "sort=latest"),
    ],
)
def test_a_cursor_goes_on_in_the_order_it_was_given_for(family, cursor, shelf, ann, given, taken):
    place = cursor(family.ask(f"{given}&limit=1", ann.headers))
    assert family.refused(f"{taken}&limit=1&cursor={place}", ann.headers) == {"cursor"}


def test_the_clients_pages_are_counted_where_they_are_numbered(client, shelf):
    plain = client.get("/videos?limit=4").json
    assert set(plain) == {"videos", "hasMore", "nextCursor"}
    assert plain["hasMore"] is True
    numbered = client.get("/videos?limit=4&page=2").json
    assert set(numbered) == {"videos", "hasMore", "page", "limit", "total"}
    assert (numbered["page"], numbered["limit"], numbered["total"]) == (2, 4, 6)
    assert [video["title"] for video in numbered["videos"]] == ["b5", "b6"]


def test_numbered_pages_reach_so_far_and_name_the_way_on(family, shelf):
    assert family.titles("page=500&limit=20") == []
    answer = family.ask("page=501&limit=20")
    body = failed(answer, 400, "VALIDATION_ERROR")
    assert set(fields_of(body)) == {"page"}
    assert "cursor" in str(body)


# What is not public


@pytest.fixture
def hidden(ann, bob, add_video) -> None:
    add_video(ann, title="public")
    add_video(ann, title="private", visibility=Visibility.PRIVATE)
    add_video(ann, title="unlisted", visibility=Visibility.UNLISTED)
    add_video(
        ann, title="failed", playable=False, processing_status=ProcessingStatus.ERROR,
        published_at=None,
    )  # fmt: skip
    add_video(ann, title="gone", deleted_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    add_video(bob, title="bob's", visibility=Visibility.PRIVATE)


OWN = {"public", "private", "unlisted", "failed"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"public"}),
        ("uploaded_by={ann}", {"public"}),
        ("mine=true", OWN),
        ("mine=1&sort=latest", OWN),
        ("uploaded_by=me", OWN),
        ("mine=true&uploaded_by=me", OWN),
        ("mine=false", {"public"}),
        ("all=true&uploaded_by={ann}", OWN),
        ("mine=true&sort=popular", OWN),
        ("mine=true&visibility=private", {"private"}),
        ("mine=true&visibility=public&status=ready", {"public"}),
        ("mine=true&status=failed", {"failed"}),
        ("mine=true&status=error", {"failed"}),
        ("mine=true&status=processing", set()),
    ],
)
def test_an_owner_lists_what_is_their_own_whatever_its_state(family, ann, hidden, query, found):
    said = query.format(ann=ann.user.id)
    assert set(family.titles(said, ann.headers)) == found


def test_staff_list_everything_that_there_is(family, ann, hidden, join):
    staff = join("boss", role=Role.STAFF).headers
    assert set(family.titles("all=true", staff)) == OWN | {"bob's"}
    assert set(family.titles(f"all=true&uploaded_by={ann.user.id}", staff)) == OWN
    assert set(family.titles("all=true&status=failed", staff)) == {"failed"}
    assert set(family.titles("", staff)) == {"public"}
    assert family.titles("mine=true", staff) == []


def test_nobody_lists_what_is_not_public_of_others(family, ann, bob, hidden):
    for query in (
        "all=true",
        f"all=true&uploaded_by={ann.user.id}",
        f"all=true&uploaded_by={NOBODY}",
    ):
        failed(family.ask(query, bob.headers), 403, "FORBIDDEN")
    for query in ("all=true", "mine=true", "uploaded_by=me"):
        failed(family.ask(query), 401, "UNAUTHORIZED")
    assert family.titles(f"uploaded_by={ann.user.id}", bob.headers) == ["public"]


def test_a_hidden_profile_hides_whose_videos_are_whose(family, ann, bob, hidden, services, join):
    people = services.people.users.collection
    hide = {"settings.privacy.profile_visibility": ProfileVisibility.PRIVATE}
    people.update_one({"id": ann.user.id}, {"$set": hide})
    query = f"uploaded_by={ann.user.id}"
    assert family.titles(query, bob.headers) == family.titles(query) == []
    assert family.titles(query, ann.headers) == ["public"]
    assert family.titles("") == ["public"]


def test_an_owner_sees_at_once_what_they_have_changed(family, ann, add_video, services):
    video = add_video(ann, title="Before")
    assert family.titles("mine=true", ann.headers) == ["Before"]
    services.catalogue.videos.collection.update_one({"id": video.id}, {"$set": {"title": "After"}})
    add_video(ann, title="More")
    assert set(family.titles("mine=true", ann.headers)) == {"After", "More"}
    assert family.ask("mine=true&page=1", ann.headers).json.get("total", 2) == 2


# What makes no sense


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("category=", {"category"}),
        ("category=%20", {"category"}),
        ("tags=", {"tags"}),
        ("tags=,%20,", {"tags"}),
        ("tags=" + ",".join(map(str, range(31))), {"tags"}),
        ("uploaded_by=", {"uploaded_by"}),
        ("uploaded_by=ann", {"uploaded_by"}),
        ("mine=perhaps", {"mine"}),
        ("mine=", {"mine"}),
        ("mine=true&uploaded_by={nobody}", {"uploaded_by"}),
        ("all=x", {"all"}),
        ("visibility=secret", {"visibility"}),
        ("visibility=private", {"visibility"}),
        ("status=failed", {"status"}),
        ("status=done", {"status"}),
        ("mine=true&sort=trending", {"sort"}),
        ("sort=", {"sort"}),
        ("sort=oldest", {"sort"}),
        ("order=up", {"order"}),
        ("order=", {"order"}),
        ("min_duration=-1", {"min_duration"}),
        ("min_duration=x", {"min_duration"}),
        ("min_duration=nan", {"min_duration"}),
        ("min_duration=60&max_duration=60", {"max_duration"}),
        ("q=", {"q"}),
        ("q=%20", {"q"}),
        ("q=" + "x" * 201, {"q"}),
        ("limit=0", {"limit"}),
        ("page=0", {"page"}),
    ],
)
def test_what_makes_no_sense_is_refused(family, ann, query, fields):
    assert family.refused(query.format(nobody=NOBODY), ann.headers) == fields


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=10&page_size=20", {"page_size"}),
        ("sort=latest&sort_by=view_count", {"sort_by"}),
        ("category=music&category_id=music", {"category_id"}),
        ("sort_by=title", {"sort_by"}),
    ],
)
def test_the_platforms_two_vocabularies_are_not_mixed(client, query, fields):
    body = failed(client.get(f"/api/videos?{query}"), 400, "VALIDATION_ERROR")
    assert set(fields_of(body)) == fields


def test_the_clients_pages_are_numbered_or_follow_a_cursor(client, shelf):
    cursor = client.get("/videos?limit=1").json["nextCursor"]
    body = failed(client.get(f"/videos?page=2&cursor={cursor}"), 400, "VALIDATION_ERROR")
    assert set(fields_of(body)) == {"cursor"}


# A person's list


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "a3 a2 a1"),
        ("order=asc", "a1 a2 a3"),
        ("sort_by=view_count", "a2 a1 a3"),
        ("sort_by=view_count&order=asc&page_size=2", "a3 a1"),
        ("category=music", "a3 a1"),
        ("tags=Short", "a3 a2"),
        ("category_id=music&tags=short", "a3"),
    ],
)
def test_a_persons_list_is_narrowed_and_sorted_as_003_asks(client, shelf, ann, query, found):
    for headers in ({}, ann.headers):
        answer = client.get(f"/api/users/{ann.user.id}/videos?{query}", headers=headers)
        assert [video["title"] for video in answer.json["videos"]] == found.split()
        assert answer.json["pagination"]["total_items"] >= len(found.split())


def test_a_persons_list_reaches_so_far_and_names_the_way_on(client, ann):
    for path in (f"/api/users/{ann.user.id}/videos?page=1001",):
        body = failed(client.get(path), 400, "VALIDATION_ERROR")
        assert set(fields_of(body)) == {"page"}


def test_words_that_are_sent_again_are_not_read_again(app):
    schema = VideoQuery()
    sent = MultiDictProxy(MultiDict([("tags", "Live"), ("limit", "5")]), schema)
    first, second = (schema.load(sent, unknown="exclude") for _ in range(2))
    assert first == second
    assert first["listing"] is second["listing"]
    assert first is not second, "whoever gets it may add to it"
    wrong = MultiDictProxy(MultiDict([("limit", "0")]), schema)
    for _ in range(2):
        with pytest.raises(ValidationError):
            schema.load(wrong, unknown="exclude")
