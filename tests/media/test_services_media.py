"""Storage, queue, register, uploads and the heartbeat, each by itself."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis import Redis

from config import Settings
from models.errors import Unavailable
from models.video import ProcessingStatus
from services.adapters.clock import RedisClock
from services.adapters.queue import Job, RqQueue
from services.adapters.register import REVOKED, RedisSessionRegister
from services.adapters.storage import LocalStorage
from services.processing.heartbeat import Heartbeat, LostLease
from services.uploads.uploads import is_accepted_container
from services.videos.keys import playback_key, poster_key, progressive_key, source_key

AWAY = "redis://127.0.0.1:1/0"


# Storage


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "media")


def made(tmp_path: Path, content: bytes = b"x") -> Path:
    file = tmp_path / "made"
    file.write_bytes(content)
    return file


def test_what_is_adopted_is_served_and_gone_from_where_it_was(storage, tmp_path):
    file = made(tmp_path, b"content")
    storage.adopt(file, "a/b/c.mp4")
    assert not file.exists()
    assert storage.file("a/b/c.mp4").read_bytes() == b"content"
    with storage.local("a/b/c.mp4") as local:
        assert local.read_bytes() == b"content"


def test_a_file_that_is_adopted_again_is_replaced(storage, tmp_path):
    for content in (b"1", b"2"):
        storage.adopt(made(tmp_path, content), "a.mp4")
    assert storage.file("a.mp4").read_bytes() == b"2"
    assert list(storage.incoming().iterdir()) == []


def folder_of(file: str, inside: Path) -> Path:
    folder = inside / "folder"
    folder.mkdir(parents=True)
    (folder / file).write_bytes(b"x")
    return folder


def test_a_folder_that_is_adopted_again_stays_for_those_who_watch_it(storage, tmp_path):
    for name in ("first.m4s", "second.m4s"):
        storage.adopt(folder_of(name, tmp_path / name), "playback/v1")
    assert storage.file("playback/v1/first.m4s") is not None
    assert storage.file("playback/v1/second.m4s") is None
    assert list(storage.incoming().iterdir()) == []


def test_of_two_workers_who_adopt_one_folder_at_once_neither_fails(storage, tmp_path):
    """A worker that lost its lease, and does not know it yet, may be as far as the next one."""
    for number in range(20):
        barrier = threading.Barrier(4)

        def adopt(worker: int, key: str, barrier: threading.Barrier) -> None:
            folder = folder_of("x.m4s", tmp_path / key / str(worker))
            barrier.wait()
            storage.adopt(folder, key)

        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(adopt, n, f"v{number}", barrier) for n in range(4)]
        for future in futures:
            future.result()
        assert storage.file(f"v{number}/x.m4s") is not None
    assert list(storage.incoming().iterdir()) == []


def test_what_is_not_there_is_none_or_an_error_and_is_removed_in_peace(storage, tmp_path):
    assert storage.file("none") is None
    with pytest.raises(FileNotFoundError), storage.local("none"):
        pass
    storage.remove("none")
    storage.adopt(made(tmp_path), "folder/x.mp4")
    assert storage.file("folder") is None
    storage.remove("folder")
    assert storage.file("folder/x.mp4") is None


def test_a_reader_never_sees_half_of_what_is_replaced(storage, tmp_path):
    sizes, stop = set(), threading.Event()
    storage.adopt(made(tmp_path, b"a" * 100_000), "x")

    def read() -> None:
        while not stop.is_set():
            sizes.add(len(storage.file("x").read_bytes()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20):
        storage.adopt(made(tmp_path, b"b" * (100_000 + number % 2)), "x")
    stop.set()
    reader.join()
    assert sizes <= {100_000, 100_001}


def test_keys_of_two_videos_never_meet():
    keys = (source_key, playback_key, poster_key, progressive_key)
    assert len({key(video_id) for key in keys for video_id in ("a", "b")}) == 8


# Queue


@pytest.fixture
def queue(settings: Settings) -> RqQueue:
    return RqQueue(Redis.from_url(settings.redis_url))


def test_a_job_waits_once_however_often_it_is_asked_for(queue):
    assert not queue.is_waiting(Job.PROCESS_VIDEO, "v")
    for _ in range(3):
        queue.enqueue(Job.PROCESS_VIDEO, "v")
    assert queue.is_waiting(Job.PROCESS_VIDEO, "v")
    assert not queue.is_waiting(Job.PROCESS_VIDEO, "w")
    assert queue.length() == 1


def test_what_a_worker_took_waits_no_longer(queue):
    queue.enqueue(Job.PROCESS_VIDEO, "v")
    queue.rq.empty()
    assert not queue.is_waiting(Job.PROCESS_VIDEO, "v")


def test_a_queue_that_is_away_says_so():
    with pytest.raises(Unavailable):
        RqQueue(Redis.from_url(AWAY)).enqueue(Job.PROCESS_VIDEO, "v")


# The register of sessions, and the clock of schedulers


def test_a_revoked_session_cannot_be_remembered_back_to_life(settings):
    register = RedisSessionRegister(Redis.from_url(settings.redis_url))
    assert register.enter("s").role is None
    register.remember("s", "viewer")
    assert register.enter("s").role == "viewer"
    register.revoke("s")
    register.remember("s", "viewer")
    assert register.enter("s").role == REVOKED


def test_a_register_that_is_away_knows_nothing_and_cannot_revoke():
    register = RedisSessionRegister(Redis.from_url(AWAY))
    assert register.enter("s").role is None
    register.remember("s", "viewer")
    with pytest.raises(Unavailable):
        register.revoke("s")


def test_a_task_is_due_for_one_scheduler(settings):
    clocks = [RedisClock(Redis.from_url(settings.redis_url)) for _ in range(3)]
    assert [clock.is_due("sweep", 60) for clock in clocks] == [True, False, False]
    assert clocks[1].is_due("discard", 60)


# Uploads


@pytest.mark.parametrize(
    ("head", "accepted"),
    [
        (b"\x00\x00\x00\x20ftypisom", True), (b"\x00\x00\x00\x14ftypqt  ", True),
        (b"\x00\x00\x00\x08wide\x00\x00", True), (b"\x00\x00\x10\x00moov", True),
        (b"RIFF\x00\x00\x00\x00AVI LIST", True), (b"\x1a\x45\xdf\xa3\x01\x00", True),
        (b"", False), (b"ftyp", False), (b"RIFF\x00\x00\x00\x00WEBP", False),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", False), (b"#EXTM3U\nhttp://x", False),
        (b"\x00\x00\x00\x20FTYPisom", False), (b"concat:/etc/passwd", False), (b"FLV\x01", False),
        (b"ID3\x03", False), (b"\x00\x00\x01\xba", False), (b"<svg xmlns=", False),
    ],
)  # fmt: skip
def test_a_container_is_told_by_how_it_begins(head, accepted):
    assert is_accepted_container(head) is accepted


def test_uploads_that_a_killed_server_left_are_removed_after_a_day(services, clock):
    folder = services.storage.incoming()
    old, young = folder / "upload-old", folder / "upload-young"
    for file, hours in ((old, 25), (young, 23)):
        file.write_bytes(b"x")
        at = time.time() - hours * 3600
        os.utime(file, (at, at))
    assert services.uploads.discard_abandoned() == 1
    assert (old.exists(), young.exists()) == (False, True)


def test_uploads_that_end_while_old_ones_are_looked_for_are_in_nobodys_way(services):
    folder, stop = services.storage.incoming(), threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            files = [folder / f"upload-{number}" for number in range(20)]
            for file in files:
                file.touch()
            for file in files:
                file.unlink()

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(300):
            services.uploads.discard_abandoned()
    finally:
        stop.set()
        thread.join()


# The heartbeat


def wait_until(condition) -> bool:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def test_a_heartbeat_tells_the_latest_progress_until_it_ends():
    beats: list[tuple[str, float]] = []

    def beat(stage: str, percent: float) -> bool:
        beats.append((stage, percent))
        return True

    with Heartbeat(beat=beat, interval_seconds=0.01) as heartbeat:
        assert wait_until(lambda: len(beats) >= 2)
        heartbeat.report("encoding", 12.3456)
        assert wait_until(lambda: beats[-1] == ("encoding", 12.3))
    count = len(beats)
    time.sleep(0.05)
    assert len(beats) == count


def test_a_lease_that_is_lost_stops_the_work_at_its_next_report():
    with Heartbeat(beat=lambda *_: False, interval_seconds=0.01) as heartbeat:
        assert wait_until(lambda: heartbeat._lost)
        with pytest.raises(LostLease):
            heartbeat.report("encoding", 1.0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_heart_goes_on_after_a_beat_that_failed():
    """MongoDB restarts within a long encoding: the lease must be renewed when it is back."""
    beats: list[str] = []

    def beat(stage: str, _percent: float) -> bool:
        beats.append(stage)
        if len(beats) == 1:
            raise Unavailable("MongoDB restarts")
        return True

    with Heartbeat(beat=beat, interval_seconds=0.01):
        assert wait_until(lambda: len(beats) >= 3)


# What is left to play


def test_a_video_that_failed_after_its_first_rendition_still_plays_it(
    client, ann, add_video, services
):
    half = add_video(ann, processing_status=ProcessingStatus.ERROR, playback_version="v1")
    (shown,) = client.get("/dashboard", headers=ann.headers).json["videos"]
    path = f"/video/{half.id}/stream?token={shown['playback_token']}"
    assert client.get(path, headers=ann.headers).status_code == 200
