"""`storage check` and `storage move`: whether store and database agree, and changing the store."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import app
from models.errors import Conflict
from models.video import ProcessingStatus, Rendition, Source, Video
from services.adapters.storage import LocalStorage
from services.container import Services, new_id
from services.container.storages import storage as stored_at
from services.library.holdings import holdings
from services.library.judgement import Kind
from services.library.moving import MoveService, Outcome
from services.videos.keys import keys_of, playback_key, poster_key, progressive_key, source_key
from tests.s3 import S3Bucket, judge_bucket, judge_server, s3_bucket, s3_server
from tests.stack import wait_for

__all__ = ["judge_bucket", "judge_server", "s3_bucket", "s3_server"]

ROOT = Path(__file__).parents[2]
OLD = 2 * 3600


@pytest.fixture(params=["local", "s3_bucket"])
def settings(request, settings):
    """On disk and in a bucket."""
    if request.param == "local":
        return settings
    bucket: S3Bucket = request.getfixturevalue(request.param)
    return bucket.settings(settings)


@pytest.fixture
def put(services: Services) -> Callable[..., None]:
    def put(key: str, content: bytes = b"12345", *, seconds_old: int = 0) -> None:
        made = services.storage.incoming() / "made"
        made.write_bytes(content)
        services.storage.adopt(made, key)
        if (path := services.storage.file(key)) and seconds_old:
            then = dt.datetime.now(dt.UTC).timestamp() - seconds_old
            os.utime(path, (then, then))

    return put


@pytest.fixture
def whole(add_video, ann, put) -> Video:
    """A video that is ready, with all of its files."""
    video_id = new_id()
    keys = (
        f"{playback_key(video_id)}/v1/master.m3u8",
        f"{playback_key(video_id)}/v1/360p/1.m4s",
        progressive_key(video_id),
        poster_key(video_id),
    )
    for key in keys:
        put(key)
    return add_video(
        ann,
        id=video_id,
        playback_version="v1",
        renditions=(Rendition(name="360p", width=640, height=360),),
        progressive=progressive_key(video_id),
        has_poster=True,
        stored_bytes=20,
    )


def found(services: Services, *, repair: bool = False) -> list[tuple[str, str]]:
    steps = services.library_check.check(repair=repair)
    return [(finding.kind.value, finding.key) for step in steps for finding in step.findings]


def test_where_all_is_well_nothing_is_found(services, whole, add_video, ann):
    add_video(ann)  # a row of the demo catalogue plays nothing
    assert found(services) == []


def test_what_is_missing_is_found(services, whole):
    for key in (poster_key(whole.id), progressive_key(whole.id)):
        services.storage.remove(key)
    missing = [(Kind.MISSING, progressive_key(whole.id)), (Kind.MISSING, poster_key(whole.id))]
    assert found(services) == [*missing, (Kind.WRONG_SIZE, f"*/{whole.id}")]
    services.storage.remove(playback_key(whole.id))
    assert (Kind.MISSING, f"{playback_key(whole.id)}/v1/master.m3u8") in found(services)


def test_a_source_that_waits_must_be_there_and_whole(services, add_video, ann, put):
    video = add_video(
        ann,
        processing_status=ProcessingStatus.UPLOADED,
        playable=False,
        playback_version=None,
        source=Source(key="", filename="a.mp4", size_bytes=5),
    )
    key = source_key(video.id)
    services.catalogue.videos.collection.update_one({"id": video.id}, {"$set": {"source.key": key}})
    assert found(services) == [(Kind.MISSING, key)]
    put(key, b"1234")
    assert found(services) == [(Kind.WRONG_SIZE, key)]
    put(key)
    assert found(services) == []


def test_what_nothing_points_at_is_found_as_one(services, whole, put):
    gone = new_id()
    for number in range(3):
        put(f"{playback_key(gone)}/v1/{number}.m4s")
    put(poster_key(gone))
    put(source_key(whole.id))
    orphans = [playback_key(gone), poster_key(gone), source_key(whole.id)]
    assert sorted(found(services)) == sorted((Kind.ORPHANED, key) for key in orphans)


def test_files_of_a_video_that_was_erased_are_orphans(services, whole):
    videos, now = services.catalogue.videos, dt.datetime.now(dt.UTC)
    videos.collection.update_one({"id": whole.id}, {"$set": {"deleted_at": now}})
    assert found(services) == []
    videos.erase(whole.id, now)
    assert {kind for kind, _ in found(services)} == {Kind.ORPHANED}


def test_what_clutch_keeps_nowhere_is_unknown_and_left_alone(services, put):
    for key in ("holiday/film.mp4", "posters/no-id.jpg"):
        put(key, seconds_old=OLD)
    assert sorted(found(services, repair=True)) == [
        (Kind.UNKNOWN, "holiday/film.mp4"),
        (Kind.UNKNOWN, "posters/no-id.jpg"),
    ]
    assert services.storage.head("holiday/film.mp4") == 5


def test_only_what_was_orphaned_for_an_hour_is_removed(services, clock, whole, put):
    gone = new_id()
    for number in range(3):
        put(f"{playback_key(gone)}/v1/{number}.m4s")
    assert len(found(services, repair=True)) == 1
    assert services.storage.size(playback_key(gone)) == 15
    clock.forward(hours=2)
    (step,) = [step for step in services.library_check.check(repair=True) if step.findings]
    assert step.repaired == step.findings
    assert found(services) == []
    assert services.storage.size(playback_key(whole.id)) == 10


def test_what_an_upload_under_way_has_brought_is_no_orphan(services, put, settings):
    video_id = new_id()
    put(source_key(video_id))
    assert found(services) == [(Kind.ORPHANED, source_key(video_id))]
    uploads = services.library_check.uploads.collection
    uploads.insert_one({"id": new_id(), "video_id": video_id, "user_id": "", "kind": "direct"})
    assert found(services) == []


def test_every_key_of_a_video_is_known_to_the_check(services, put):
    video_id = new_id()
    for key in keys_of(video_id):
        put(f"{key}/x")
    (held,) = holdings(services.storage)
    assert held.video_id == video_id
    assert len(held.entries) == len(keys_of(video_id))


@pytest.mark.parametrize("settings", ["local"], indirect=True)
def test_the_memory_of_a_check_does_not_grow_with_the_library(services, settings):
    folder = settings.media_root / "posters"
    folder.mkdir(parents=True)
    for number in range(3000):
        (folder / f"{new_id()}-{number}.jpg").touch()

    def peak(videos: int) -> int:
        tracemalloc.start()
        for _ in islice(holdings(services.storage), videos):
            pass
        found_peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found_peak

    assert peak(3000) < 2 * peak(30) + 500_000


# From a shell


@pytest.fixture
def shell(settings, tmp_path, monkeypatch) -> Callable[..., Result]:
    """Run `app.py storage ...` against the test's servers."""
    for name, value in environment(settings, tmp_path).items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app.main, ["storage", *arguments])


def environment(settings, var_dir: Path) -> dict[str, str]:
    return {
        "MONGO_URL": settings.mongo_url,
        "REDIS_URL": settings.redis_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "VAR_DIR": str(var_dir),
        "MEDIA_STORAGE_BACKEND": settings.storage_backend,
        "AWS_ACCESS_KEY_ID": settings.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": settings.aws_secret_access_key,
        "AWS_S3_BUCKET": settings.aws_s3_bucket,
        "S3_ENDPOINT_URL": settings.s3_endpoint_url,
        "S3_PATH_STYLE": str(settings.s3_path_style),
        "LOG_LEVEL": "WARNING",
    }


def test_the_command_ends_with_1_as_long_as_anything_differs(shell, whole, put):
    assert shell("check").exit_code == 0
    gone = new_id()
    put(poster_key(gone), b"x" * 2048)
    said = shell("check")
    assert said.exit_code == 1
    assert f"orphaned    {poster_key(gone)}  (2.0 KiB)" in said.output
    assert "1 orphaned" in said.output
    young = shell("check", "--repair")
    assert young.exit_code == 1
    assert "removed" not in young.output


@pytest.mark.parametrize("settings", ["local"], indirect=True)
def test_the_command_removes_what_it_says(shell, whole, put, services):
    gone = new_id()
    put(poster_key(gone), seconds_old=OLD)
    said = shell("check", "--repair")
    assert (said.exit_code, "  removed\n" in said.output) == (0, True)
    assert services.storage.head(poster_key(gone)) is None


@pytest.mark.parametrize("settings", ["local"], indirect=True)
def test_flask_has_the_command_as_well(settings, tmp_path, whole):
    flask = [Path(sys.executable).with_name("flask"), "--app", "app", "storage", "check"]
    env = {**os.environ, **environment(settings, tmp_path)}
    said = subprocess.run(
        flask, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert "all is as the database says" in said.stdout


@pytest.mark.parametrize("settings", ["local"], indirect=True)
def test_without_a_bucket_there_is_nowhere_to_move_to(shell):
    said = shell("move", "--to", "s3")
    assert said.exit_code == 1
    assert "AWS_S3_BUCKET" in said.output


# Moving


@pytest.fixture
def both(settings, s3_bucket) -> Callable[[str], MoveService]:
    """A library that can be in either place, and is served from the one that is named."""
    places = s3_bucket.settings(settings)
    return lambda configured: MoveService(
        store=lambda backend: stored_at(places, backend), configured=configured
    )


@pytest.mark.parametrize("settings", ["local"], indirect=True)
def test_a_library_moves_and_comes_back_as_it_was(both, settings, s3_bucket, whole, services):
    before = {e.key: services.storage.fingerprint(e.key) for e in services.storage.entries()}
    assert len(before) == 4
    there = [moved.outcome for moved in both("local").move("local", "s3", delete_source=False)]
    again = [moved.outcome for moved in both("local").move("local", "s3", delete_source=False)]
    assert (set(there), set(again)) == ({Outcome.COPIED}, {Outcome.THERE})
    assert sorted(s3_bucket.keys()) == sorted(before)
    assert found(services) == []

    list(both("s3").move("local", "s3", delete_source=True))
    assert list(services.storage.entries()) == []

    list(both("local").move("s3", "local", delete_source=True))
    after = {e.key: services.storage.fingerprint(e.key) for e in services.storage.entries()}
    assert (after, s3_bucket.keys()) == (before, [])


@pytest.mark.parametrize("settings", ["local"], indirect=True)
def test_nothing_is_taken_from_where_players_look(both, whole, services):
    with pytest.raises(Conflict, match="MEDIA_STORAGE_BACKEND=s3"):
        both("local").move("local", "s3", delete_source=True)
    assert found(services) == []


@pytest.mark.parametrize("settings", ["local"], indirect=True)
def test_a_file_that_arrived_otherwise_is_sent_again(both, put, services, s3_bucket):
    key = poster_key(new_id())
    put(key, b"right")
    s3_bucket.client.put_object(Bucket=s3_bucket.name, Key=key, Body=b"wrong")
    (moved,) = both("local").move("local", "s3", delete_source=False)
    assert moved.outcome is Outcome.COPIED
    (moved,) = both("s3").move("local", "s3", delete_source=True)
    assert (moved.outcome, services.storage.head(key)) == (Outcome.THERE, None)


@pytest.mark.stack
@pytest.mark.xdist_group("storage-processes")
@pytest.mark.parametrize("settings", ["local"], indirect=True)
def test_a_move_that_is_killed_goes_on_where_it_was(
    both, settings, s3_bucket, tmp_path, put, services
):
    for _ in range(40):
        put(poster_key(new_id()), os.urandom(50_000))
    env = {**os.environ, **environment(settings, tmp_path), **s3_bucket.environment}
    command = [sys.executable, "app.py", "storage", "move", "--to", "s3"]
    killed = subprocess.Popen(command, cwd=ROOT, env={**env, "MEDIA_STORAGE_BACKEND": "local"})
    try:
        wait_for(lambda: len(s3_bucket.keys()) > 3, 60)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait(20)
    arrived = len(s3_bucket.keys())
    there = stored_at(s3_bucket.settings(settings))
    for key in s3_bucket.keys():  # noqa: SIM118 - it is no mapping
        assert there.head(key) == 50_000
    rest = [moved.outcome for moved in both("local").move("local", "s3", delete_source=False)]
    assert rest.count(Outcome.THERE) >= arrived
    assert len(s3_bucket.keys()) == 40


@pytest.mark.parametrize("settings", ["local"], indirect=True)
def test_moving_reads_anew_what_a_store_does_not_vouch_for(judge_bucket, tmp_path, settings):
    """Of what was sent in parts, Swift knows no MD5."""
    here, places = LocalStorage(tmp_path / "here"), judge_bucket.settings(settings)
    there = stored_at(places)
    large = os.urandom(1024) * 17 * 1024
    (tmp_path / "large").write_bytes(large)
    here.adopt(tmp_path / "large", "progressive/large.mp4")
    stores = {"local": here, "s3": there}
    mover = MoveService(store=stores.__getitem__, configured="local")
    outcomes = [
        [moved.outcome for moved in mover.move("local", "s3", delete_source=False)]
        for _ in range(2)
    ]
    assert outcomes == [[Outcome.COPIED], [Outcome.THERE]]
    assert there.head("progressive/large.mp4") == len(large)
