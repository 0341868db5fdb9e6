"""Categories: naming them, what videos hold, and how many are in each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from models.errors import ClutchError
from models.user import Role
from models.video import Visibility
from services.policies import Actor
from tests.media.test_platform_media import form
from tests.wire import NOBODY, UUID, failed, fields_of

PATH = "/api/categories"


@pytest.fixture
def admin(join):
    return join("root", role=Role.ADMIN)


@pytest.fixture
def create(client, admin):
    def create(name):
        return client.post(PATH, json={"name": name}, headers=admin.headers)

    return create


def test_everybody_lists_categories_by_name(client, create, admin):
    for name in ("Travel", "music", "Art"):
        assert create(name).status_code == 201
    found = client.get(PATH).json["categories"]
    assert [one["name"] for one in found] == ["Art", "music", "Travel"]
    assert set(found[0]) == {"id", "name", "slug", "video_count", "created_by", "created_at"}
    assert UUID.fullmatch(found[0]["id"])
    assert found[0]["created_by"] == admin.user.id


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Science & Technology", "science-technology"), ("  Two   words ", "two-words"),
        ("Музыка", "muzyka"), ("音楽", "yin-le"), ("Café", "cafe"), ("ÄÖÜ", "aou"),
        ("C++", "c"), ("80's", "80-s"), ("x" * 60, "x" * 60),
    ],
)  # fmt: skip
def test_a_slug_is_made_of_any_script(create, name, slug):
    made = create(name)
    assert made.status_code == 201, made.json
    assert made.json["slug"] == slug
    assert made.json["name"] == " ".join(name.split())


@pytest.mark.parametrize("other", ["music", "MUSIC", " Music ", "\uff2dusic"])
def test_a_name_is_taken_once_whatever_its_case(create, other):
    assert create("Music").status_code == 201
    body = failed(create(other), 409, "CONFLICT")
    assert set(fields_of(body)) == {"name"}


def test_names_that_make_the_same_slug_get_slugs_of_their_own(create):
    assert [create(name).json["slug"] for name in ("C", "C++", "C#")] == ["c", "c-2", "c-3"]


@pytest.mark.parametrize("name", ["", "   ", "!!!", "x" * 61, None, 7])
def test_a_name_that_is_none_is_refused(create, name, client):
    assert set(fields_of(failed(create(name), 400, "VALIDATION_ERROR"))) == {"name"}
    assert client.get(PATH).json["categories"] == []


def test_only_administrators_change_categories(client, ann, join, create):
    category = create("Music").json
    staff = join("boss", role=Role.STAFF)
    for person in (ann, staff):
        for method, path in (
            ("POST", PATH),
            ("PATCH", f"{PATH}/music"),
            ("DELETE", f"{PATH}/music"),
        ):
            body = None if method == "DELETE" else {"name": "x"}
            answer = client.open(path, method=method, json=body, headers=person.headers)
            failed(answer, 403, "FORBIDDEN")
    assert client.get(PATH).json["categories"] == [category]


def test_of_many_who_create_one_name_at_once_one_does(services, admin):
    actor = Actor(id=admin.user.id, role=Role.ADMIN)

    def create(_: int) -> bool:
        try:
            services.categories.create(actor, "Music")
        except ClutchError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1


# What videos hold


@pytest.mark.parametrize("said", ["Music", "music", "MUSIC ", "by id"])
def test_a_video_holds_the_slug_of_the_category_that_is_meant(client, ann, create, said):
    category = create("Music").json
    wanted = category["id"] if said == "by id" else said
    made = client.post("/api/videos", data=form(category=wanted), headers=ann.headers).json
    assert made["category"] == "music"
    changed = client.patch(
        f"/api/videos/{made['id']}", json={"category": wanted}, headers=ann.headers
    )
    assert changed.json["category"] == "music"


def test_003s_name_for_it_is_taken_when_a_video_is_made_and_changed(client, ann, create):
    music, sport = create("Music").json, create("Sport").json
    made = client.post("/api/videos", data=form(category_id=music["id"]), headers=ann.headers).json
    assert made["category"] == "music"
    path = f"/api/videos/{made['id']}"
    changed = client.patch(path, json={"category_id": sport["id"]}, headers=ann.headers)
    assert changed.json["category"] == "sport"
    both = {"category_id": music["id"], "category": "Sport"}
    twice = client.patch(path, json=both, headers=ann.headers)
    assert set(fields_of(failed(twice, 400, "VALIDATION_ERROR"))) == {"category_id"}


def test_free_text_stays_as_it_is(client, ann, create):
    create("Music")
    made = client.post("/api/videos", data=form(category="My Things"), headers=ann.headers).json
    assert made["category"] == "My Things"


def test_a_new_category_takes_in_what_was_called_so(client, ann, add_video, create, services):
    video = add_video(ann, category="Live Music")
    create("Live Music")
    assert services.catalogue.videos.get(video.id).category == "live-music"


def test_a_category_keeps_its_videos_when_it_is_renamed(client, ann, admin, add_video, create):
    category = create("Music").json
    video = add_video(ann, category="music")
    path = f"{PATH}/{category['id']}"
    renamed = client.patch(path, json={"name": "Melodies"}, headers=admin.headers)
    assert (renamed.json["name"], renamed.json["slug"]) == ("Melodies", "music")
    (found,) = client.get("/api/videos?category=Melodies").json["videos"]
    assert found["id"] == video.id
    create("Travel")
    taken = client.patch(path, json={"name": "TRAVEL"}, headers=admin.headers)
    failed(taken, 409, "CONFLICT")
    same = client.patch(path, json={"name": "MELODIES"}, headers=admin.headers)
    assert same.json["name"] == "MELODIES"


@pytest.mark.parametrize("name", ["Music", "music"])
def test_a_slug_stays_that_of_its_category_when_another_is_named_so(
    client, ann, admin, add_video, create, services, name
):
    old = create("Music").json
    video = add_video(ann, category="music")
    client.patch(f"{PATH}/{old['id']}", json={"name": "Melodies"}, headers=admin.headers)
    assert create(name).json["slug"] == "music-2"
    assert services.catalogue.videos.get(video.id).category == "music"
    (found,) = client.get("/api/videos?category=music").json["videos"]
    assert found["id"] == video.id
    # What was read is sent back.
    same = {"category": found["category"]}
    changed = client.patch(f"/api/videos/{video.id}", json=same, headers=ann.headers)
    assert changed.json["category"] == "music"
    renamed = client.patch(f"{PATH}/music", json={"name": "Tunes"}, headers=admin.headers)
    assert renamed.json["id"] == old["id"]


def test_a_category_in_use_is_not_deleted_unless_its_videos_go_elsewhere(
    client, ann, admin, add_video, create, services
):
    create("Music")
    create("Sound")
    hidden = add_video(ann, category="music", visibility=Visibility.PRIVATE)
    failed(client.delete(f"{PATH}/music", headers=admin.headers), 409, "CONFLICT")
    wrong = client.delete(f"{PATH}/music?move_to=nowhere", headers=admin.headers)
    failed(wrong, 404, "NOT_FOUND")
    same = client.delete(f"{PATH}/music?move_to=music", headers=admin.headers)
    assert set(fields_of(failed(same, 400, "VALIDATION_ERROR"))) == {"move_to"}
    answer = client.delete(f"{PATH}/music?move_to=sound", headers=admin.headers)
    assert answer.json["success"] is True
    assert services.catalogue.videos.get(hidden.id).category == "sound"
    assert [one["slug"] for one in client.get(PATH).json["categories"]] == ["sound"]
    failed(client.delete(f"{PATH}/music", headers=admin.headers), 404, "NOT_FOUND")


def test_unknown_categories_are_not_found(client, admin):
    for reference in (NOBODY, "6" * 24, "none", "%00", "x" * 500):
        for method, body in (("PATCH", {"name": "x"}), ("DELETE", None)):
            path = f"{PATH}/{reference}"
            answer = client.open(path, method=method, json=body, headers=admin.headers)
            failed(answer, 404, "NOT_FOUND")


def test_counts_are_those_of_public_videos(client, ann, add_video, create, services):
    for name in ("Music", "Travel", "Empty"):
        create(name)
    for category in ("music", "music", "travel", "free text"):
        add_video(ann, category=category)
    add_video(ann, category="music", visibility=Visibility.PRIVATE)
    services.categories.count()

    def counts():
        return {one["slug"]: one["video_count"] for one in client.get(PATH).json["categories"]}

    assert counts() == {"music": 2, "travel": 1, "empty": 0}
    services.catalogue.videos.collection.update_many(
        {"author_id": ann.user.id}, {"$set": {"is_active": False}}
    )
    services.categories.count()
    assert counts() == {"music": 0, "travel": 0, "empty": 0}


def test_what_an_administrator_named_stays_when_they_go(client, admin, join, create):
    create("Music")
    other = join("root2", role=Role.ADMIN)
    client.delete(f"/api/users/{admin.user.id}", headers=other.headers)
    (found,) = client.get(PATH).json["categories"]
    assert found["name"] == "Music"
