"""The videos of those whom one follows: which, in which order, and at what cost."""

from __future__ import annotations

import datetime as dt

import pytest
from pymongo import monitoring

from models.channels import MERGED
from models.documents import identity, to_doc
from models.follows import Follow
from models.video import Visibility
from services import container
from services.container import new_id
from services.policies import Actor
from tests.serving.test_queries import Recorder, explain, explainable, number, stages
from tests.wire import failed

PATH = "/api/users/me/following/videos"


@pytest.fixture
def follow(services):
    def follow(person, *others):
        for other in others:
            services.follows.follow(Actor(id=person.user.id, session_id="s"), other.user.id)

    return follow


@pytest.fixture
def titles(client):
    def titles(person, query=""):
        answer = client.get(f"{PATH}{query}", headers=person.headers)
        assert answer.status_code == 200, answer.json
        return [video["title"] for video in answer.json["videos"]]

    return titles


def at(minute):
    return dt.datetime(2026, 1, 1, 12, minute, tzinfo=dt.UTC)


def test_it_holds_what_those_publish_whom_one_follows_the_newest_first(
    follow, titles, ann, bob, join, add_video, client
):
    cleo, dan = join("cleo"), join("dan")
    follow(ann, bob, cleo)
    for author, minute in ((bob, 1), (cleo, 2), (dan, 3), (bob, 4), (ann, 5), (cleo, 6)):
        title = f"{author.user.username} {minute}"
        add_video(author, title=title, published_at=at(minute))
    assert titles(ann) == ["cleo 6", "bob 4", "cleo 2", "bob 1"]
    assert titles(dan) == []
    body = client.get(f"{PATH}?limit=3", headers=ann.headers).json
    assert (body["pagination"]["total_items"], body["pagination"]["total_pages"]) == (4, 2)
    assert body["videos"][0]["author"]["username"] == "cleo"
    failed(client.get(PATH), 401, "UNAUTHORIZED")


def test_only_what_everybody_may_see_is_in_it(follow, titles, ann, bob, add_video):
    follow(ann, bob)
    add_video(bob, title="public")
    for fields in (
        {"visibility": Visibility.PRIVATE},
        {"visibility": Visibility.UNLISTED},
        {"visibility": Visibility.SCHEDULED},
        {"is_active": False},
        {"playable": False},
        {"deleted_at": at(1)},
    ):
        add_video(bob, **fields)
    assert titles(ann) == ["public"]


def test_who_is_left_is_in_it_no_more(follow, titles, ann, bob, add_video, services):
    add_video(bob)
    follow(ann, bob)
    assert len(titles(ann)) == 1
    services.follows.unfollow(Actor(id=ann.user.id, session_id="s"), bob.user.id)
    assert titles(ann) == []


@pytest.mark.parametrize("same_moment", [False, True])
def test_pages_hold_every_video_once_while_others_come(
    follow, client, ann, bob, join, add_video, same_moment
):
    cleo = join("cleo")
    follow(ann, bob, cleo)
    for minute in range(7):
        published = at(0 if same_moment else minute)
        add_video((bob, cleo)[minute % 2], title=str(minute), published_at=published)
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{PATH}?limit=2&cursor={cursor}", headers=ann.headers).json
        seen += [video["title"] for video in page["videos"]]
        cursor = page["pagination"]["next_cursor"]
        add_video(bob, title="new", published_at=at(30))
    assert sorted(seen) == [str(minute) for minute in range(7)]
    by_number = [
        video["title"]
        for page in (1, 2, 3)
        for video in client.get(f"{PATH}?limit=5&page={page}", headers=ann.headers).json["videos"]
    ]
    assert sorted(by_number)[:7] == sorted(seen)


def test_numbered_pages_end_somewhere(client, ann):
    answer = client.get(f"{PATH}?page=51&limit=20", headers=ann.headers)
    failed(answer, 400, "VALIDATION_ERROR")


def test_a_page_of_five_hundred_people_reads_no_more_than_it_merges(settings, clock):
    """Nothing is sorted in memory, and of each person hardly more than one video is looked at."""
    recorder = Recorder()
    monitoring.register(recorder)
    services = container.build(settings, now=clock)
    list(services.seeding.catalogue(500, 3000))
    now, me = clock(), new_id()
    authors = [doc["id"] for doc in services.people.users.collection.find({"id": {"$gt": ""}})]
    services.follows.follows.collection.insert_many(
        [
            to_doc(Follow(**identity(new_id()), follower_id=me, following_id=one, created_at=now))
            for one in authors
        ]
    )
    database = services.people.users.collection.database
    feed, reader = services.feeds, Actor(id=me, session_id="s")
    first = feed.following(reader, limit=20).videos
    assert len(first.items) == 20
    far = feed.following(reader, limit=20, skip=900).videos
    for after in (None, first.end, far.end):
        sent = recorder.during(lambda after=after: feed.following(reader, after=after, limit=20))
        finds = [c for c in sent if c["name"] == "find" and "author_id" in c["filter"]]
        assert len(finds) == -(-len(authors) // MERGED)
        for query in (query for find in finds for query in explainable(find)):
            explained = explain(database, query)
            assert not {"SORT", "COLLSCAN"} & set(stages(explained)), after
            stats = explained["executionStats"]
            assert number(stats, "totalKeysExamined") <= 3 * (MERGED + 21), after
            assert stats["totalDocsExamined"] <= 25, after


def test_a_cursor_of_another_list_is_refused(client, ann, bob, add_video):
    for _ in range(2):
        add_video(bob)
    cursor = client.get("/api/videos?limit=1").json["pagination"]["next_cursor"]
    for sent in ("x", cursor):
        answer = client.get(f"{PATH}?cursor={sent}", headers=ann.headers)
        failed(answer, 400, "VALIDATION_ERROR")
