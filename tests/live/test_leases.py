"""Who carries a live stream: one at a time, not for ever, and what is left of it is done by all."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pymongo import monitoring
from redis import Redis

from models.broadcasts import Broadcast, Broadcasts
from models.errors import Unavailable
from models.video import LiveStatus
from services import container
from services.adapters.media.confined import ToolFailed
from services.adapters.queue import Job, RqQueue
from services.live.broadcasts import LEASE
from services.live.ending import MOST_REPLAYS, NOT_BACK, REPLAY_LEASE, RESTORED_WITHIN
from tests.live.streams import (
    Encoder,
    carried,
    create,
    go_live,
    hold,
    interrupt,
    row,
    told,
    video_of,
)
from tests.serving.test_queries import Recorder, check, explain, explainable, number
from tests.stack import wait_for

AT_ONCE = 20
SECONDS = 60


@pytest.fixture
def broadcasts(services) -> Broadcasts:
    return services.broadcasts.broadcasts


@pytest.fixture
def made(client, ann) -> dict[str, Any]:
    return create(client, ann)


@pytest.fixture
def at_once() -> Callable[[Callable[[int], Any]], list[Any]]:
    """What as many threads get, all of which begin in the same moment."""

    def run(act: Callable[[int], Any]) -> list[Any]:
        start = threading.Barrier(AT_ONCE)

        def one(number: int) -> Any:
            start.wait(SECONDS)
            return act(number)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(one, range(AT_ONCE)))

    return run


def later(services, **delta: float) -> dt.datetime:
    return services.broadcasts.now() + dt.timedelta(**delta)


def queued(services) -> list[str]:
    """Videos whose end is waiting to be done."""
    return [job.args[0] for job in services.queue.rq.jobs if job.func_name == Job.END_LIVE]


class Away(RqQueue):
    def enqueue(self, job: Job, entity_id: str) -> bool:
        raise Unavailable(f"{job} {entity_id}")


# One at a time


def test_of_many_who_are_let_in_at_once_one_carries_it(made, services, at_once):
    for _ in range(5):
        found = at_once(lambda _: services.broadcasts.admit(made["stream_key"]))
        (held,) = [one for one in found if one is not None]
        now = row(services, made["video_id"])
        assert (now.lease, now.sessions) == (held.lease, held.sessions)
        assert now.sessions <= 5
        interrupt(services, held)
    assert row(services, made["video_id"]).sessions == 5


def test_of_many_who_look_for_one_to_fetch_one_gets_it(made, services, at_once):
    assert services.broadcasts.arrive(made["stream_key"], is_there=True)
    found = at_once(lambda _: services.broadcasts.next_to_fetch())
    assert sum(one is not None for one in found) == 1


def test_of_many_that_arrived_each_is_fetched_once(client, bob, join, services, at_once):
    people = [bob, *(join() for _ in range(4))]
    streams = [create(client, person) for person in people for _ in range(2)]
    for made in streams:
        assert services.broadcasts.arrive(made["stream_key"], is_there=True)
    found = [one.video_id for one in at_once(lambda _: services.broadcasts.next_to_fetch()) if one]
    while one := services.broadcasts.next_to_fetch():
        found.append(one.video_id)
    assert sorted(found) == sorted(made["video_id"] for made in streams)


def test_who_sends_it_a_second_time_is_refused_while_it_is_carried(
    made, services, clock, tmp_path: Path
):
    encoder = Encoder(tmp_path / "encoder")
    held = hold(services, made)
    with carried(services, held, encoder):
        for _ in range(3):
            clock.forward(seconds=LEASE.total_seconds() - 1)
            # However long it goes on: its carrier says so again each second.
            seen = clock()
            wait_for(
                lambda seen=seen: row(services, made["video_id"]).lease_until > seen + LEASE / 2,
                SECONDS,
            )
            assert services.broadcasts.admit(made["stream_key"]) is None
        encoder.end()
        wait_for(lambda: row(services, made["video_id"]).lease is None, SECONDS)
    hold(services, made)


def test_who_lost_it_changes_nothing_any_more(made, services, broadcasts, clock):
    first = go_live(services, made)
    clock.forward(seconds=LEASE.total_seconds() + 1)
    second = hold(services, made)
    assert second.sessions == first.sessions + 1
    before, lease = row(services, made["video_id"]), first.lease or ""
    until = later(services, seconds=60)
    assert broadcasts.renew(first.video_id, lease, until=until, viewers=99) is None
    assert broadcasts.went_live(first.video_id, lease, services.broadcasts.now()) is None
    assert broadcasts.drop(first.video_id, lease, services.broadcasts.now()) is None
    assert row(services, made["video_id"]) == before


def test_a_lease_is_free_only_once_it_has_run_out(made, services, clock):
    hold(services, made)
    clock.forward(seconds=LEASE.total_seconds() - 1)
    assert services.broadcasts.admit(made["stream_key"]) is None
    clock.forward(seconds=2)
    hold(services, made)


def test_why_it_could_not_be_shown_is_forgotten_when_it_is_sent_anew(made, services):
    held = hold(services, made)
    services.broadcasts.refuse(held, "Send $H264 video.")
    assert row(services, made["video_id"]).problem == "Send $H264 video."
    assert hold(services, made).problem == ""


# Killed


def test_a_killed_carrier_leaves_it_offline_and_then_it_has_ended(made, services, clock):
    go_live(services, made)
    clock.forward(seconds=LEASE.total_seconds() - 1)
    services.live_endings.sweep()
    assert row(services, made["video_id"]).status is LiveStatus.LIVE
    clock.forward(seconds=2)
    assert services.live_endings.sweep() == 1
    lost = row(services, made["video_id"])
    assert (lost.status, lost.lease, lost.open) == (LiveStatus.OFFLINE, None, True)
    assert video_of(services, made["video_id"]).live_status is LiveStatus.OFFLINE
    assert told(services, made["video_id"])[-1]["status"] == "offline"
    clock.forward(seconds=services.settings.live_reconnect_seconds - 2)
    assert services.live_endings.sweep() == 0
    assert row(services, made["video_id"]).open
    clock.forward(seconds=4)
    assert services.live_endings.sweep() >= 1
    ended = row(services, made["video_id"])
    assert (ended.status, ended.end_reason, ended.open) == (LiveStatus.ENDED, NOT_BACK, False)
    assert queued(services) == [made["video_id"]]


def test_who_comes_back_in_time_goes_on_with_another_part(made, services, broadcasts, clock):
    first = go_live(services, made)
    began = first.started_at
    for part in (2, 3):
        interrupt(services, row(services, made["video_id"]))
        clock.forward(seconds=services.settings.live_reconnect_seconds - 5)
        again = go_live(services, made)
        assert (again.sessions, again.started_at, again.offline_at) == (part, began, None)
        # As long as it is held, what was interrupted before does not count.
        clock.forward(seconds=LEASE.total_seconds() - 1)
        services.live_endings.sweep()
        assert row(services, made["video_id"]).status is LiveStatus.LIVE


def test_what_was_never_shown_waits_on_however_often_it_was_tried(made, services, clock):
    for _ in range(3):
        hold(services, made)
        clock.forward(seconds=LEASE.total_seconds() + 1)
        services.live_endings.sweep()
        found = row(services, made["video_id"])
        assert (found.status, found.lease, found.open) == (LiveStatus.WAITING, None, True)
    clock.forward(days=30)
    services.live_endings.sweep()
    assert row(services, made["video_id"]).open
    hold(services, made)


def test_of_many_sweeps_at_once_one_ends_it(made, services, clock, at_once):
    go_live(services, made)
    clock.forward(seconds=LEASE.total_seconds() + 1)
    assert sum(at_once(lambda _: services.live_endings.sweep())) == 1
    assert len(told(services, made["video_id"])) == 1


# The end


def test_who_carries_it_is_told_of_its_end_by_the_next_renewal(
    made, client, ann, services, broadcasts
):
    held = go_live(services, made)
    client.post(f"/api/videos/{made['video_id']}/live/end", headers=ann.headers)
    # Not before they have let go, who may still have something to store.
    assert queued(services) == []
    services.live_endings.run(made["video_id"])
    assert row(services, made["video_id"]).unfinished
    until = later(services, seconds=15)
    kept = broadcasts.renew(held.video_id, held.lease or "", until=until, viewers=0)
    assert kept is not None
    assert kept.status is LiveStatus.ENDED
    interrupt(services, held)
    assert row(services, made["video_id"]).status is LiveStatus.ENDED
    assert queued(services) == [made["video_id"]]


def test_it_is_not_shown_again_after_its_end(made, client, ann, services, broadcasts):
    held = hold(services, made)
    client.post(f"/api/videos/{made['video_id']}/live/end", headers=ann.headers)
    now = services.broadcasts.now()
    assert broadcasts.went_live(held.video_id, held.lease or "", now) is None
    assert row(services, made["video_id"]).status is LiveStatus.ENDED


def test_an_end_lets_whoever_carries_it_go(made, client, ann, services, tmp_path: Path):
    encoder = Encoder(tmp_path / "encoder")
    with carried(services, hold(services, made), encoder):
        encoder.send(3)
        wait_for(lambda: row(services, made["video_id"]).status is LiveStatus.LIVE, SECONDS)
        client.post(f"/api/videos/{made['video_id']}/live/end", headers=ann.headers)
        wait_for(lambda: row(services, made["video_id"]).lease is None, SECONDS)
        assert not encoder.is_there
    assert queued(services) == [made["video_id"]]


def test_of_many_ends_at_once_one_counts(made, services, broadcasts, at_once):
    now = services.broadcasts.now()
    found = at_once(lambda n: broadcasts.end(made["video_id"], now, f"by {n}"))
    (ended,) = [one for one in found if one is not None]
    assert row(services, made["video_id"]).end_reason == ended.end_reason


def test_an_end_that_is_not_done_is_queued_again(made, services):
    redis = Redis.from_url(services.settings.redis_url)
    endings = replace(services.live_endings, queue=Away(redis))
    endings.end(made["video_id"], "ended")
    assert endings.sweep() == 0
    assert queued(services) == []
    assert services.live_endings.sweep() == 1
    assert queued(services) == [made["video_id"]]
    # It waits in the queue, and is there once.
    services.live_endings.sweep()
    assert queued(services) == [made["video_id"]]
    services.live_endings.run(made["video_id"])
    assert not row(services, made["video_id"]).unfinished


def test_a_job_that_was_killed_is_done_again_and_one_that_is_done_is_not(
    made, client, ann, services, broadcasts
):
    go_live(services, made)
    services.live_endings.end(made["video_id"], "ended")
    held = row(services, made["video_id"])
    interrupt(services, held)
    assert broadcasts.unfinished(services.broadcasts.now()) == [made["video_id"]]
    services.live_endings.run(made["video_id"])
    assert broadcasts.unfinished(services.broadcasts.now()) == []
    said = len(told(services, made["video_id"]))
    services.live_endings.run(made["video_id"])
    assert len(told(services, made["video_id"])) == said


def test_of_many_workers_at_an_end_one_does_it(made, services, at_once):
    services.live_endings.end(made["video_id"], "ended")
    at_once(lambda _: services.live_endings.run(made["video_id"]))
    assert [event["status"] for event in told(services, made["video_id"])] == ["offline"]
    assert not row(services, made["video_id"]).unfinished


def test_a_worker_that_was_killed_at_it_is_followed_by_another(made, services, broadcasts, clock):
    services.live_endings.end(made["video_id"], "ended")
    now = clock()
    assert broadcasts.claim_end(made["video_id"], now=now, until=now + dt.timedelta(seconds=60))
    clock.forward(seconds=59)
    assert broadcasts.unfinished(clock()) == []
    services.live_endings.run(made["video_id"])
    assert told(services, made["video_id"]) == []
    clock.forward(seconds=2)
    assert broadcasts.unfinished(clock()) == [made["video_id"]]
    services.live_endings.run(made["video_id"])
    found = row(services, made["video_id"])
    assert (found.unfinished, found.lease) == (False, None)


def test_a_killed_carrier_of_what_has_ended_does_not_keep_it_from_being_finished(
    made, services, broadcasts, clock
):
    go_live(services, made)
    services.live_endings.end(made["video_id"], "ended")
    assert broadcasts.unfinished(services.broadcasts.now()) == []
    clock.forward(seconds=LEASE.total_seconds() + 1)
    assert services.live_endings.sweep() == 1
    assert queued(services) == [made["video_id"]]
    services.live_endings.run(made["video_id"])
    assert not row(services, made["video_id"]).unfinished


def test_what_cannot_be_joined_is_tried_a_few_times_and_plays_as_it_was_sent(
    client, ann, services, clock, tmp_path: Path
):
    made, encoder = create(client, ann), Encoder(tmp_path / "encoder")
    with carried(services, hold(services, made), encoder):
        encoder.send(4)
        wait_for(lambda: row(services, made["video_id"]).status is LiveStatus.LIVE, SECONDS)
        services.live_endings.end(made["video_id"], "ended")
        wait_for(lambda: row(services, made["video_id"]).lease is None, SECONDS)
    # What stands in for segments here is none that FFmpeg could join.
    for _ in range(MOST_REPLAYS):
        assert row(services, made["video_id"]).unfinished
        with pytest.raises(ToolFailed):
            services.live_endings.run(made["video_id"])
        clock.forward(seconds=REPLAY_LEASE.total_seconds() + 1)
    services.live_endings.run(made["video_id"])
    assert not row(services, made["video_id"]).unfinished
    shown = video_of(services, made["video_id"])
    assert (shown.live_status, shown.playable) == (LiveStatus.ENDED, True)


def test_a_deleted_stream_that_is_restored_is_over_and_still_there(
    client, ann, services, broadcasts, clock, tmp_path: Path
):
    made, encoder = create(client, ann), Encoder(tmp_path / "encoder")
    path = f"/api/videos/{made['video_id']}"
    with carried(services, hold(services, made), encoder):
        encoder.send(4)
        wait_for(lambda: row(services, made["video_id"]).status is LiveStatus.LIVE, SECONDS)
        client.delete(path, headers=ann.headers)
        wait_for(lambda: row(services, made["video_id"]).lease is None, SECONDS)
    services.live_endings.run(made["video_id"])
    assert row(services, made["video_id"]).unfinished, "once it is restored, it gets its replay"
    assert broadcasts.unfinished(clock()) == []
    restored = client.post(f"{path}/restore", headers=ann.headers)
    assert restored.status_code == 200
    shown = video_of(services, made["video_id"])
    assert (shown.live_status, shown.playable, shown.duration_seconds) == (
        LiveStatus.ENDED,
        True,
        4,
    )
    playlist = services.storage.open(f"playback/{made['video_id']}/v0/media.m3u8")
    assert playlist is not None
    with playlist.stream as opened:
        assert opened.read().endswith(b"#EXT-X-ENDLIST\n")
    clock.forward(seconds=RESTORED_WITHIN.total_seconds() + 1)
    assert broadcasts.unfinished(clock()) == [made["video_id"]]


# Queries


@pytest.fixture(scope="module")
def registered() -> Recorder:
    recorder = Recorder()
    monitoring.register(recorder)
    return recorder


MANY = 300


@pytest.fixture
def crowd(broadcasts, services) -> list[Broadcast]:
    """Streams in each state."""
    now = services.broadcasts.now()
    states: tuple[dict[str, Any], ...] = (
        {},
        {"lease": "x", "lease_until": now + LEASE, "status": LiveStatus.LIVE, "started_at": now},
        {"status": LiveStatus.ENDED, "open": False, "started_at": now, "ended_at": now},
        {},
    )
    rows = [
        Broadcast(
            id=services.broadcasts.new_id(),
            oid=f"{number:024x}",
            video_id=f"video-{number}",
            author_id=f"author-{number % 10}",
            key_hash="x",
            created_at=now,
            **states[number % len(states)],
        )
        for number in range(MANY)
    ]
    for one in rows:
        broadcasts.add(one)
    return rows


@pytest.mark.parametrize(
    ("name", "most"),
    [("lost", 5), ("given_up", 5), ("unfinished", 5), ("to_fetch", 5), ("live_now", 12)],
)
def test_what_is_looked_for_again_and_again_reads_only_what_it_finds(
    crowd, registered, settings, clock, name, most
):
    # Connected after the recorder was registered, so that it hears them.
    services = container.build(settings, now=clock)
    broadcasts, now = services.broadcasts.broadcasts, services.broadcasts.now()
    acts: dict[str, Callable[[], object]] = {
        "lost": lambda: list(broadcasts.lost(now)),
        "given_up": lambda: list(broadcasts.given_up(now)),
        "unfinished": lambda: broadcasts.unfinished(now),
        "to_fetch": lambda: broadcasts.to_fetch(now, 100),
        "live_now": lambda: broadcasts.live_now(10),
    }
    commands = registered.during(acts[name])
    assert commands
    database = broadcasts.collection.database
    check(database, commands)
    for command in commands:
        for query in explainable(command):
            stats = explain(database, query)["executionStats"]
            assert number(stats, "totalKeysExamined") <= most
            assert number(stats, "totalDocsExamined") <= most
