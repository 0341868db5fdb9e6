"""A hold on processing: who sees what is under way, ends it, and begins it again."""

from __future__ import annotations

import errno
import io
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from config import Settings
from models.errors import BadMedia
from models.user import Role
from models.video import Processing, ProcessingStatus, Source, Video
from services.adapters.media.confined import ToolFailed
from services.adapters.queue import Job
from services.processing.failures import details_of
from services.videos.keys import source_key
from tests.conftest import Person
from tests.samples import big_buck_bunny
from tests.stack import wait_for
from tests.wire import MP4, NOBODY, failed, stored_files


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # Slow to encode, so that there is a middle to be cancelled in.
    return replace(settings, renditions=(360, 720, 1080), x264_preset="slow")


@pytest.fixture
def root(join) -> Person:
    return join("root", role=Role.ADMIN)


@pytest.fixture
def upload(client, ann) -> Callable[..., str]:
    def upload(content: bytes = MP4) -> str:
        form = {"title": "x", "file": (io.BytesIO(content), "x.mp4")}
        answer = client.post("/api/videos", data=form, headers=ann.headers)
        assert answer.status_code == 201
        return answer.json["id"]

    return upload


def kept(services, video_id: str) -> Video:
    found = services.catalogue.videos.get(video_id)
    assert found is not None
    return found


def listed(client, person: Person, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/admin/processing?{query}", headers=person.headers)
    assert answer.status_code == 200, answer.json
    return answer.json["videos"]


def test_what_fails_keeps_its_upload_and_is_tried_again(client, ann, upload, services, settings):
    video_id = upload()
    path = f"/api/videos/{video_id}"
    for _ in range(2):
        services.transcoding.run(video_id)
        found = client.get(path, headers=ann.headers).json
        assert found["processing_status"] == "error"
        assert len(stored_files(settings)) == 1
        assert kept(services, video_id).stored_bytes == len(MP4)
        again = client.post(f"{path}/retry", headers=ann.headers).json
        assert (again["state"], again["attempts"], again["error_code"]) == ("waiting", 0, None)
        assert services.queue.is_waiting(Job.PROCESS_VIDEO, video_id)
    failed(client.post(f"{path}/retry", headers=ann.headers), 409, "CONFLICT")


def test_the_upload_of_what_failed_goes_after_a_week(
    client, ann, upload, services, settings, clock
):
    video_id, other = upload(), upload()
    services.transcoding.run(video_id)
    clock.forward(days=6, hours=23)
    assert services.processing.discard_failed_sources() == 0
    clock.forward(hours=2)
    assert services.processing.discard_failed_sources() == 1
    assert [path.name for path in stored_files(settings)] == [other]
    assert (kept(services, video_id).source, kept(services, video_id).stored_bytes) == (None, 0)


def test_what_was_tried_again_meanwhile_keeps_its_upload(ann, upload, services, settings, clock):
    video_id = upload()
    services.transcoding.run(video_id)
    videos = services.catalogue.videos
    now = clock()
    assert videos.retry(kept(services, video_id), now, external=False)
    assert not videos.forget_source(video_id, now + services.processing.keeps_failed)
    assert len(stored_files(settings)) == 1


def test_without_an_upload_there_is_nothing_to_try(client, ann, add_video, settings, services):
    video = add_video(ann, processing_status=ProcessingStatus.ERROR, source=None)
    answer = client.post(f"/api/videos/{video.id}/retry", headers=ann.headers)
    assert "upload the video again" in failed(answer, 409, "CONFLICT")["detail"]


def test_what_waits_is_cancelled_at_once(client, ann, upload, services):
    video_id = upload()
    path = f"/api/videos/{video_id}/cancel"
    answer = client.post(path, headers=ann.headers)
    assert (answer.json["state"], answer.json["error_code"]) == ("failed", "cancelled")
    assert answer.json["can_retry"] is True
    services.transcoding.run(video_id)
    assert kept(services, video_id).processing_status == "error"
    failed(client.post(path, headers=ann.headers), 409, "CONFLICT")


def test_only_the_owner_and_administrators_have_a_hold(client, bob, join, upload, services):
    video_id, sue = upload(), join("sue", role=Role.STAFF)
    for act in ("cancel", "retry"):
        path = f"/api/videos/{video_id}/{act}"
        failed(client.post(path, headers=bob.headers), 404, "NOT_FOUND")
        failed(client.post(path, headers=sue.headers), 403, "FORBIDDEN")
        path = f"/api/videos/{NOBODY}/{act}"
        failed(client.post(path, headers=bob.headers), 404, "NOT_FOUND")
    for path in ("/api/admin/processing", f"/api/admin/videos/{video_id}/why"):
        failed(client.get(path, headers=bob.headers), 403, "FORBIDDEN")
        failed(client.get(path, headers=sue.headers), 403, "FORBIDDEN")


def test_an_administrators_act_is_noted_and_an_owners_is_not(client, ann, root, upload):
    video_id = upload()
    for person, prefix in ((ann, "/api/videos"), (root, "/api/admin/videos")):
        for act in ("cancel", "retry"):
            path = f"{prefix}/{video_id}/{act}"
            assert client.post(path, headers=person.headers).status_code == 200
    answer = client.get("/api/admin/audit?page_size=100", headers=root.headers)
    entries = [e for e in answer.json["entries"] if e["action"].startswith("processing_")]
    assert [entry["action"] for entry in entries] == ["processing_retried", "processing_cancelled"]
    for entry in entries:
        assert (entry["user_id"], entry["actor_id"]) == (ann.user.id, root.user.id)
        assert entry["details"] == {"video_id": video_id}


def test_an_administrator_sees_what_waits_runs_and_failed(client, ann, root, add_video, clock):
    now = clock()
    held = Processing(
        lease="l", lease_until=now, stage="encoding", percent=40.0, attempts=2, worker="host/1"
    )
    broken = Processing(error_code="damaged", error_message="Broken.", last_error="moov")
    states = {
        "waiting": (ProcessingStatus.UPLOADED, Processing(lease_until=now)),
        "running": (ProcessingStatus.PROCESSING, held),
        "failed": (ProcessingStatus.ERROR, broken),
        "done": (ProcessingStatus.READY, Processing()),
    }
    ids = {
        name: add_video(ann, processing_status=status, processing=processing).id
        for name, (status, processing) in states.items()
    }
    found = {each["video_id"]: each for each in listed(client, root)}
    assert set(found) == {ids["waiting"], ids["running"]}
    running = found[ids["running"]]
    assert (running["state"], running["stage"], running["percent"]) == ("running", "encoding", 40)
    assert (running["attempts"], running["worker"]) == (2, "host/1")
    assert running["silent_seconds"] >= 29
    assert found[ids["waiting"]]["silent_seconds"] is None
    (one,) = listed(client, root, "state=failed")
    assert (one["video_id"], one["error_message"], one["can_retry"]) == (
        ids["failed"],
        "Broken.",
        False,
    )
    why = client.get(f"/api/admin/videos/{ids['failed']}/why", headers=root.headers).json
    assert why["last_error"] == "moov"
    assert client.get(f"/api/admin/videos/{NOBODY}/why", headers=root.headers).status_code == 404


def test_the_list_is_read_page_by_page_while_more_come_in(client, ann, root, add_video):
    for _ in range(5):
        add_video(ann, processing_status=ProcessingStatus.ERROR)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        path = f"/api/admin/processing?state=failed&page_size=2&cursor={cursor}"
        page = client.get(path, headers=root.headers).json
        seen += [each["video_id"] for each in page["videos"]]
        cursor = page["next_cursor"]
        add_video(ann, processing_status=ProcessingStatus.ERROR)
    assert len(seen) == len(set(seen)) == 5


# What the tools said


def test_what_the_tools_said_is_kept_short_and_without_paths():
    said = "ffmpeg ended with 1: /srv/clutch/var/scratch/0190/720p.mp4: No space left on device"
    assert (
        details_of(ToolFailed(said)) == "ffmpeg ended with 1: …/720p.mp4: No space left on device"
    )
    assert details_of(ToolFailed("GET https://s3.example/x?X-Amz-Signature=1 failed")) == (
        "GET … failed"
    )
    assert len(details_of(ToolFailed("x " * 9000))) <= 2000
    assert details_of(ToolFailed("a\x1b[31m\nb")) == "a [31m\nb"
    # Whatever else failed may know a password.
    assert details_of(RuntimeError("mongodb://user:secret@host")) == "RuntimeError"
    bad = BadMedia("damaged", "The file is damaged.")
    assert details_of(bad) == ""
    bad.__cause__ = ToolFailed("moov atom not found")
    assert details_of(bad) == "moov atom not found"


def test_what_went_wrong_is_told_to_an_administrator_alone(client, ann, root, upload, services):
    class Full:
        def inspecting(self, _: object) -> None:
            raise ToolFailed("ffprobe: /var/x/y.mp4: No space left on device")

    service = services.transcoding
    full = replace(service, steps=replace(service.steps, encoder=Full()))
    video_id = upload()
    with pytest.raises(ToolFailed):
        full.run(video_id)
    why = client.get(f"/api/admin/videos/{video_id}/why", headers=root.headers).json
    # A disk that is full is no fault of the video's, however often it is tried.
    assert (why["state"], why["attempts"]) == ("waiting", 0)
    assert why["last_error"] == "ffprobe: …/y.mp4: No space left on device"
    assert why["next_try_at"] is not None
    assert why["worker"] != ""
    assert "No space" not in client.get(f"/api/videos/{video_id}", headers=ann.headers).text


@pytest.mark.parametrize(
    ("failure", "counted"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 0),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 0),
        (OSError(errno.EIO, "Input/output error"), 1),
        (ToolFailed("ended by signal 11"), 1),
    ],
)
def test_a_full_disk_costs_a_video_none_of_its_attempts(failure, counted, upload, services):
    class Failing:
        def inspecting(self, _: object) -> None:
            raise failure

    service = services.transcoding
    failing = replace(service, steps=replace(service.steps, encoder=Failing()))
    video_id = upload()
    with pytest.raises(type(failure)):
        failing.run(video_id)
    video = service.videos.get(video_id)
    assert video is not None
    assert video.processing.attempts == counted


@pytest.mark.media
def test_what_a_tool_said_of_a_file_is_there_for_who_looks(client, root, upload, services):
    video_id = upload()
    services.transcoding.run(video_id)
    why = client.get(f"/api/admin/videos/{video_id}/why", headers=root.headers).json
    assert why["error_code"] == "truncated"
    assert "moov atom not found" in why["last_error"]


# A worker at work


@pytest.mark.media
def test_cancelling_ends_an_encoding_within_seconds_and_retrying_begins_anew(
    client, ann, root, upload, services
):
    video_id = upload(big_buck_bunny().read_bytes())
    worker = threading.Thread(target=services.transcoding.run, args=[video_id])
    worker.start()
    try:
        wait_for(lambda: kept(services, video_id).processing.stage == "encoding", 60)
        (running,) = listed(client, root)
        assert running["state"] == "running"
        began = time.monotonic()
        path = f"/api/admin/videos/{video_id}/cancel"
        assert client.post(path, headers=root.headers).status_code == 200
    finally:
        worker.join(60)
    assert not worker.is_alive()
    # Not the half a minute that the lease would take to run out.
    assert time.monotonic() - began < 25
    found = kept(services, video_id)
    assert (found.processing_status, found.processing.error_code) == ("error", "cancelled")
    assert found.source == Source(
        key=source_key(video_id), filename="x.mp4", size_bytes=big_buck_bunny().stat().st_size
    )
    again = client.post(f"/api/videos/{video_id}/retry", headers=ann.headers)
    assert again.json["state"] == "waiting"
