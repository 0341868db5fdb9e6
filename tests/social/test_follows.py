"""Following people: who may, who sees it, and counters that equal the rows they count."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.blocks import Block
from models.documents import identity
from services.container import new_id
from services.policies import Actor
from services.social import follows as rules
from tests.wire import NOBODY, failed, fields_of


@pytest.fixture
def follow(client):
    def follow(person, other, method="POST"):
        answer = client.open(
            f"/api/users/{other.user.id}/follow", method=method, headers=person.headers
        )
        assert answer.status_code == 200, answer.json
        return answer.json

    return follow


@pytest.fixture
def change(services):
    def change(person, **values):
        users = services.people.users.collection
        users.update_one({"id": person.user.id}, {"$set": values})

    return change


@pytest.fixture
def names(client):
    """Who is in a list, as somebody sees it."""

    def names(person, other, kind="followers", query=""):
        headers = person.headers if person else {}
        answer = client.get(f"/api/users/{other.user.id}/{kind}{query}", headers=headers)
        assert answer.status_code == 200, answer.json
        return [one["username"] for one in answer.json[kind]]

    return names


def counters(services, person):
    user = services.people.users.get(person.user.id)
    return user.follower_count, user.following_count


# Following


def test_following_and_unfollowing_answer_as_000_says(follow, ann, bob, services):
    assert follow(bob, ann) == {"success": True, "following": True, "follower_count": 1}
    assert (counters(services, ann), counters(services, bob)) == ((1, 0), (0, 1))
    gone = {"success": True, "following": False, "follower_count": 0}
    assert follow(bob, ann, "DELETE") == gone
    assert (counters(services, ann), counters(services, bob)) == ((0, 0), (0, 0))
    assert services.follows.follows.collection.count_documents({}) == 0


def test_doing_it_twice_changes_nothing(follow, ann, bob, services):
    assert [follow(bob, ann)["follower_count"] for _ in range(3)] == [1, 1, 1]
    (row,) = services.follows.follows.collection.find()
    follow(bob, ann)
    assert services.follows.follows.collection.find_one() == row
    assert [follow(bob, ann, "DELETE")["follower_count"] for _ in range(2)] == [0, 0]
    assert (counters(services, ann), counters(services, bob)) == ((0, 0), (0, 0))


def test_either_id_names_a_person(client, ann, bob, services):
    for reference in (ann.user.oid, ann.user.id):
        path = f"/api/users/{reference}/follow"
        assert client.post(path, headers=bob.headers).json["follower_count"] == 1


def test_nobody_follows_themselves(client, ann, services):
    for reference in (ann.user.id, ann.user.oid):
        answer = client.post(f"/api/users/{reference}/follow", headers=ann.headers)
        failed(answer, 400, "VALIDATION_ERROR")
    assert counters(services, ann) == (0, 0)


@pytest.mark.parametrize(
    "values",
    [
        {"settings.privacy.profile_visibility": "private"},
        {"settings.privacy.profile_visibility": "followers"},
        {"is_active": False},
        {"is_active": False, "deleted_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
    ],
)
def test_who_is_hidden_is_not_there_to_follow_but_can_be_left(
    client, follow, change, ann, bob, join, values
):
    follow(bob, ann)
    change(ann, **values)
    cleo, path = join("cleo"), f"/api/users/{ann.user.id}/follow"
    failed(client.post(path, headers=cleo.headers), 404, "NOT_FOUND")
    failed(client.delete(path, headers=cleo.headers), 404, "NOT_FOUND")
    assert follow(bob, ann, "DELETE")["following"] is False
    assert client.get("/api/auth/me", headers=bob.headers).json["user"]["following_count"] == 0


def test_an_unknown_person_cannot_be_followed_and_a_visitor_cannot_follow(client, ann):
    for reference in (NOBODY, "6" * 24, "nonsense", "me"):
        for method in ("POST", "DELETE"):
            answer = client.open(
                f"/api/users/{reference}/follow", method=method, headers=ann.headers
            )
            failed(answer, 404, "NOT_FOUND")
    failed(client.post(f"/api/users/{ann.user.id}/follow"), 401, "UNAUTHORIZED")


def test_who_is_blocked_cannot_follow_but_can_leave(client, follow, ann, bob, services):
    follow(bob, ann)
    now = services.follows.now()
    pair = {"user_id": ann.user.id, "blocked_id": bob.user.id}
    services.follows.blocks.add(Block(**identity(new_id()), **pair, created_at=now))
    failed(client.post(f"/api/users/{ann.user.id}/follow", headers=bob.headers), 403, "FORBIDDEN")
    assert follow(bob, ann, "DELETE")["follower_count"] == 0


def test_nobody_follows_more_people_than_a_feed_can_ask_for(client, follow, change, ann, bob, join):
    cleo = join("cleo")
    follow(bob, ann)
    change(bob, following_count=rules.MOST_FOLLOWED)
    failed(client.post(f"/api/users/{cleo.user.id}/follow", headers=bob.headers), 409, "CONFLICT")
    assert follow(bob, ann)["following"]


# Lists


def test_lists_answer_as_000_says_the_latest_first(client, follow, ann, bob, join, clock):
    cleo = join("cleo")
    follow(bob, ann)
    clock.forward(seconds=5)
    follow(cleo, ann)
    body = client.get(f"/api/users/{ann.user.id}/followers").json
    assert [one["username"] for one in body["followers"]] == ["cleo", "bob"]
    assert body["pagination"] == {
        "current_page": 1, "total_pages": 1, "total_items": 2,
        "has_next": False, "has_prev": False, "next_cursor": None,
    }  # fmt: skip
    needed = {"id", "username", "display_name", "avatar_url", "follower_count", "followed_at"}
    assert needed <= set(body["followers"][0])
    mine = client.get("/api/users/me/following", headers=bob.headers).json["following"]
    assert [(one["username"], one["follower_count"]) for one in mine] == [("ann", 2)]


def test_pages_by_number_and_by_cursor_hold_everybody_once(client, follow, ann, join):
    people = [join(f"person{number}") for number in range(5)]
    for person in people:
        follow(person, ann)
    path = f"/api/users/{ann.user.id}/followers?limit=2"
    numbered = [client.get(f"{path}&page={page}").json for page in (1, 2, 3)]
    by_number = [one["username"] for page in numbered for one in page["followers"]]
    by_cursor, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{path}&cursor={cursor}").json
        by_cursor += [one["username"] for one in page["followers"]]
        cursor = page["pagination"]["next_cursor"]
    assert by_number == by_cursor
    assert sorted(by_number) == sorted(person.user.username for person in people)
    assert [page["pagination"]["total_items"] for page in numbered] == [5, 5, 5]


def test_a_cursor_is_taken_only_where_it_was_given(client, follow, ann, bob, join):
    follow(bob, ann)
    follow(join("cleo"), ann)
    path = f"/api/users/{ann.user.id}"
    cursor = client.get(f"{path}/followers?limit=1").json["pagination"]["next_cursor"]
    answer = client.get(f"{path}/following?cursor={cursor}")
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"cursor"}
    for query in ("page=0", "limit=51", "limit=5&page_size=5", "page=1001&limit=10"):
        failed(client.get(f"{path}/followers?{query}"), 400, "VALIDATION_ERROR")


def test_hidden_lists_are_shown_to_their_owner_and_staff(client, follow, change, ann, bob, join):
    from models.user import Role  # noqa: PLC0415 - beside its only use

    staff = join("sue", role=Role.STAFF)
    follow(bob, ann)
    change(ann, **{"settings.privacy.show_followers": False})
    change(bob, **{"settings.privacy.show_following": False})
    for path, owner in ((f"{ann.user.id}/followers", ann), (f"{bob.user.id}/following", bob)):
        for headers in ({}, join().headers):
            failed(client.get(f"/api/users/{path}", headers=headers), 403, "FORBIDDEN")
        for person in (owner, staff):
            assert client.get(f"/api/users/{path}", headers=person.headers).status_code == 200
    answer = client.post(f"/api/users/{ann.user.id}/follow", headers=join("dan").headers)
    assert answer.json["follower_count"] is None


def test_others_see_a_follow_where_both_of_its_ends_show_theirs(follow, change, ann, bob, names):
    follow(bob, ann)
    assert (names(None, ann), names(None, bob, "following")) == (["bob"], ["ann"])
    change(bob, **{"settings.privacy.show_following": False})
    assert (names(None, ann), names(ann, ann)) == ([], ["bob"])
    change(bob, **{"settings.privacy.show_following": True})
    change(ann, **{"settings.privacy.show_followers": False})
    assert (names(None, bob, "following"), names(bob, bob, "following")) == ([], ["ann"])
    change(bob, **{"settings.privacy.profile_visibility": "private"})
    assert names(ann, ann) == ["bob"]
    change(bob, is_active=False)
    assert names(ann, ann) == []


def test_a_profile_for_followers_opens_with_the_follow_and_closes_with_it(
    client, follow, change, ann, bob
):
    follow(bob, ann)
    change(ann, **{"settings.privacy.profile_visibility": "followers"})
    paths = [f"{family}/{ann.user.id}" for family in ("/users", "/api/users")]
    for path in (*paths, *(f"{path}/videos" for path in paths), f"{paths[1]}/followers"):
        assert client.get(path, headers=bob.headers).status_code == 200
        failed(client.get(path), 404, "NOT_FOUND")
    follow(bob, ann, "DELETE")
    for path in paths:
        failed(client.get(path, headers=bob.headers), 404, "NOT_FOUND")


def test_profiles_and_lists_say_whom_the_caller_follows(client, follow, ann, bob, join):
    follow(bob, ann)
    follow(join("cleo"), ann)
    path = f"/api/users/{ann.user.id}"
    told = {
        who: client.get(path, headers=headers).json["is_following"]
        for who, headers in {"bob": bob.headers, "ann": ann.headers, "visitor": {}}.items()
    }
    assert told == {"bob": True, "ann": False, "visitor": False}
    followers = client.get("/api/users/me/followers", headers=ann.headers).json["followers"]
    assert [one["is_following"] for one in followers] == [False, False]
    following = client.get("/api/users/me/following", headers=bob.headers).json["following"]
    assert [one["is_following"] for one in following] == [True]


def test_the_count_is_shown_beside_a_video(client, follow, ann, bob, add_video):
    video = add_video(ann)
    follow(bob, ann)
    assert client.get(f"/api/videos/{video.id}").json["author"]["follower_count"] == 1


# Counters


def test_the_counters_are_right_whoever_follows_and_leaves_at_once(follow, ann, join, services):
    people = [join() for _ in range(8)]

    def waver(person):
        actor = Actor(id=person.user.id, session_id="s")
        for _ in range(4):
            services.follows.follow(actor, ann.user.id)
            services.follows.unfollow(actor, ann.user.id)
        services.follows.follow(actor, ann.user.id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(waver, people))
        list(pool.map(waver, [people[0]] * 8))
    assert counters(services, ann) == (8, 0)
    assert {counters(services, person) for person in people} == {(0, 1)}


def test_what_was_cut_short_is_counted_by_the_scheduler(ann, bob, services):
    actor = Actor(id=bob.user.id, session_id="s")
    services.follows.follows.follow(services.follows._row(actor, ann.user))
    assert counters(services, ann) == (0, 0)
    assert services.follows.fold() == 1
    assert (counters(services, ann), counters(services, bob)) == ((1, 0), (0, 1))
    assert services.follows.fold() == 0


def test_who_is_deleted_is_nobodys_follower_and_follows_nobody(
    client, follow, ann, bob, join, services
):
    cleo = join("cleo")
    for one, other in ((bob, ann), (cleo, ann), (ann, bob), (cleo, bob)):
        follow(one, other)
    body = {"password": "Passw0rd"}
    assert client.delete("/api/users/me", json=body, headers=ann.headers).status_code == 200
    services.deletion.run(ann.user.id)
    services.follows.fold()
    assert services.follows.follows.collection.count_documents({}) == 1
    assert (counters(services, bob), counters(services, cleo)) == ((1, 0), (0, 1))
    assert ann.user.id not in str(list(services.follows.follows.collection.find()))
