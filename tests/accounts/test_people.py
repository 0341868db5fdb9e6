"""Oneself and others, in the client and the platform API: exact answers, changes, and refusals."""

from __future__ import annotations

import datetime as dt
import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.audit import Action
from models.user import Role
from models.video import Visibility
from services.policies import Actor
from tests.wire import MP4, NOBODY, UUID, failed, fields_of, moment, sign_in

ME = {"client": "/users/me", "platform": "/api/users/me"}
ONE = {"client": "/users/{}", "platform": "/api/users/{}"}
VIDEOS = {"client": "/users/{}/videos", "platform": "/api/users/{}/videos"}

PREFERENCES = {"quality": "auto", "notifications": True, "autoplay": True}
NOTIFICATIONS = {"email": True, "push": True, "comments": True, "followers": True}
PRIVACY = {
    "profile_visibility": "public",
    "show_following": True,
    "show_followers": True,
    "history_paused": False,
}
CAMEL_PRIVACY = {
    "profileVisibility": "public",
    "showFollowing": True,
    "showFollowers": True,
    "historyPaused": False,
}

# How each family spells what can be changed of oneself.
SPELLING = {
    "client": {"display_name": "name", "avatar_url": "profileImage", "password": "currentPassword"},
    "platform": {"password": "current_password"},
}


def spelt(family: str, **fields: object) -> dict[str, object]:
    return {SPELLING[family].get(name, name): value for name, value in fields.items()}


@pytest.fixture(params=ME)
def family(request) -> str:
    return request.param


@pytest.fixture
def patch(client, family):
    """Change oneself in each family; fields are named as the core names them."""

    def send(person, **fields):
        return client.patch(ME[family], json=spelt(family, **fields), headers=person.headers)

    return send


@pytest.fixture
def stored(services):
    return lambda person: services.people.users.get(person.user.id)


# Oneself


def test_the_client_api_shows_oneself_as_002_has_it(client, ann):
    body = client.get("/users/me", headers=ann.headers).json
    assert UUID.fullmatch(body["id"])
    assert moment(body.pop("createdAt")) == moment(body.pop("updatedAt")) == ann.user.created_at
    assert body.pop("profileImage").endswith("/static/avatar.svg")
    assert body == {
        "id": ann.user.id,
        "name": "ann",
        "username": "ann",
        "email": "ann@example.com",
        "emailVerified": False,
        "role": "viewer",
        "bio": "",
        "subscriptions": [],
        "subscriptionStatus": "none",
        "devices": [""],
        "preferences": PREFERENCES,
        "settings": {"notifications": NOTIFICATIONS, "privacy": CAMEL_PRIVACY},
        "watchHistory": [],
    }


def test_the_platform_api_shows_oneself_as_000_has_it_with_all_settings(client, ann, add_video):
    add_video(ann)
    add_video(ann, visibility=Visibility.PRIVATE)
    body = client.get("/api/users/me", headers=ann.headers).json
    assert set(body) == {"user", "profile"}
    assert body["profile"] == {"total_views": 0, "total_videos": 2, "total_likes_received": 0}
    user = body["user"]
    assert moment(user.pop("created_at")) == moment(user.pop("updated_at")) == ann.user.created_at
    assert user.pop("avatar_url").endswith("/static/avatar.svg")
    assert user == {
        "id": ann.user.id,
        "username": "ann",
        "email": "ann@example.com",
        "display_name": "ann",
        "follower_count": 0,
        "following_count": 0,
        "bio": "",
        "verified": False,
        "role": "user",
        "email_verified": False,
        "preferences": PREFERENCES,
        "settings": {"notifications": NOTIFICATIONS, "privacy": PRIVACY},
    }


def test_devices_are_the_names_of_live_sessions_newest_first(client, ann, clock):
    for name in ("Phone", "Television"):
        clock.forward(seconds=1)
        login = {"email": "ann@example.com", "password": "Passw0rd", "device": name}
        client.post("/auth/login", json=login, headers={"User-Agent": "Player/1"})
    clock.forward(seconds=1)
    unnamed = client.post(
        "/auth/login",
        json={"email": "ann@example.com", "password": "Passw0rd"},
        headers={"User-Agent": "Browser/2"},
    )
    devices = client.get("/users/me", headers=ann.headers).json["devices"]
    assert devices == ["Browser/2", "Television", "Phone", ""]
    client.post("/auth/logout", headers={"Authorization": f"Bearer {unnamed.json['token']}"})
    devices = client.get("/users/me", headers=ann.headers).json["devices"]
    assert devices == ["Television", "Phone", ""]


DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("subscriptions", "status"),
    [
        ([], "none"),
        ([("active", 1)], "active"),
        ([("cancelled", 1)], "cancelled"),
        ([("cancelled", 1), ("active", 1)], "active"),
        ([("expired", -1), ("active", 1)], "active"),
        # Nobody has noted yet that it ended: it has all the same.
        ([("active", -1)], "expired"),
        ([("cancelled", -1)], "expired"),
        ([("expired", -1)], "expired"),
    ],
)
def test_the_subscription_status_is_the_best_that_runs(
    client, ann, services, clock, subscriptions, status
):
    rows = [
        {
            "plan_id": "p",
            "start_date": clock() - 9 * DAY,
            "end_date": clock() + n * DAY,
            "status": s,
        }
        for s, n in subscriptions
    ]
    services.people.users.collection.update_one(
        {"id": ann.user.id}, {"$set": {"subscriptions": rows}}
    )
    body = client.get("/users/me", headers=ann.headers).json
    assert body["subscriptionStatus"] == status
    for shown in body["subscriptions"]:
        assert set(shown) == {"planId", "startDate", "endDate", "status"}
    assert [shown["status"] for shown in body["subscriptions"]] == [s for s, _ in subscriptions]


@pytest.mark.parametrize("method", ["get", "patch"])
def test_a_visitor_is_nobody_to_show_or_change(client, family, method):
    failed(getattr(client, method)(ME[family]), 401, "UNAUTHORIZED")
    failed(client.patch(ONE["client"].format(NOBODY), json={}), 401, "UNAUTHORIZED")


# Changing oneself


CHANGES = {
    "username": "Ann_2",
    "display_name": "Ann Example",
    "bio": "Line one\nLine two \N{GRINNING FACE}",
    "avatar_url": "https://pictures.example/ann.png?size=2",
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_field_changes_and_nothing_else(patch, ann, stored, clock, name):
    before = stored(ann)
    clock.forward(seconds=5)
    assert patch(ann, **{name: CHANGES[name]}).status_code == 200
    after = stored(ann)
    changed = {f for f in after.__dataclass_fields__ if getattr(after, f) != getattr(before, f)}
    keys = {"username_key"} if name == "username" else set()
    assert changed == {name, "updated_at", "last_active_at"} | keys
    assert getattr(after, name) == CHANGES[name]
    assert after.updated_at == after.last_active_at > before.updated_at


def test_an_answer_shows_what_was_changed(client, ann):
    body = {"name": " Ann B. ", "profileImage": "http://10.0.0.1/a.png", "bio": "Hi"}
    shown = client.patch("/users/me", json=body, headers=ann.headers).json
    assert set(shown) == set(client.get("/users/me", headers=ann.headers).json)
    assert (shown["name"], shown["profileImage"], shown["bio"]) == (
        "Ann B.", "http://10.0.0.1/a.png", "Hi",
    )  # fmt: skip
    body = {"display_name": "Ann C.", "avatar_url": "", "bio": ""}
    shown = client.patch("/api/users/me", json=body, headers=ann.headers).json
    assert set(shown) == {"user", "profile"}
    assert (shown["user"]["display_name"], shown["user"]["bio"]) == ("Ann C.", "")
    assert shown["user"]["avatar_url"].endswith("/static/avatar.svg")


def test_settings_and_preferences_change_one_by_one(client, ann):
    camel = {
        "preferences": {"quality": "480p"},
        "settings": {"privacy": {"showFollowers": False}, "notifications": {"push": False}},
    }
    shown = client.patch("/users/me", json=camel, headers=ann.headers).json
    assert shown["preferences"] == PREFERENCES | {"quality": "480p"}
    assert shown["settings"]["privacy"] == CAMEL_PRIVACY | {"showFollowers": False}
    assert shown["settings"]["notifications"] == NOTIFICATIONS | {"push": False}
    snake = {
        "preferences": {"autoplay": False},
        "settings": {"privacy": {"profile_visibility": "followers"}},
    }
    user = client.patch("/api/users/me", json=snake, headers=ann.headers).json["user"]
    assert user["preferences"] == {"quality": "480p", "notifications": True, "autoplay": False}
    assert user["settings"] == {
        "notifications": NOTIFICATIONS | {"push": False},
        "privacy": PRIVACY | {"show_followers": False, "profile_visibility": "followers"},
    }


@pytest.mark.parametrize("body", [{}, {"settings": {}}, {"settings": {"privacy": {}}}])
def test_nothing_sent_changes_nothing(client, family, ann, stored, clock, body):
    before = stored(ann)
    clock.forward(seconds=5)
    assert client.patch(ME[family], json=body, headers=ann.headers).status_code == 200
    assert stored(ann) == before


def test_settings_of_an_older_document_take_what_is_sent(patch, ann, services, stored):
    services.people.users.collection.update_one(
        {"id": ann.user.id}, {"$unset": {"settings": 1, "preferences": 1}}
    )
    assert patch(ann, settings={"notifications": {"push": False}}).status_code == 200
    kept = stored(ann)
    assert (kept.settings.notifications.push, kept.settings.notifications.email) == (False, True)
    assert kept.settings.privacy.show_followers is True


def test_parallel_changes_of_different_fields_all_hold(app, ann, stored):
    changes = [
        {"bio": "from one"},
        {"name": "From Two"},
        {"username": "from_three"},
        {"profileImage": "https://x.example/4.png"},
        {"preferences": {"quality": "1080p"}},
        {"preferences": {"autoplay": False}},
        {"settings": {"notifications": {"push": False}}},
        {"settings": {"notifications": {"email": False}}},
        {"settings": {"privacy": {"showFollowing": False}}},
        {"settings": {"privacy": {"profileVisibility": "private"}}},
    ]

    def send(change):
        return app.test_client().patch("/users/me", json=change, headers=ann.headers).status_code

    with ThreadPoolExecutor(len(changes)) as pool:
        assert set(pool.map(send, changes)) == {200}
    kept = stored(ann)
    assert (kept.bio, kept.display_name, kept.username) == ("from one", "From Two", "from_three")
    assert kept.avatar_url == "https://x.example/4.png"
    assert (kept.preferences.quality, kept.preferences.autoplay) == ("1080p", False)
    assert (kept.settings.notifications.push, kept.settings.notifications.email) == (False, False)
    privacy = kept.settings.privacy
    assert (privacy.show_following, privacy.profile_visibility) == (False, "private")


WRONG = {
    "display_name": ["", "   ", "x" * 51, "a\nb", "a\x00b", "a\u202eb", 5, None, ["x"]],
    "bio": ["x" * 501, "a\x00b", 5, None],
    "avatar_url": [
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "ftp://x.example/a.png",
        "//x.example/a.png",
        "/a.png",
        "ann.png",
        "https://",
        "https://x.example/" + "a" * 2000,
        5,
        None,
    ],
    "username": ["", "ab", "x" * 31, "x" * 500, "a b", "a-b", "ann.b", 5, None],
    "email": ["", "ann", "ann@", "ann@localhost", "a" * 300, 5, None],
    "preferences": ["x", None, {"quality": "4k"}, {"quality": None}, {"autoplay": "maybe"}],
    "settings": [
        "x",
        {"notifications": {"push": "perhaps"}},
        {"notifications": []},
        {"privacy": None},
    ],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_what_is_wrong_is_refused_and_changes_nothing(patch, family, ann, stored, name, value):
    before = stored(ann)
    body = failed(patch(ann, **{name: value}), 400, "VALIDATION_ERROR")
    field = SPELLING[family].get(name, name)
    assert any(key.split(".")[0] in {field, name} for key in fields_of(body))
    assert stored(ann) == before


def test_one_wrong_field_keeps_the_right_ones_from_changing(patch, ann, stored):
    before = stored(ann)
    failed(patch(ann, bio="New", username="not a name"), 400, "VALIDATION_ERROR")
    assert stored(ann) == before


def test_a_privacy_that_there_is_not_is_refused(client, ann):
    for path, name in (("/users/me", "profileVisibility"), ("/api/users/me", "profile_visibility")):
        for value in ("friends", "PUBLIC", None, 1):
            body = {"settings": {"privacy": {name: value}}}
            answer = client.patch(path, json=body, headers=ann.headers)
            assert f"settings.privacy.{name}" in fields_of(failed(answer, 400, "VALIDATION_ERROR"))


def test_what_is_not_ones_own_to_set_is_not_set(client, ann, stored):
    attempts = {
        "role": "admin", "verified": True, "is_active": False, "emailVerified": True,
        "password_hash": "x", "follower_count": 9, "id": NOBODY, "settings.privacy": 1,
        "subscriptions": [{"plan_id": "p"}], "username_key": "bob", "$set": {"role": "admin"},
        "deleted_at": None, "second_factor": None, "totalLikes": 9, "videosCreated": 9,
    }  # fmt: skip
    before = stored(ann)
    assert client.patch("/users/me", json=attempts, headers=ann.headers).status_code == 200
    path = f"/users/{ann.user.id}"
    assert client.patch(path, json=attempts, headers=ann.headers).status_code == 200
    for name, value in attempts.items():
        answer = client.patch("/api/users/me", json={name: value}, headers=ann.headers)
        failed(answer, 400, "VALIDATION_ERROR")
    assert stored(ann) == before


def test_a_group_of_settings_takes_no_other_names(client, ann, stored):
    before = stored(ann)
    for group in ({"privacy": {"role": "admin"}}, {"role": {"x": 1}}):
        assert (
            client.patch("/users/me", json={"settings": group}, headers=ann.headers).status_code
            == 200
        )
        answer = client.patch("/api/users/me", json={"settings": group}, headers=ann.headers)
        failed(answer, 400, "VALIDATION_ERROR")
    assert stored(ann) == before


# Usernames


@pytest.mark.parametrize("name", ["bob", "BOB", "Bob", "bOb"])
def test_a_username_is_taken_whatever_its_case(patch, ann, bob, stored, name):
    body = failed(patch(ann, username=name), 409, "CONFLICT")
    assert fields_of(body) == {"username": ["Username already taken"]}
    assert stored(ann).username == "ann"


def test_the_case_of_ones_own_username_can_change(patch, ann, stored):
    assert patch(ann, username="ANN").status_code == 200
    assert (stored(ann).username, stored(ann).username_key) == ("ANN", "ann")


@pytest.mark.parametrize(
    "name",
    [
        "b\u043eb",  # Cyrillic o
        "\u0432ob",  # Cyrillic ve
        "b\u03bfb",  # Greek omicron
        "\uff42\uff4f\uff42",  # full width
        "b\u00f6b",
        "bo\u0301b",
        "bob\u200b",
        "b\u2070b",  # NFKC: 0
        "\u212aim",  # Kelvin sign, which lower() makes a k
        "bo\u017f",  # long s, which upper() makes an S
        "bob\n",
        " bob",
        "bob ",
        "b\u0661b1",  # a digit, but not one of ours
    ],
)
def test_a_username_that_looks_like_anothers_is_refused(patch, client, ann, bob, name):
    failed(patch(ann, username=name), 400, "VALIDATION_ERROR")
    answer = client.patch(f"/users/{ann.user.id}", json={"username": name}, headers=ann.headers)
    failed(answer, 400, "VALIDATION_ERROR")


def test_of_many_who_want_a_username_one_gets_it(app, join, services):
    people = [join() for _ in range(12)]

    def take(person):
        body = {"username": "Wanted" if person is people[0] else "wanted"}
        answer = app.test_client().patch("/users/me", json=body, headers=person.headers)
        return answer.status_code

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(take, people)) == [200] + [409] * 11
    assert services.people.users.collection.count_documents({"username_key": "wanted"}) == 1


def test_a_new_username_signs_in_and_the_old_one_is_free(client, patch, ann, join):
    patch(ann, username="anna")
    assert sign_in(client, "anna")["user"]["username"] == "anna"
    assert join("ann2").user.username == "ann2"
    failed(client.post("/api/auth/login", json={"login": "ann", "password": "Passw0rd"}), 401,
           "UNAUTHORIZED")  # fmt: skip


# E-mail


def mails_to(services, address: str) -> int:
    return services.mailing.mails.collection.count_documents({"to": address})


def test_a_new_address_needs_the_password_and_waits_to_be_verified(patch, ann, stored, services):
    services.people.users.collection.update_one(
        {"id": ann.user.id}, {"$set": {"email_verified": True}}
    )
    assert patch(ann, email=" New@Example.COM ", password="Passw0rd").status_code == 200
    assert (stored(ann).email, stored(ann).email_verified) == ("new@example.com", False)
    assert mails_to(services, "new@example.com") == 1
    (entry, *_) = services.audit.log.newest(user_id=ann.user.id, limit=1)
    assert (entry.action, entry.actor_id) == (Action.EMAIL_CHANGED, ann.user.id)


def test_the_same_address_is_no_change(patch, ann, stored, services):
    services.people.users.collection.update_one(
        {"id": ann.user.id}, {"$set": {"email_verified": True}}
    )
    asked = mails_to(services, "ann@example.com")
    assert patch(ann, email="ANN@example.com", bio="x").status_code == 200
    assert (stored(ann).email_verified, stored(ann).bio) == (True, "x")
    assert mails_to(services, "ann@example.com") == asked


def test_without_the_password_the_address_and_all_else_stay(patch, ann, stored, family):
    before, named = stored(ann), SPELLING[family]["password"]
    for fields in ({}, {"password": "Wrong000"}):
        answer = patch(ann, email="new@example.com", bio="x", **fields)
        assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {named}
    assert stored(ann) == before


def test_an_address_of_another_is_a_conflict_once_the_password_is_right(patch, ann, bob, stored):
    answer = patch(ann, email="BOB@example.com", password="Wrong000")
    failed(answer, 400, "VALIDATION_ERROR")
    body = failed(patch(ann, email="BOB@example.com", password="Passw0rd"), 409, "CONFLICT")
    assert fields_of(body) == {"email": ["Email already registered"]}
    assert stored(ann).email == "ann@example.com"


def test_the_password_cannot_be_guessed_through_a_change_of_address(patch, ann, services):
    answers = [patch(ann, email="new@example.com", password=f"Wrong{n}") for n in range(6)]
    assert [answer.status_code for answer in answers] == [400] * 5 + [429]
    failed(patch(ann, email="new@example.com", password="Passw0rd"), 429, "RATE_LIMITED")
    actions = {entry.action for entry in services.audit.log.newest(user_id=ann.user.id, limit=20)}
    assert {Action.SIGN_IN_FAILED, Action.LOCKED_OUT} <= actions


def test_who_has_no_password_cannot_change_the_address(patch, ann, services, stored):
    services.people.users.collection.update_one(
        {"id": ann.user.id}, {"$set": {"password_hash": ""}}
    )
    failed(patch(ann, email="new@example.com", password="x"), 403, "FORBIDDEN")
    assert stored(ann).email == "ann@example.com"


def test_a_password_that_changes_meanwhile_stops_the_change(services, ann):
    """Whoever held the old password when asked does not win against its owner's reset."""
    users, before = services.people.users, services.people.users.get(ann.user.id)
    users.collection.update_one({"id": ann.user.id}, {"$set": {"password_hash": "another"}})
    values = {"email": "thief@example.com"}
    assert users.change(ann.user.id, values, password_hash=before.password_hash) is None
    assert users.get(ann.user.id).email == "ann@example.com"


def test_who_is_closed_meanwhile_changes_nothing(patch, ann, services, stored):
    for change in ({"is_active": False}, {"deleted_at": services.people.now()}):
        services.people.users.collection.update_one(
            {"id": ann.user.id}, {"$set": {"is_active": True, "deleted_at": None} | change}
        )
        failed(patch(ann, bio="x"), 409, "CONFLICT")
    assert stored(ann).bio == ""


def test_who_is_gone_is_not_found(client, family, ann, services):
    services.people.users.collection.delete_one({"id": ann.user.id})
    failed(client.get(ME[family], headers=ann.headers), 404, "NOT_FOUND")
    failed(client.patch(ME[family], json={"bio": "x"}, headers=ann.headers), 404, "NOT_FOUND")


# Others


def test_the_client_api_shows_a_profile_exactly_as_004_has_it(client, ann, bob, add_video):
    add_video(ann)
    add_video(ann, visibility=Visibility.PRIVATE)
    for reference in (ann.user.id, ann.user.oid, ann.user.id.upper()):
        body = client.get(f"/users/{reference}", headers=bob.headers).json
        assert moment(body.pop("createdAt")) == ann.user.created_at
        moment(body.pop("lastActiveAt"))
        assert body.pop("avatarUrl").endswith("/static/avatar.svg")
        assert body == {
            "id": ann.user.id,
            "username": "ann",
            "email": "",
            "videosCreated": 1,
            "totalLikes": 0,
            "totalDislikes": 0,
        }


def test_the_platform_api_shows_a_profile_as_003_has_it(client, ann, bob, add_video):
    add_video(ann)
    add_video(ann, visibility=Visibility.UNLISTED)
    for reference in (ann.user.id, ann.user.oid):
        body = client.get(f"/api/users/{reference}", headers=bob.headers).json
        assert moment(body.pop("created_at")) == ann.user.created_at
        assert body.pop("avatar_url").endswith("/static/avatar.svg")
        assert body == {
            "id": ann.user.id,
            "username": "ann",
            "display_name": "ann",
            "bio": "",
            "is_following": False,
            "verified": False,
            "follower_count": 0,
            "following_count": 0,
            "total_videos": 1,
            "total_views": 0,
        }


def test_ones_own_profile_counts_all_of_ones_videos(client, ann, add_video):
    add_video(ann)
    add_video(ann, visibility=Visibility.PRIVATE)
    add_video(ann, deleted_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    own = client.get(f"/users/{ann.user.id}", headers=ann.headers).json
    assert (own["videosCreated"], own["email"]) == (2, "ann@example.com")
    own = client.get(f"/api/users/{ann.user.id}", headers=ann.headers).json
    assert own["total_videos"] == 2


@pytest.mark.parametrize("reference", [NOBODY, "0" * 24, "nonsense", "top", "%00", "ann"])
def test_an_unknown_person_is_not_found(client, family, ann, reference):
    for path in (ONE, VIDEOS):
        answer = client.get(path[family].format(reference), headers=ann.headers)
        failed(answer, 404, "NOT_FOUND")


@pytest.mark.parametrize("spelling", ["avatarUrl", "avatar_url"])
def test_004_changes_ones_own_username_and_picture(client, ann, spelling):
    for reference in (ann.user.id, ann.user.oid):
        body = {"username": "anna", spelling: "https://x.example/a.png", "totalLikes": 5}
        shown = client.patch(f"/users/{reference}", json=body, headers=ann.headers).json
        assert shown == client.get(f"/users/{reference}", headers=ann.headers).json
        assert (shown["username"], shown["avatarUrl"]) == ("anna", "https://x.example/a.png")
        assert (shown["email"], shown["totalLikes"]) == ("ann@example.com", 0)


def test_nobody_changes_anybody_elses_profile(client, ann, bob, join, stored):
    before = stored(bob)
    for person in (ann, join("boss", role=Role.ADMIN)):
        for reference in (bob.user.id, bob.user.oid, NOBODY, "nonsense"):
            answer = client.patch(
                f"/users/{reference}", json={"username": "x_x"}, headers=person.headers
            )
            said = failed(answer, 403, "FORBIDDEN")["message"]
            assert said == "You can change your own profile only."
    assert stored(bob) == before


def test_004s_errors_are_004s(client, ann, bob):
    path = f"/users/{ann.user.id}"
    for body in ({"username": "b"}, {"avatarUrl": "javascript:1"}, [1], "x"):
        failed(client.patch(path, json=body, headers=ann.headers), 400, "VALIDATION_ERROR")
    answer = client.patch(path, json={"username": "BOB"}, headers=ann.headers)
    failed(answer, 409, "CONFLICT")


# Their videos


def test_the_client_api_lists_a_persons_videos_page_by_page(client, ann, bob, add_video, clock):
    made = [add_video(ann, created_at=clock() - n * DAY) for n in range(7)]
    add_video(ann, visibility=Visibility.UNLISTED)
    add_video(bob)
    seen, cursor = [], ""
    for size in (3, 3, 1):
        path = f"/users/{ann.user.id}/videos?limit=3&cursor={cursor}"
        answer = client.get(path, headers=bob.headers)
        assert len(answer.json) == size
        seen += [video["id"] for video in answer.json]
        cursor = answer.headers.get("X-Next-Cursor", "")
        add_video(ann, created_at=clock() + DAY)  # what is new does not move what follows
    assert (seen, cursor) == ([video.id for video in made], "")
    assert set(answer.json[0]) <= set(client.get(f"/videos/{made[0].id}").json)


def test_the_platform_api_lists_a_persons_videos_as_003_pages(client, ann, bob, add_video, clock):
    made = [add_video(ann, created_at=clock() - n * DAY).id for n in range(23)]
    path = f"/api/users/{ann.user.id}/videos"
    first = client.get(path, headers=bob.headers).json
    assert [video["id"] for video in first["videos"]] == made[:10]
    cursor = first["pagination"].pop("next_cursor")
    assert first["pagination"] == {
        "current_page": 1,
        "total_pages": 3,
        "total_items": 23,
        "has_next": True,
        "has_prev": False,
    }
    assert set(first["videos"][0]) == set(client.get(f"/api/videos/{made[0]}").json)
    by_cursor = client.get(f"{path}?page=2&cursor={cursor}", headers=bob.headers).json
    assert by_cursor == client.get(f"{path}?page=2", headers=bob.headers).json
    last = client.get(f"{path}?page=3&page_size=11", headers=bob.headers).json
    assert [video["id"] for video in last["videos"]] == made[22:]
    assert last["pagination"] == {
        "current_page": 3,
        "total_pages": 3,
        "total_items": 23,
        "has_next": False,
        "has_prev": True,
        "next_cursor": None,
    }


def test_one_sees_all_of_ones_own_videos_and_staff_everybodys(client, family, ann, join, add_video):
    for fields in ({}, {"visibility": Visibility.PRIVATE}, {"visibility": Visibility.UNLISTED},
                   {"playable": False}, {"is_active": False}):  # fmt: skip
        add_video(ann, **fields)
    add_video(ann, deleted_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    people = {"self": ann, "staff": join("s", role=Role.STAFF), "admin": join("a", role=Role.ADMIN)}
    for who, count in ({"self": 5, "staff": 5, "admin": 5} | {"stranger": 1, "visitor": 1}).items():
        headers = people[who].headers if who in people else join().headers
        answer = client.get(
            VIDEOS[family].format(ann.user.id), headers={} if who == "visitor" else headers
        ).json
        listed = answer if family == "client" else answer["videos"]
        assert len(listed) == count, who
        if family == "platform":
            assert answer["pagination"]["total_items"] == count


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/users/{}/videos", "limit=0"),
        ("/users/{}/videos", "limit=51"),
        ("/users/{}/videos", "cursor=x"),
        ("/api/users/{}/videos", "page=0"),
        ("/api/users/{}/videos", "page_size=101"),
        ("/api/users/{}/videos", "page_size=0"),
        ("/api/users/{}/videos", "cursor=x"),
        ("/users/me/history", "limit=51"),
        ("/users/me/history", "cursor=x"),
    ],
)
def test_a_page_that_there_is_not_is_refused(client, ann, path, query):
    url = f"{path.format(ann.user.id)}?{query}"
    failed(client.get(url, headers=ann.headers), 400, "VALIDATION_ERROR")


def test_a_cursor_of_another_list_is_refused(client, ann, add_video):
    for _ in range(2):
        add_video(ann)
    feed = client.get("/videos/feed?limit=1").json["nextCursor"]
    for path in (f"/users/{ann.user.id}/videos", f"/api/users/{ann.user.id}/videos"):
        answer = client.get(f"{path}?cursor={feed}", headers=ann.headers)
        failed(answer, 400, "VALIDATION_ERROR")


def test_pages_in_a_browser_may_read_where_the_next_one_is(client, ann):
    origin = {"Origin": "http://localhost:3000"}
    answer = client.get(f"/users/{ann.user.id}/videos", headers=origin)
    assert "X-Next-Cursor" in answer.headers["Access-Control-Expose-Headers"]


# When somebody was last active


def test_a_profile_says_when_its_owner_last_wrote(client, ann, bob, clock, services):
    shown = lambda: moment(  # noqa: E731 - short beside its uses
        client.get(f"/users/{ann.user.id}", headers=bob.headers).json["lastActiveAt"]
    )
    services.people.users.collection.update_one({"id": ann.user.id}, {"$set": {"last_login": None}})
    assert shown() == ann.user.created_at
    sign_in(client, "ann")
    assert shown() > ann.user.created_at
    clock.forward(hours=1)
    client.patch("/users/me", json={"bio": "x"}, headers=ann.headers)
    assert shown() >= clock() - dt.timedelta(seconds=5)


def test_an_upload_is_noted_as_activity_and_reading_is_not(client, ann, services, stored):
    for path in ("/users/me", "/api/users/me", "/dashboard"):
        client.get(path, headers=ann.headers)
    assert stored(ann).last_active_at is None
    form = {"title": "x", "file": (io.BytesIO(MP4), "x.mp4")}
    assert client.post("/api/videos", data=form, headers=ann.headers).status_code == 201
    assert stored(ann).last_active_at is not None


def test_activity_is_written_once_a_minute(services, ann, clock, stored):
    activity, actor = services.uploads.activity, Actor(id=ann.user.id)
    activity.note(actor)
    first = stored(ann).last_active_at
    clock.forward(seconds=30)
    activity.note(actor)
    assert stored(ann).last_active_at == first
    activity.note(Actor())


def test_activity_never_goes_back(services, ann, clock, stored):
    users, now = services.people.users, clock()
    users.active(ann.user.id, now)
    users.active(ann.user.id, now - DAY)
    assert stored(ann).last_active_at == now
