"""Streams at a time: places taken, kept by heartbeats, lost, given up; and how far one came."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from config import Settings
from models.errors import StreamLimitReached
from services import container
from tests.conftest import Person
from tests.wire import NOBODY, failed, fields_of

FAMILIES = {
    "client": ("/stream/{}", "/stream/{}/heartbeat", "/stream/{}/stop", "streamId"),
    "mobile": ("/video/{}/stream", "/video/{}/heartbeat", "/video/{}/stop", "stream_id"),
}
LIMIT = {"max_concurrent_streams": 2}


@pytest.fixture
def settings(settings: Settings, request) -> Settings:
    return replace(settings, **getattr(request, "param", LIMIT))


@pytest.fixture(params=FAMILIES)
def family(request) -> str:
    return request.param


@pytest.fixture
def device(client, services) -> Callable:
    """Sign somebody in on one more device."""

    def sign_in(person: Person, name: str = "") -> Person:
        body = {"email": person.user.email, "password": "Passw0rd", "device": name}
        answer = client.post("/auth/login", json=body).json
        return Person(person.user, answer["token"], answer["refresh_token"])

    return sign_in


@pytest.fixture
def open_stream(client, services) -> Callable:
    def ask(person, video, family: str = "client") -> Any:
        token = services.catalogue.tokens.playback(person.user.id, video)
        path = FAMILIES[family][0].format(video.id)
        return client.get(f"{path}?token={token}", headers=person.headers)

    return ask


@pytest.fixture
def beat(client) -> Callable:
    def send(person, video, stream_id: str, family: str = "client", **more: Any) -> Any:
        body = {FAMILIES[family][3]: stream_id, **more}
        path = FAMILIES[family][1].format(video.id)
        return client.post(path, json=body, headers=person.headers)

    return send


@pytest.fixture
def stop(client) -> Callable:
    def send(person, video, stream_id: str, family: str = "client", **more: Any) -> Any:
        body = {FAMILIES[family][3]: stream_id, **more}
        path = FAMILIES[family][2].format(video.id)
        return client.post(path, json=body, headers=person.headers)

    return send


def stream_id(answer) -> str:
    assert answer.status_code == 200, answer.json
    return answer.json.get("streamId") or answer.json["stream_id"]


def refused(answer) -> dict[str, Any]:
    return failed(answer, 403, "STREAM_LIMIT_REACHED")


def test_one_device_too_many_is_refused_and_told_what_plays_where(
    open_stream, family, ann, bob, add_video, device
):
    films = [add_video(bob, title=f"Film {number}") for number in range(3)]
    phone, tablet, tv = ann, device(ann, "Ann's tablet"), device(ann, "Television")
    open_stream(phone, films[0], family)
    open_stream(tablet, films[1], family)
    body = refused(open_stream(tv, films[2], family))
    assert "2 streams" in body["message"]
    details = body["details"]
    assert details["limit"] == 2
    assert {one["title"] for one in details["streams"]} == {"Film 0", "Film 1"}
    assert {one["device"] for one in details["streams"]} == {"", "Ann's tablet"}
    # Another person's places are their own.
    assert open_stream(bob, films[2], family).status_code == 200


def test_the_licence_and_the_one_file_keep_to_the_limit_too(
    client, open_stream, ann, add_video, device, services
):
    # What is encrypted has no file in one piece, so the file is another's.
    video, whole = add_video(ann, drm_enabled=True), add_video(ann, progressive="progressive/x.mp4")
    services.licences.keys.encryption(video)
    for person in (ann, device(ann)):
        open_stream(person, video)
    third = device(ann)
    token = services.catalogue.tokens.playback(ann.user.id, video)
    licence = client.get(f"/stream/{video.id}/license?token={token}", headers=third.headers)
    refused(licence)
    token = services.catalogue.tokens.playback(ann.user.id, whole)
    file = client.get(f"/api/videos/{whole.id}/stream?token={token}", headers=third.headers)
    assert refused(file)["error"]["details"]["limit"] == 2


def test_the_same_device_does_not_count_twice_for_the_same_video(
    open_stream, ann, add_video, device
):
    video = add_video(ann)
    ids = {stream_id(open_stream(ann, video)) for _ in range(5)}
    assert len(ids) == 1
    other = stream_id(open_stream(device(ann), video))
    assert other not in ids


def test_a_player_that_is_lost_frees_its_place(open_stream, ann, add_video, device, clock):
    video = add_video(ann)
    open_stream(ann, video)
    clock.forward(seconds=30)
    open_stream(device(ann), video)
    third = device(ann)
    clock.forward(seconds=29)
    refused(open_stream(third, video))
    clock.forward(seconds=2)
    assert open_stream(third, video).status_code == 200


def test_heartbeats_keep_a_place(open_stream, beat, family, ann, add_video, device, clock):
    video = add_video(ann)
    second, third = device(ann), device(ann)
    ids = {p.token: stream_id(open_stream(p, video, family)) for p in (ann, second)}
    for _ in range(4):
        clock.forward(seconds=40)
        for person in (ann, second):
            assert beat(person, video, ids[person.token], family).status_code == 200
        refused(open_stream(third, video, family))


def test_a_stopped_stream_frees_its_place_at_once(
    open_stream, stop, family, ann, add_video, device
):
    video = add_video(ann)
    second, third = device(ann), device(ann)
    open_stream(ann, video, family)
    theirs = stream_id(open_stream(second, video, family))
    assert stop(second, video, theirs, family).status_code == 204
    assert stop(second, video, theirs, family).status_code == 204
    assert open_stream(third, video, family).status_code == 200


def test_another_device_can_be_stopped_by_what_the_refusal_says(
    open_stream, beat, stop, ann, bob, add_video, device
):
    video = add_video(bob)
    second, third = device(ann), device(ann)
    for person in (ann, second):
        open_stream(person, video)
    in_the_way = refused(open_stream(third, video))["details"]["streams"][0]
    # Nobody else can.
    stop(bob, video, in_the_way["stream_id"])
    refused(open_stream(third, video))
    stop(third, video, in_the_way["stream_id"])
    assert open_stream(third, video).status_code == 200
    # The player that was stopped hears of it: no place is left.
    answers = [beat(p, video, in_the_way["stream_id"]) for p in (ann, second)]
    assert sorted(answer.status_code for answer in answers) == [403, 404]


@pytest.mark.parametrize("settings", [{"max_concurrent_streams": 1}], indirect=True)
def test_going_on_to_another_video_moves_the_place_and_tells_the_first_player(
    open_stream, beat, ann, add_video, device, clock
):
    first, second = add_video(ann), add_video(ann)
    began = stream_id(open_stream(ann, first))
    clock.forward(seconds=1)
    assert open_stream(ann, second).status_code == 200
    body = refused(beat(ann, first, began))
    assert "one stream" in body["message"]
    assert [one["video_id"] for one in body["details"]["streams"]] == [second.id]
    refused(open_stream(device(ann), first))


def test_a_place_that_ran_out_is_taken_again_by_a_heartbeat_while_there_is_one(
    open_stream, beat, ann, add_video, device, clock
):
    video = add_video(ann)
    mine = stream_id(open_stream(ann, video))
    clock.forward(minutes=5)
    assert beat(ann, video, mine).status_code == 200
    clock.forward(minutes=5)
    for person in (device(ann), device(ann)):
        open_stream(person, video)
    refused(beat(ann, video, mine))


def test_of_many_devices_at_once_only_as_many_as_may_get_a_place(services, ann, add_video, device):
    video = add_video(ann)
    actors = [services.sessions.authenticate(device(ann).token).actor for _ in range(12)]
    barrier = threading.Barrier(len(actors))

    def take(actor) -> int:
        barrier.wait()
        try:
            services.playback.concurrency.open(actor, video)
        except StreamLimitReached:
            return 0
        return 1

    with ThreadPoolExecutor(len(actors)) as pool:
        assert sum(pool.map(take, actors)) == 2


# Stream ids


def test_a_stream_id_is_good_for_one_device_and_one_video(
    open_stream, beat, family, ann, bob, add_video, device
):
    video, other = add_video(ann), add_video(ann)
    mine = stream_id(open_stream(ann, video, family))
    failed(beat(device(ann), video, mine, family), 404, "NOT_FOUND")
    failed(beat(bob, video, mine, family), 404, "NOT_FOUND")
    failed(beat(ann, other, mine, family), 404, "NOT_FOUND")
    failed(beat(ann, video, "made up", family), 404, "NOT_FOUND")
    failed(beat(ann, video, "ä" * 22, family), 404, "NOT_FOUND")
    failed(beat(ann, replace(video, id=NOBODY), mine, family), 404, "NOT_FOUND")


def test_a_heartbeat_says_what_is_wrong_with_it(beat, family, ann, add_video):
    name = FAMILIES[family][3]
    position = "positionSeconds" if family == "client" else "position_seconds"
    video = add_video(ann)
    for value in ("", "x" * 65, None, 5):
        assert name in fields_of(failed(beat(ann, video, value, family), 400, "VALIDATION_ERROR"))
    for value in (-1, "x", 1e12):
        answer = beat(ann, video, "x", family, **{position: value})
        assert position in fields_of(failed(answer, 400, "VALIDATION_ERROR"))


def test_what_may_not_be_watched_any_more_ends_at_the_next_heartbeat(
    open_stream, beat, ann, bob, add_video, services
):
    video = add_video(ann)
    theirs = stream_id(open_stream(bob, video))
    values = {"$set": {"is_active": False}}
    services.catalogue.videos.collection.update_one({"id": video.id}, values)
    failed(beat(bob, video, theirs), 403, "FORBIDDEN")


# Links


def lasts(answer, clock) -> float:
    return int(answer.json["stream_url"].split("/")[5]) - clock().timestamp()


def test_while_there_is_a_limit_links_are_short_and_heartbeats_bring_the_next(
    client, open_stream, beat, ann, add_video, clock, services
):
    video = add_video(ann, duration_seconds=7200.0)
    opened = open_stream(ann, video)
    assert 300 <= lasts(opened, clock) <= 600
    clock.forward(seconds=610)
    path = opened.json["stream_url"].removeprefix("http://localhost")
    failed(client.get(path), 410, "GONE")
    renewed = beat(ann, video, stream_id(opened))
    assert 300 <= lasts(renewed, clock) <= 600
    same = [url.json["stream_url"].split("/")[6:] for url in (opened, renewed)]
    assert same[0] == same[1]


@pytest.mark.parametrize("settings", [LIMIT | {"limited_grant_seconds": 0}], indirect=True)
def test_links_may_be_left_long(open_stream, ann, add_video, clock):
    assert lasts(open_stream(ann, add_video(ann, duration_seconds=7200.0)), clock) >= 5 * 3600


@pytest.mark.parametrize("settings", [{"max_concurrent_streams": 0}], indirect=True)
def test_without_a_limit_nobody_is_counted(
    open_stream, beat, ann, add_video, device, clock, settings
):
    video = add_video(ann, duration_seconds=7200.0)
    for _ in range(5):
        opened = open_stream(device(ann), video)
        assert lasts(opened, clock) >= 5 * 3600
    mine = stream_id(open_stream(ann, video))
    assert beat(ann, video, mine).status_code == 200
    assert Redis.from_url(settings.redis_url).keys("streams:*") == []


def test_what_plays_elsewhere_takes_no_place(open_stream, family, ann, services):
    for _ in range(5):
        answer = open_stream(ann, services.seeding.youtube()[0], family)
        assert answer.status_code == 200
        assert not {"streamId", "stream_id", "drm"} & answer.json.keys()


def test_nothing_is_left_in_redis_when_the_last_place_is_free(
    open_stream, ann, add_video, settings
):
    open_stream(ann, add_video(ann))
    redis: Any = Redis.from_url(settings.redis_url)
    keys = redis.keys("streams:*")
    assert len(keys) == 2
    assert all(0 < redis.pttl(key) <= 60_000 for key in keys)


def test_without_redis_people_watch_on(settings, ann, add_video, services):
    video = add_video(ann)
    actor = services.sessions.authenticate(ann.token).actor
    alone = container.build(replace(settings, redis_url="redis://127.0.0.1:9/0"))
    alone.playback.concurrency.open(actor, video)
    alone.playback.concurrency.end(actor, "x")


# How far one came


def test_the_watch_history_knows_how_far_one_came(
    services, open_stream, beat, stop, family, ann, add_video
):
    video = add_video(ann, duration_seconds=100.0)
    name = "positionSeconds" if family == "client" else "position_seconds"
    mine = stream_id(open_stream(ann, video, family))
    actor = services.sessions.authenticate(ann.token).actor

    def position() -> float:
        (entry,) = services.history.list(actor, limit=5).items
        return entry.position_seconds

    assert position() == 0.0
    beat(ann, video, mine, family, **{name: 12.5})
    assert position() == 12.5
    beat(ann, video, mine, family)
    assert position() == 12.5
    stop(ann, video, mine, family, **{name: 40})
    assert position() == 40.0
    beat(ann, video, mine, family, **{name: 5000})
    assert position() == 100.0
    stop(ann, video, "made up", family, **{name: 1})
    assert position() == 100.0
    # Opening it again does not forget it.
    open_stream(ann, video, family)
    assert position() == 100.0
