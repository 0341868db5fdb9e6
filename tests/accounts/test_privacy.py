"""Who may see what of whom: 000's privacy, by who asks, what is set, and which route is asked."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from models.user import PrivacySettings, ProfileVisibility, Role, User, UserSettings
from services.policies import (
    VISITOR,
    Actor,
    may_see_email,
    may_see_followers,
    may_see_following,
    may_see_profile,
)
from tests.wire import failed

NOW = dt.datetime(2026, 1, 28, 10, 30, tzinfo=dt.UTC)
GONE = {"is_active": False, "deleted_at": NOW}

SELF = Actor(id="ann", session_id="s")
STRANGER = Actor(id="bob", session_id="s")
CREATOR = Actor(id="cleo", session_id="s", role=Role.CREATOR)
STAFF = Actor(id="staff", session_id="s", role=Role.STAFF)
ADMIN = Actor(id="admin", session_id="s", role=Role.ADMIN)
# The columns of the tables below.
ACTORS = (VISITOR, STRANGER, CREATOR, SELF, STAFF, ADMIN)


def ann(privacy: PrivacySettings | None = None, **fields: object) -> User:
    user = User(
        id="ann",
        oid="0" * 24,
        email="ann@example.com",
        username="ann",
        username_key="ann",
        display_name="Ann",
        password_hash="x",
        created_at=NOW,
        updated_at=NOW,
        settings=UserSettings(privacy=privacy or PrivacySettings()),
    )
    return replace(user, **fields)


def visibility(name: str) -> PrivacySettings:
    return PrivacySettings(profile_visibility=ProfileVisibility(name))


PROFILE = {
    "public": (ann(), "111111", "111111"),
    "followers": (ann(visibility("followers")), "000111", "111111"),
    "private": (ann(visibility("private")), "000111", "000111"),
    "deactivated": (ann(is_active=False), "000111", "000111"),
    "deleted": (ann(**GONE), "000000", "000000"),
}


@pytest.mark.parametrize("case", PROFILE)
def test_who_may_see_a_profile_without_and_with_following(case):
    user, *expected = PROFILE[case]
    for follows, row in zip((False, True), expected, strict=True):
        found = [may_see_profile(actor, user, follows=follows) for actor in ACTORS]
        assert "".join(str(int(may)) for may in found) == row


def test_who_may_see_counts_and_addresses():
    hidden = ann(PrivacySettings(show_followers=False, show_following=False))
    for may, user, row in (
        (may_see_followers, ann(), "111111"),
        (may_see_following, ann(), "111111"),
        (may_see_followers, hidden, "000111"),
        (may_see_following, hidden, "000111"),
        (may_see_email, ann(), "000101"),
    ):
        assert "".join(str(int(may(actor, user))) for actor in ACTORS) == row


# The same through every route

ROUTES = ("/users/{}", "/users/{}/videos", "/api/users/{}", "/api/users/{}/videos")
STATES = {
    "public": {},
    "followers": {"settings.privacy.profile_visibility": "followers"},
    "private": {"settings.privacy.profile_visibility": "private"},
    "deactivated": {"is_active": False},
    "deleted": {"is_active": False, "deleted_at": NOW},
}
# Whom ann's profile is there for; ann herself can only ask while her account is open.
SEEN_BY = {
    "public": {"visitor", "stranger", "self", "staff", "admin"},
    "followers": {"self", "staff", "admin"},
    "private": {"self", "staff", "admin"},
    "deactivated": {"staff", "admin"},
    "deleted": set(),
}


@pytest.fixture
def people(join):
    """The headers of everybody in the table; the first is whose profile it is."""
    me = join("ann")
    return me, {
        "visitor": {},
        "stranger": join("bob").headers,
        "self": me.headers,
        "staff": join("sue", role=Role.STAFF).headers,
        "admin": join("ada", role=Role.ADMIN).headers,
    }


@pytest.fixture
def change(services):
    def change(person, **values):
        users = services.people.users.collection
        users.update_one({"id": person.user.id}, {"$set": values})

    return change


@pytest.mark.parametrize("state", STATES)
def test_a_hidden_profile_is_nowhere_and_what_is_shown_is_everywhere(
    client, people, change, add_video, state
):
    me, headers = people
    video = add_video(me)
    change(me, **STATES[state])
    asking = {
        who: sent for who, sent in headers.items() if who != "self" or "self" in SEEN_BY[state]
    }
    for route in ROUTES:
        for reference in (me.user.id, me.user.oid):
            for who, sent in asking.items():
                answer = client.get(route.format(reference), headers=sent)
                if who in SEEN_BY[state]:
                    assert answer.status_code == 200, (route, who)
                else:
                    failed(answer, 404, "NOT_FOUND")
    # A video has a visibility of its own.
    for path in (f"/videos/{video.id}", f"/api/videos/{video.id}"):
        assert client.get(path).status_code == 200
    listed = client.get("/api/videos").json["videos"] + client.get("/videos/feed").json["videos"]
    assert [shown["id"] for shown in listed] == [video.id, video.id]


def test_a_hidden_profile_is_told_from_an_unknown_one_by_nobody(client, people, change):
    me, headers = people
    change(me, **STATES["private"])
    unknown = "0190a5d0-0000-7000-8000-000000000000"
    for route in ROUTES:
        told = [
            client.get(route.format(reference), headers=headers["stranger"]).json
            for reference in (me.user.id, unknown)
        ]
        assert told[0] == told[1]


@pytest.mark.parametrize("name", ["followers", "following"])
def test_hidden_counts_are_null_to_others_and_shown_to_their_owner_and_staff(
    client, people, change, name
):
    me, headers = people
    count = {"followers": "follower_count", "following": "following_count"}[name]
    change(me, **{f"settings.privacy.show_{name}": False, "follower_count": 7})
    change(me, following_count=9)
    shown = {"follower_count": 7, "following_count": 9}
    for who, sent in headers.items():
        body = client.get(f"/api/users/{me.user.id}", headers=sent).json
        hidden = {count: None} if who in {"visitor", "stranger"} else {}
        assert {key: body[key] for key in shown} == shown | hidden, who
    own = client.get("/api/users/me", headers=me.headers).json["user"]
    assert {key: own[key] for key in shown} == shown


AUTHOR = {
    "shown": ({}, 7),
    "show_followers off": ({"settings.privacy.show_followers": False}, 0),
    "profile private": ({"settings.privacy.profile_visibility": "private"}, 0),
    "profile for followers": ({"settings.privacy.profile_visibility": "followers"}, 0),
    "only show_following off": ({"settings.privacy.show_following": False}, 7),
    "of before there were settings": (None, 7),
}


@pytest.mark.parametrize("case", AUTHOR)
def test_beside_a_video_a_hidden_count_is_0_wherever_an_author_is_shown(
    client, people, change, services, add_video, case
):
    me, headers = people
    values, count = AUTHOR[case]
    change(me, follower_count=7, verified=True, **(values or {}))
    if values is None:
        where = {"id": me.user.id}
        services.people.users.collection.update_one(where, {"$unset": {"settings": 1}})
    video = add_video(me)
    paths = (f"/api/videos/{video.id}", "/api/videos", f"/api/users/{me.user.id}/videos")
    for path in paths:
        body = client.get(path, headers=headers["staff"]).json
        author = (body["videos"][0] if "videos" in body else body)["author"]
        assert author["follower_count"] == count, path
        assert (author["username"], author["verified"]) == ("ann", True)


def test_an_address_is_shown_to_oneself_and_admins_and_in_no_other_place(client, people):
    me, headers = people
    for who, sent in headers.items():
        body = client.get(f"/users/{me.user.id}", headers=sent).json
        assert body["email"] == ("ann@example.com" if who in {"self", "admin"} else ""), who
        for route in ROUTES[1:]:
            answer = client.get(route.format(me.user.id), headers=sent)
            assert "ann@example.com" not in answer.text
            assert "ann@example.com" not in str(answer.headers)


def test_settings_and_what_one_watched_are_in_nobodys_profile(client, people):
    me, headers = people
    for route in ROUTES:
        text = client.get(route.format(me.user.id), headers=headers["admin"]).text
        for word in ("settings", "preferences", "istory", "ubscription", "evices", "privacy"):
            assert word not in text
