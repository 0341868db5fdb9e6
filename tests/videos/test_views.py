"""Views: who counts once, how long they watched, and counters that equal the rows they count."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from models.video import Visibility
from services import container
from services.accounts.sessions import Device
from services.policies import VISITOR, Actor
from services.videos.views import Report
from tests.wire import NOBODY, failed, fields_of

PATHS = {"platform": "/api/videos/{}/view", "client": "/videos/{}/view"}
PHONE = {"User-Agent": "phone"}


@pytest.fixture(params=PATHS)
def path(request):
    return PATHS[request.param]


@pytest.fixture
def watch(client):
    """Report a view on the platform API; how many there are then."""

    def watch(video, person=None, *, address="203.0.113.7", agent="a", **body):
        answer = client.post(
            f"/api/videos/{video.id}/view",
            json=body,
            headers={"User-Agent": agent} | (person.headers if person else {}),
            environ_base={"REMOTE_ADDR": address},
        )
        assert answer.status_code == 200, answer.json
        return answer.json["new_view_count"]

    return watch


def rows(services, video):
    return services.views.views.collection.count_documents({"video_id": video.id})


def kept(services, video):
    return services.catalogue.videos.get(video.id)


def test_each_family_answers_as_its_document_says(path, client, ann, bob, add_video):
    video = add_video(ann, view_count=41)
    for body in ({"json": {"watch_time_seconds": 12.5, "quality": "720p"}}, {}):
        answer = client.post(path.format(video.oid), headers=bob.headers, **body)
        counted = {"new_view_count": 42} if path.startswith("/api") else {}
        assert (answer.status_code, answer.json) == (200, {"success": True} | counted)


def test_a_visitor_counts_as_well_as_who_is_signed_in(watch, ann, bob, add_video):
    video = add_video(ann)
    assert [watch(video), watch(video, bob), watch(video, ann)] == [1, 2, 3]


@pytest.mark.parametrize(
    "body",
    [
        {"watch_time_seconds": -1}, {"watch_time_seconds": "long"}, {"watch_time_seconds": 10**9},
        {"watch_time_seconds": None}, {"quality": "q" * 17}, {"quality": 7},
    ],
)  # fmt: skip
def test_a_report_that_cannot_be_is_refused_and_counts_nothing(
    path, client, ann, add_video, services, body
):
    video = add_video(ann)
    camel = {"watch_time_seconds": "watchTimeSeconds"} if path == PATHS["client"] else {}
    named = {camel.get(name, name): value for name, value in body.items()}
    for said in (body, named):
        answer = client.post(path.format(video.id), json=said)
        assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == set(named)
    assert rows(services, video) == 0


@pytest.mark.parametrize("name", ["watchTimeSeconds", "watch_time_seconds"])
def test_the_client_api_takes_the_time_watched_in_its_own_spelling_too(
    client, ann, bob, add_video, services, name
):
    video = add_video(ann, duration_seconds=60.0)
    body = {name: 12.5, "quality": "720p"}
    assert client.post(f"/videos/{video.id}/view", json=body, headers=bob.headers).json["success"]
    services.views.fold()
    assert kept(services, video).watch_time_seconds == 12.5


def test_only_who_may_see_a_video_is_counted(path, client, ann, bob, add_video, services):
    private = add_video(ann, visibility=Visibility.PRIVATE)
    unlisted = add_video(ann, visibility=Visibility.UNLISTED)
    for headers in ({}, bob.headers):
        failed(client.post(path.format(private.id), headers=headers), 404, "NOT_FOUND")
        assert client.post(path.format(unlisted.id), headers=headers).status_code == 200
    failed(client.post(path.format(NOBODY)), 404, "NOT_FOUND")
    assert client.post(path.format(private.id), headers=ann.headers).status_code == 200
    assert (rows(services, private), rows(services, unlisted)) == (1, 2)


# Once for each


def test_a_person_counts_once_an_hour(watch, ann, bob, add_video, services, clock):
    video = add_video(ann)
    assert [watch(video, bob) for _ in range(3)] == [1, 1, 1]
    clock.forward(minutes=59)
    watch(video, bob)
    assert rows(services, video) == 1
    clock.forward(minutes=2)
    watch(video, bob)
    assert rows(services, video) == 2


def test_visitors_are_told_apart_by_their_address_and_program(watch, ann, add_video):
    video = add_video(ann)
    seen = [("203.0.113.1", "a"), ("203.0.113.2", "a"), ("203.0.113.1", "b"), ("203.0.113.1", "a")]
    assert [watch(video, address=a, agent=b) for a, b in seen] == [1, 2, 3, 3]


def test_no_address_is_kept(watch, ann, add_video, services):
    watch(add_video(ann), address="203.0.113.99", agent="a very rare browser")
    (row,) = services.views.views.collection.find()
    assert "203.0.113.99" not in str(row)
    assert "rare" not in str(row)
    other = replace(services.views, secret="another secret")
    device = Device(address="203.0.113.99", user_agent="a very rare browser")
    assert other._viewer(VISITOR, device) != services.views._viewer(VISITOR, device)


def test_many_reports_of_one_person_at_once_are_one_view(services, ann, bob, add_video):
    video, actor = add_video(ann), Actor(id=bob.user.id)
    with ThreadPoolExecutor(16) as pool:
        for future in [
            pool.submit(services.views.record, actor, video.id, Report(), Device())
            for _ in range(64)
        ]:
            future.result()
    assert rows(services, video) == 1


# How long


def test_time_watched_adds_up_over_reports(watch, ann, bob, add_video, services, clock):
    video = add_video(ann, duration_seconds=300.0)
    watch(video, bob, watch_time_seconds=10)
    for _ in range(3):
        clock.forward(seconds=20)
        watch(video, bob, watch_time_seconds=20, quality="720p")
    services.views.fold()
    assert kept(services, video).watch_time_seconds == pytest.approx(70, abs=1)
    (row,) = services.views.views.collection.find()
    assert row["quality"] == "720p"


def test_nobody_watches_longer_than_time_passes(watch, ann, bob, add_video, services, clock):
    video = add_video(ann, duration_seconds=5000.0)
    watch(video, bob)
    clock.forward(seconds=30)
    for _ in range(5):
        watch(video, bob, watch_time_seconds=1000)
    services.views.fold()
    assert 29 <= kept(services, video).watch_time_seconds <= 40


def test_nobody_watches_more_of_a_video_than_there_is(watch, ann, bob, add_video, services, clock):
    video = add_video(ann, duration_seconds=60.0)
    watch(video, bob, watch_time_seconds=3600)
    clock.forward(minutes=30)
    watch(video, bob, watch_time_seconds=1800)
    services.views.fold()
    assert kept(services, video).watch_time_seconds == 60


# Counters


def test_what_is_folded_shows_everywhere(watch, client, ann, bob, add_video, services):
    video = add_video(ann, view_count=10)
    watch(video, bob, watch_time_seconds=6)
    watch(video)
    assert kept(services, video).view_count == 10
    assert services.views.fold() == 2
    assert services.views.fold() == 0
    shown = client.get(f"/api/videos/{video.id}").json
    assert (shown["view_count"], shown["metrics"]["watch_time_minutes"]) == (12, 0.1)
    assert client.get(f"/videos/{video.id}").json["views"] == 12
    assert services.people.users.get(ann.user.id).total_views == 2
    assert kept(services, video).updated_at == video.updated_at


def test_the_answer_counts_what_is_not_folded_yet(watch, ann, add_video, services, settings, clock):
    video = add_video(ann, view_count=10)
    assert watch(video, agent="a") == 11
    services.views.fold()
    fresh = container.build(settings, now=clock)
    device = Device(address="203.0.113.8", user_agent="b")
    assert fresh.views.record(VISITOR, video.id, Report(), device) == 12


def test_time_that_is_watched_after_a_view_was_folded_is_folded_as_well(
    watch, ann, bob, add_video, services, clock
):
    video = add_video(ann, duration_seconds=500.0)
    watch(video, bob, watch_time_seconds=5)
    services.views.fold()
    clock.forward(seconds=100)
    watch(video, bob, watch_time_seconds=50)
    services.views.fold()
    found = kept(services, video)
    assert (found.view_count, found.watch_time_seconds) == (1, 55)


def test_more_rows_than_one_transaction_takes_are_all_folded(services, ann, add_video):
    video = add_video(ann)
    for number in range(1203):
        device = Device(address="203.0.113.7", user_agent=str(number))
        services.views._note(video, services.views._viewer(VISITOR, device), Report())
    assert services.views.fold() == 1203
    assert kept(services, video).view_count == 1203


def test_schedulers_that_fold_at_once_while_people_watch_count_each_row_once(
    services, settings, ann, add_video, clock
):
    video = add_video(ann)
    others = [container.build(settings, now=clock) for _ in range(3)]

    def watch(number: int) -> None:
        device = Device(address="203.0.113.7", user_agent=str(number % 90))
        services.views.record(VISITOR, video.id, Report(watch_seconds=1), device)

    with ThreadPoolExecutor(8) as pool:
        watching = [pool.submit(watch, number) for number in range(180)]
        folding = [pool.submit(each.views.fold) for each in others * 4]
        for future in watching + folding:
            future.result()
    services.views.fold()
    assert kept(services, video).view_count == rows(services, video) == 90
    assert services.people.users.get(ann.user.id).total_views == 90


CHILD = """
import sys
from config import Settings
from services import container
from services.accounts.sessions import Device
from services.policies import VISITOR
from services.videos.views import Report

services, video_id, first = container.build(Settings.from_env().checked()), *sys.argv[1:]
print("ready", flush=True)
for number in range(int(first), int(first) + 100_000):
    services.views.record(VISITOR, video_id, Report(), Device(address="x", user_agent=str(number)))
    print(number, flush=True)
    if number % 7 == 0:
        services.views.fold()
"""


def test_after_kills_the_counter_equals_the_rows_and_nothing_that_was_answered_is_missing(
    services, settings, ann, add_video, request
):
    seed = random.randrange(2**32)  # noqa: S311 - no secret
    request.node.user_properties.append(("views: seed", seed))
    chance, video = random.Random(seed), add_video(ann)  # noqa: S311 - the same
    environment = os.environ | {
        "MONGO_URL": settings.mongo_url,
        "MONGO_DB_NAME": settings.database,
        "REDIS_URL": settings.redis_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "VAR_DIR": str(settings.var_dir),
    }
    answered = 0
    for round_number in range(3):
        command = [sys.executable, "-c", CHILD, video.id, str(round_number * 100_000)]
        child = subprocess.Popen(
            command, cwd=Path(__file__).parents[2], env=environment, stdout=subprocess.PIPE
        )
        assert child.stdout
        assert child.stdout.readline() == b"ready\n"
        child.stdout.readline()
        time.sleep(chance.uniform(0.05, 0.4))
        child.send_signal(signal.SIGKILL)
        answered += 1 + child.stdout.read().count(b"\n")
        child.wait()
    end = time.monotonic() + 100
    while list(services.views.views.waiting(1)) and time.monotonic() < end:
        # MongoDB holds what a killed process was at for up to a minute.
        services.views.fold()
        time.sleep(0.2)
    assert kept(services, video).view_count == rows(services, video)
    assert answered <= rows(services, video) <= answered + 3


# People who leave, and videos that go


def test_who_is_deleted_is_forgotten_and_their_views_stay(watch, ann, bob, add_video, services):
    first, second = add_video(ann), add_video(ann)
    watch(first, bob)
    watch(second, bob)
    services.views.views.forget_all_of(bob.user.id)
    assert bob.user.id not in str(list(services.views.views.collection.find()))
    services.views.fold()
    assert kept(services, first).view_count == kept(services, second).view_count == 1


def test_rows_go_with_their_video(watch, client, ann, add_video, services):
    video, other = add_video(ann), add_video(ann)
    watch(video)
    watch(other)
    client.delete(f"/api/videos/{video.id}?permanent=true", headers=ann.headers)
    services.removal.purge(video.id)
    assert (rows(services, video), rows(services, other)) == (0, 1)


def test_reports_are_limited(settings, clock, client, ann, add_video):
    from app import create_app  # noqa: PLC0415 - beside its only use

    strict = create_app(container.build(replace(settings, rate_limit_views="2/minute"), now=clock))
    video, visitor = add_video(ann), strict.test_client()
    path = f"/api/videos/{video.id}/view"
    answers = [visitor.post(path).status_code for _ in range(6)]
    assert answers.count(429) >= 2
    failed(visitor.post(path), 429, "RATE_LIMITED")
