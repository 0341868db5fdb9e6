"""Live streams as the platform API has them: created, shown, given another key, ended."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import replace
from typing import Any

import pytest

from config import Settings
from models.broadcasts import Broadcast, Broadcasts
from models.user import Role
from models.video import Visibility
from services.live.ending import NOT_BACK
from tests.live.streams import create, go_live, hold, interrupt, row, video_of
from tests.wire import MP4, NOBODY, UUID, failed, fields_of, moment

LIVE = {
    "video_id", "status", "viewer_count", "peak_viewer_count", "started_at", "ended_at",
    "end_reason", "keep_replay", "problem", "ingest_url", "video",
}  # fmt: skip
ROUTES = (
    ("GET", "/api/videos/{}/live"),
    ("POST", "/api/videos/{}/live/key"),
    ("POST", "/api/videos/{}/live/end"),
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # Encoders go to a host of their own.
    return replace(settings, live_ingest_url="rtmp://live.example.com/live/")


def key_of(made: dict[str, Any]) -> str:
    return made["stream_key"].partition("?key=")[2]


# Creating


def test_creating_answers_all_that_an_encoder_needs(client, ann):
    made = create(client, ann)
    assert set(made) == LIVE | {"stream_key"}
    assert UUID.fullmatch(made["video_id"])
    assert made["ingest_url"] == "rtmp://live.example.com/live"
    name, _, key = made["stream_key"].partition("?key=")
    assert name == made["video_id"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{32,}", key)
    expected = {"status": "waiting", "viewer_count": 0, "peak_viewer_count": 0, "end_reason": ""}
    assert {name: made[name] for name in expected} == expected
    assert (made["started_at"], made["ended_at"], made["problem"]) == (None, None, None)
    assert made["keep_replay"] is True


def test_without_a_setting_it_is_sent_to_this_host(ann, services):
    for url, port, expected in (
        ("http://media.example.com:5000", 0, "rtmp://media.example.com:1935/live"),
        ("https://media.example.com", 1936, "rtmp://media.example.com:1936/live"),
        ("http://[::1]:5000", 1936, "rtmp://[::1]:1936/live"),
    ):
        given = replace(services.settings, public_url=url, live_port=port, live_ingest_url="")
        assert given.live_address == expected


def test_the_video_is_described_as_an_upload_would_be(client, ann):
    made = create(
        client,
        ann,
        title="  Roof  ",
        description="Look up.",
        tags=["sky", "Birds"],
        visibility="unlisted",
        geo_restrictions=["FR"],
        keep_replay=False,
    )
    video = made["video"]
    assert (video["id"], video["title"], video["description"]) == (
        made["video_id"],
        "Roof",
        "Look up.",
    )
    assert (video["visibility"], video["geo_restrictions"]) == ("unlisted", ["FR"])
    assert [tag.lower() for tag in video["tags"]] == ["sky", "birds"]
    assert made["keep_replay"] is False
    assert (video["live_status"], video["playable"]) == ("waiting", False)
    assert (video["processing_status"], video["published_at"]) == ("ready", None)


def test_the_key_is_shown_once_and_kept_as_a_hash(client, ann, services):
    made = create(client, ann)
    key = key_of(made)
    for path in (f"/api/videos/{made['video_id']}/live", f"/api/videos/{made['video_id']}"):
        answer = client.get(path, headers=ann.headers)
        assert answer.status_code == 200
        assert key not in answer.get_data(as_text=True)
        assert "stream_key" not in answer.json
    ended = client.post(f"/api/videos/{made['video_id']}/live/end", headers=ann.headers)
    assert key not in ended.get_data(as_text=True)
    database = services.broadcasts.broadcasts.collection.database
    stored = [str(list(database[name].find())) for name in database.list_collection_names()]
    assert any(made["video_id"] in text for text in stored)
    assert not [text for text in stored if key in text]
    assert row(services, made["video_id"]).key_hash == hashlib.sha256(key.encode()).hexdigest()


def test_each_stream_has_a_key_of_its_own(client, ann, services):
    first, second = create(client, ann), create(client, ann)
    assert key_of(first) != key_of(second)
    assert services.broadcasts.admit(f"{first['video_id']}?key={key_of(second)}") is None
    assert hold(services, first).video_id == first["video_id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": 7}, "title"),
        ({"title": "x", "description": "x" * 5001}, "description"),
        ({"title": "x", "visibility": "secret"}, "visibility"),
        ({"title": "x", "visibility": "scheduled"}, "visibility"),
        (
            {"title": "x", "visibility": "scheduled", "publish_at": "2099-01-01T00:00:00Z"},
            "visibility",
        ),
        ({"title": "x", "drm_enabled": True}, "drm_enabled"),
        ({"title": "x", "keep_replay": "perhaps"}, "keep_replay"),
        ({"title": "x", "geo_restrictions": ["Atlantis"]}, "geo_restrictions"),
        ({"title": "x", "key": "mine"}, "key"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_left_of_it(client, ann, services, body, field):
    answer = client.post("/api/live", json=body, headers=ann.headers)
    assert field in fields_of(failed(answer, 400, "VALIDATION_ERROR"))
    assert services.broadcasts.broadcasts.open_of(ann.user.id) == 0
    assert services.catalogue.videos.count_of(ann.user.id) == 0


@pytest.mark.parametrize("data", ["[]", '"x"', "{", "null"])
def test_what_is_no_object_is_refused(client, ann, data):
    headers = ann.headers | {"Content-Type": "application/json"}
    answer = client.post("/api/live", data=data, headers=headers)
    assert answer.status_code == 400
    failed(answer, 400, answer.json["error_code"])


def test_only_so_many_may_be_open(client, ann, bob, services):
    made = [create(client, ann) for _ in range(services.settings.live_per_person)]
    body = {"title": "One more"}
    refused = failed(client.post("/api/live", json=body, headers=ann.headers), 409, "CONFLICT")
    assert "3 live streams" in refused["detail"]
    assert services.catalogue.videos.count_of(ann.user.id) == 3
    create(client, bob)
    client.post(f"/api/videos/{made[0]['video_id']}/live/end", headers=ann.headers)
    create(client, ann)


def test_creating_counts_as_uploading(app):
    view = app.view_functions["platform_live.create"]
    assert view.limited == app.view_functions["platform_videos.upload"].limited


# Showing


def test_its_owner_sees_how_it_stands(client, ann, services, clock):
    made = create(client, ann)
    path = f"/api/videos/{made['video_id']}/live"
    shown = client.get(path, headers=ann.headers)
    assert shown.status_code == 200
    assert set(shown.json) == LIVE
    assert shown.json["ingest_url"] == made["ingest_url"]
    go_live(services, made)
    live = client.get(path, headers=ann.headers).json
    assert (live["status"], live["video"]["live_status"]) == ("live", "live")
    assert live["video"]["playable"] is True
    assert moment(live["started_at"]) <= clock()
    assert moment(live["video"]["published_at"]) <= clock()


def test_while_nothing_is_sent_it_is_its_owners_alone(client, ann, bob, join):
    video_id = create(client, ann)["video_id"]
    staff = join("boss", role=Role.STAFF)
    for method, path in ROUTES:
        failed(
            client.open(path.format(video_id), method=method, headers=bob.headers), 404, "NOT_FOUND"
        )
    failed(client.get(f"/api/videos/{video_id}/live"), 404, "NOT_FOUND")
    failed(client.get(f"/api/videos/{video_id}", headers=bob.headers), 404, "NOT_FOUND")
    assert client.get(f"/api/videos/{video_id}/live", headers=staff.headers).status_code == 200


def test_once_it_is_live_others_see_it_and_may_not_touch_it(client, ann, bob, services):
    made = create(client, ann)
    held = go_live(services, made)
    services.broadcasts.refuse(held, "Send H.264 video.")
    for headers in (bob.headers, {}):
        shown = client.get(f"/api/videos/{made['video_id']}/live", headers=headers)
        assert shown.status_code == 200
        assert set(shown.json) == LIVE
        assert (shown.json["ingest_url"], shown.json["problem"]) == ("", None)
    mine = client.get(f"/api/videos/{made['video_id']}/live", headers=ann.headers).json
    assert mine["problem"] == "Send H.264 video."
    for method, path in ROUTES[1:]:
        answer = client.open(path.format(made["video_id"]), method=method, headers=bob.headers)
        failed(answer, 403, "FORBIDDEN")
    assert row(services, made["video_id"]).open


@pytest.mark.parametrize("visibility", ["private", "unlisted"])
def test_a_hidden_one_is_found_by_nobody_else(client, ann, bob, services, visibility):
    made = create(client, ann, visibility=visibility)
    go_live(services, made)
    assert client.get("/api/live").json == {"live": []}
    # Unlisted ones are there for who knows the address.
    expected = {"private": 404, "unlisted": 200}[visibility]
    for method, path in ROUTES:
        answer = client.open(path.format(made["video_id"]), method=method, headers=bob.headers)
        assert answer.status_code == (
            expected if method == "GET" else {404: 404, 200: 403}[expected]
        )


def test_staff_may_end_anybodys(client, ann, join, services):
    made = create(client, ann)
    go_live(services, made)
    staff = join("boss", role=Role.STAFF)
    answer = client.post(f"/api/videos/{made['video_id']}/live/end", headers=staff.headers)
    assert (answer.status_code, answer.json["status"]) == (200, "ended")


def test_what_is_live_is_listed_the_latest_first(client, ann, bob, services, clock):
    assert client.get("/api/live").json == {"live": []}
    create(client, bob)
    first = create(client, ann, title="First")
    go_live(services, first)
    clock.forward(seconds=5)
    second = create(client, bob, title="Second")
    held = go_live(services, second)
    for headers in ({}, ann.headers):
        answer = client.get("/api/live", headers=headers)
        assert answer.status_code == 200
        assert set(answer.json) == {"live"}
        assert [one["video_id"] for one in answer.json["live"]] == [
            second["video_id"],
            first["video_id"],
        ]
        assert all(set(one) == LIVE for one in answer.json["live"])
        assert {one["ingest_url"] for one in answer.json["live"]} == {""}
        assert [one["video"]["author"]["display_name"] for one in answer.json["live"]] == [
            "bob",
            "ann",
        ]
    assert len(client.get("/api/live?limit=1").json["live"]) == 1
    interrupt(services, held)
    shown = client.get("/api/live").json["live"]
    assert [one["video_id"] for one in shown] == [first["video_id"]]


@pytest.mark.parametrize("limit", ["0", "101", "x"])
def test_a_list_has_a_sensible_length(client, limit):
    body = failed(client.get(f"/api/live?limit={limit}"), 400, "VALIDATION_ERROR")
    assert "limit" in fields_of(body)


def test_a_deleted_one_is_not_listed(client, ann, services):
    made = create(client, ann)
    go_live(services, made)
    assert client.delete(f"/api/videos/{made['video_id']}", headers=ann.headers).status_code < 300
    assert client.get("/api/live").json == {"live": []}
    for method, path in ROUTES:
        answer = client.open(path.format(made["video_id"]), method=method, headers=ann.headers)
        failed(answer, 404, "NOT_FOUND")


def test_a_video_that_was_never_live_has_none_of_this(client, ann, add_video, services):
    video = add_video(ann)
    for method, path in ROUTES:
        answer = client.open(path.format(video.id), method=method, headers=ann.headers)
        failed(answer, 404, "NOT_FOUND")
        answer = client.open(path.format(NOBODY), method=method, headers=ann.headers)
        failed(answer, 404, "NOT_FOUND")
    shown = client.get(f"/api/videos/{video.id}", headers=ann.headers).json
    assert shown["live_status"] is None
    assert video_of(services, video.id).playable


def test_who_is_not_signed_in_sends_nothing(client, ann, services):
    made = create(client, ann)
    go_live(services, made)
    failed(client.post("/api/live", json={"title": "x"}), 401, "UNAUTHORIZED")
    for method, path in ROUTES[1:]:
        answer = client.open(path.format(made["video_id"]), method=method)
        failed(answer, 401, "UNAUTHORIZED")


# Keys


def test_a_new_key_makes_the_old_one_useless(client, ann, services):
    made = create(client, ann)
    answer = client.post(f"/api/videos/{made['video_id']}/live/key", headers=ann.headers)
    assert answer.status_code == 200
    assert set(answer.json) == LIVE | {"stream_key"}
    assert answer.json["stream_key"] != made["stream_key"]
    assert services.broadcasts.admit(made["stream_key"]) is None
    assert services.broadcasts.arrive(made["stream_key"], is_there=True) is False
    hold(services, answer.json)


class ChangedMeanwhile(Broadcasts):
    """As if its owner had another key made just after it was read."""

    def of(self, video_id: str) -> Broadcast | None:
        found = super().of(video_id)
        self.change_key(video_id, "another")
        return found


def test_who_is_let_in_as_the_key_changes_is_not(client, ann, services):
    made = create(client, ann)
    changed = ChangedMeanwhile(services.broadcasts.broadcasts.collection)
    assert replace(services.broadcasts, broadcasts=changed).admit(made["stream_key"]) is None
    assert row(services, made["video_id"]).lease is None


@pytest.mark.parametrize(
    "said",
    [
        "{id}",
        "{id}?key=",
        "{id}?key={key}x",
        "{id}?key=no&key={key}",
        "?key={key}",
        NOBODY + "?key={key}",
        "{id}?Key={key}",
        "{id}?key={hash}",
        "",
        "?",
        "{id}?key=%ff\x00{key}",
        "\x00?key={key}",
    ],
)
def test_nobody_is_let_in_with_less_than_the_key(client, ann, services, said):
    made = create(client, ann)
    key, found = key_of(made), row(services, made["video_id"])
    text = said.format(id=made["video_id"], key=key, hash=found.key_hash)
    assert services.broadcasts.admit(text) is None
    assert row(services, made["video_id"]).lease is None


def test_a_deleted_video_cannot_be_sent_until_it_is_restored(client, ann, services):
    made = create(client, ann)
    path = f"/api/videos/{made['video_id']}"
    client.delete(path, headers=ann.headers)
    assert services.broadcasts.admit(made["stream_key"]) is None
    assert services.broadcasts.arrive(made["stream_key"], is_there=True) is False
    assert client.post(f"{path}/restore", headers=ann.headers).status_code == 200
    hold(services, made)


def test_content_is_not_replaced_before_it_is_over(client, ann, services):
    made = create(client, ann)
    path = f"/api/videos/{made['video_id']}"
    form = {"file": (io.BytesIO(MP4), "x.mp4")}
    answer = client.post(f"{path}/content", data=form, headers=ann.headers)
    assert "not over" in failed(answer, 409, "CONFLICT")["detail"]
    assert video_of(services, made["video_id"]).live_status == "waiting"


# The end


def test_it_is_ended_once_and_ending_it_again_is_no_error(client, ann, services, clock):
    made = create(client, ann)
    go_live(services, made)
    path = f"/api/videos/{made['video_id']}/live/end"
    first = client.post(path, headers=ann.headers)
    assert first.status_code == 200
    assert set(first.json) == LIVE
    assert (first.json["status"], first.json["end_reason"]) == ("ended", "ended")
    assert moment(first.json["ended_at"]) <= clock()
    clock.forward(seconds=60)
    again = client.post(path, headers=ann.headers)
    assert again.status_code == 200
    assert again.json["ended_at"] == first.json["ended_at"]
    assert client.get("/api/live").json == {"live": []}


def test_after_its_end_it_takes_neither_a_stream_nor_a_key(client, ann, services):
    made = create(client, ann)
    path = f"/api/videos/{made['video_id']}/live"
    client.post(f"{path}/end", headers=ann.headers)
    assert services.broadcasts.admit(made["stream_key"]) is None
    assert services.broadcasts.arrive(made["stream_key"], is_there=True) is False
    body = failed(client.post(f"{path}/key", headers=ann.headers), 409, "CONFLICT")
    assert "over" in body["detail"]


def test_one_that_nobody_came_back_to_says_so(client, ann, services, clock):
    made = create(client, ann)
    interrupt(services, go_live(services, made))
    clock.forward(seconds=services.settings.live_reconnect_seconds + 1)
    services.live_endings.sweep()
    shown = client.get(f"/api/videos/{made['video_id']}/live", headers=ann.headers).json
    assert (shown["status"], shown["end_reason"]) == ("ended", NOT_BACK)


# Watching

PLAYING = ("/stream/{}", "/video/{}/stream", "/api/videos/{}/stream")


def opened(client, person, services, video_id: str, path: str) -> Any:
    token = services.catalogue.tokens.playback(person.user.id, video_of(services, video_id))
    return client.get(f"{path.format(video_id)}?token={token}", headers=person.headers)


@pytest.mark.parametrize("path", PLAYING)
def test_before_it_begins_there_is_nothing_to_watch(client, ann, services, path):
    made = create(client, ann)
    for _ in range(2):
        body = failed(opened(client, ann, services, made["video_id"], path), 409, "CONFLICT")
        said = body.get("detail") or body["message"]
        assert said == "This live stream has not begun yet."
        # Nor when somebody sends, and too little of it is there.
        if row(services, made["video_id"]).lease is None:
            hold(services, made)


@pytest.mark.parametrize("path", PLAYING[:2])
def test_while_it_is_live_or_interrupted_it_plays(client, ann, bob, services, path):
    made = create(client, ann)
    held = go_live(services, made)
    for interrupted in (False, True):
        if interrupted:
            interrupt(services, held)
        answer = opened(client, bob, services, made["video_id"], path)
        assert answer.status_code == 200, answer.json
        url = answer.json.get("streamUrl") or answer.json.get("stream_url")
        assert f"/{made['video_id']}/v0/" in url


def test_it_is_no_file_while_it_is_live(client, ann, bob, services):
    made = create(client, ann)
    go_live(services, made)
    answer = opened(client, bob, services, made["video_id"], "/api/videos/{}/stream")
    assert "no file yet" in failed(answer, 409, "CONFLICT")["detail"]


def test_the_link_to_a_live_stream_lasts_as_long_as_one_may_be(client, ann, services, add_video):
    made = create(client, ann)
    go_live(services, made)
    short = add_video(ann, duration_seconds=1.0)

    def until(video_id: str) -> int:
        answer = opened(client, ann, services, video_id, "/stream/{}").json
        found = re.search(r"/hls/[^/]+/(\d+)/", answer["streamUrl"])
        assert found, answer
        return int(found[1])

    longest = services.settings.max_video_seconds
    assert until(made["video_id"]) - until(short.id) >= longest / 2 - 600


@pytest.mark.parametrize("path", PLAYING)
def test_one_that_was_not_kept_is_over(client, ann, services, path):
    made = create(client, ann, keep_replay=False)
    go_live(services, made)
    client.post(f"/api/videos/{made['video_id']}/live/end", headers=ann.headers)
    held = row(services, made["video_id"])
    services.live_endings.interrupted(
        services.broadcasts.broadcasts.drop(held.video_id, held.lease, services.broadcasts.now())
    )
    services.live_endings.run(made["video_id"])
    shown = client.get(f"/api/videos/{made['video_id']}", headers=ann.headers).json
    assert (shown["live_status"], shown["playable"]) == ("ended", False)
    body = failed(opened(client, ann, services, made["video_id"], path), 409, "CONFLICT")
    said = body.get("detail") or body["message"]
    assert said == "This live stream is over, and was not kept."
    # Nor does anything say that there should be media.
    kept = video_of(services, made["video_id"])
    assert (kept.playback_version, kept.renditions) == (None, ())
    assert shown["quality_variants"] == {}


# Who may not any more


def test_who_is_deactivated_sends_nothing_until_they_are_back(client, ann, join, services):
    root, made = join("root", role=Role.ADMIN), create(client, ann)
    path = f"/api/users/{ann.user.id}/active"
    for is_active in (False, True):
        answer = client.patch(path, json={"is_active": is_active}, headers=root.headers)
        assert answer.status_code == 200
        arrived = services.broadcasts.arrive(made["stream_key"], is_there=True)
        held = services.broadcasts.admit(made["stream_key"])
        assert (arrived, held is not None) == (is_active, is_active)


def test_who_is_deactivated_may_still_say_that_they_cease_to_send(client, ann, join, services):
    root, made = join("root", role=Role.ADMIN), create(client, ann)
    assert services.broadcasts.arrive(made["stream_key"], is_there=True)
    body = {"is_active": False}
    client.patch(f"/api/users/{ann.user.id}/active", json=body, headers=root.headers)
    assert services.broadcasts.arrive(made["stream_key"], is_there=False)
    assert not row(services, made["video_id"]).arrived


def test_a_closed_account_sends_nothing_and_leaves_nothing(client, ann, services):
    made = create(client, ann)
    answer = client.delete("/api/users/me", json={"password": "Passw0rd"}, headers=ann.headers)
    assert answer.status_code == 200
    assert services.broadcasts.admit(made["stream_key"]) is None
    services.deletion.run(ann.user.id)
    assert services.broadcasts.broadcasts.of(made["video_id"]) is None


def test_a_purged_video_takes_its_broadcast_with_it(client, ann, services):
    made = create(client, ann)
    client.delete(f"/api/videos/{made['video_id']}?permanent=true", headers=ann.headers)
    services.removal.purge(made["video_id"])
    assert services.broadcasts.broadcasts.of(made["video_id"]) is None


def test_the_export_has_them_and_no_key(client, ann, bob, services):
    made = create(client, ann)
    create(client, bob)
    go_live(services, made)
    answer = client.get("/api/users/me/export", headers=ann.headers)
    (exported,) = answer.json["live_streams"]
    assert (exported["video_id"], exported["status"]) == (made["video_id"], "live")
    text = answer.get_data(as_text=True)
    assert key_of(made) not in text
    assert row(services, made["video_id"]).key_hash not in text


def test_a_video_may_be_hidden_while_it_is_live(client, ann, bob, services):
    made = create(client, ann)
    go_live(services, made)
    path = f"/api/videos/{made['video_id']}"
    client.patch(path, json={"visibility": "private"}, headers=ann.headers)
    assert video_of(services, made["video_id"]).visibility is Visibility.PRIVATE
    failed(client.get(f"{path}/live", headers=bob.headers), 404, "NOT_FOUND")
    assert client.get("/api/live").json == {"live": []}
