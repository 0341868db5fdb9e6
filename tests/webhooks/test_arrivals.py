"""000's webhook: what a processor elsewhere says of a video, and what becomes of it."""

from __future__ import annotations

import datetime as dt
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook

from config import Settings
from models.user import Role
from models.video import Video
from services.container import build
from tests.conftest import Person
from tests.webhooks.conftest import SECRET, World
from tests.wire import MP4, NOBODY, failed, stored_files

PATH = "/api/webhooks/video-processed"
VARIANTS = {
    "1080p": "https://cdn.example.com/a/1080.m3u8",
    "480p": "https://cdn.example.com/a/480.m3u8",
    "720p": "https://cdn.example.com/a/720.m3u8",
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, video_processor="external")


@pytest.fixture
def video(world: World, ann: Person) -> str:
    """An upload that waits for somebody else to process it."""
    form = {"title": "x", "file": (io.BytesIO(MP4), "x.mp4")}
    answer = world.client.post("/api/videos", data=form, headers=ann.headers)
    assert answer.status_code == 201
    return answer.json["id"]


def said(video_id: str, **fields: Any) -> dict[str, Any]:
    """000's payload."""
    return {
        "video_id": video_id,
        "status": "success",
        "quality_variants": VARIANTS,
        "duration": 12.5,
        "thumbnail_url": "https://cdn.example.com/a/poster.jpg",
        "error_message": "",
    } | fields


def signed(body: bytes, event_id: str = "msg_1", *, at: dt.datetime | None = None, by=SECRET):
    at = at or dt.datetime.now(dt.UTC)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(by).sign(event_id, at, body.decode()),
        "Content-Type": "application/json",
    }


def send(world: World, payload: Any, event_id: str = "msg_1", **headers: str) -> Any:
    body = json.dumps(payload).encode()
    return world.client.post(PATH, data=body, headers=signed(body, event_id) | headers)


def shown(world: World, video_id: str, person: Person) -> Any:
    return world.client.get(f"/api/videos/{video_id}", headers=person.headers).json


def kept(world: World, video_id: str) -> Video:
    found = world.services.catalogue.videos.get(video_id)
    assert found is not None
    return found


def test_an_upload_waits_for_the_processor_and_is_no_workers(world, ann, video):
    assert shown(world, video, ann)["processing_status"] == "processing"
    assert shown(world, video, ann)["processing"]["stage"] == "external"
    assert world.services.queue.length() == 0
    assert world.services.transcoding.sweep() == 0
    world.services.transcoding.run(video)
    assert kept(world, video).processing.attempts == 0


def test_a_processor_hears_of_an_upload_and_can_fetch_it(world, ann, join, receiver):
    root = join("root", role=Role.ADMIN)
    world.subscribe(root, everything=True, events=["video.uploaded"])
    world.subscribe(ann, events=["video.uploaded"])
    form = {"title": "x", "file": (io.BytesIO(MP4), "x.mp4")}
    world.client.post("/api/videos", data=form, headers=ann.headers)
    world.deliver()
    urls = [got.json["data"].get("source_url") for got in receiver.got]
    (url,) = [url for url in urls if url]
    assert len(urls) == 2
    parts = urlsplit(url)
    answer = world.client.get(f"{parts.path}?{parts.query}")
    assert (answer.status_code, answer.data) == (200, MP4)
    assert world.client.get(f"{parts.path[:-9]}?{parts.query}").status_code in {403, 404}


def test_a_success_makes_it_ready_and_it_plays_from_where_it_is(world, ann, video, settings):
    answer = send(world, said(video))
    assert answer.status_code == 200, answer.json
    assert answer.json == {"success": True, "video_id": video, "processing_status": "ready"}
    found = shown(world, video, ann)
    assert (found["processing_status"], found["playable"], found["duration"]) == (
        "ready",
        True,
        12.5,
    )
    assert set(found["quality_variants"]) == set(VARIANTS)
    assert found["published_at"] is not None
    assert found["thumbnail_url"] == "https://cdn.example.com/a/poster.jpg"
    stream = f"/stream/{video}?token={found['playback_token']}"
    for quality, url in (("", VARIANTS["1080p"]), ("&quality=480p", VARIANTS["480p"])):
        answer = world.client.get(stream + quality, headers=ann.headers)
        assert answer.json["stream_url"] == url
    assert world.client.get(f"{stream}&quality=144p", headers=ann.headers).status_code == 400
    file = f"/api/videos/{video}/stream?token={found['playback_token']}"
    failed(world.client.get(file, headers=ann.headers), 404, "NOT_FOUND")
    # The upload has done its work.
    assert stored_files(settings) == []
    assert kept(world, video).stored_bytes == 0


def test_what_is_not_for_everybody_is_not_published_by_it(world, ann, video):
    path = f"/api/videos/{video}"
    world.client.patch(path, json={"visibility": "private"}, headers=ann.headers)
    assert send(world, said(video)).status_code == 200
    assert shown(world, video, ann)["published_at"] is None
    assert kept(world, video).playable
    world.client.patch(path, json={"visibility": "public"}, headers=ann.headers)
    assert shown(world, video, ann)["published_at"] is not None


def test_a_failure_says_why_and_the_upload_is_kept_for_another_try(world, ann, video, settings):
    answer = send(world, said(video, status="error", error_message="No moov atom."))
    assert answer.json["processing_status"] == "error"
    found = shown(world, video, ann)
    assert found["processing"]["error_message"] == "No moov atom."
    assert len(stored_files(settings)) == 1
    again = world.client.post(f"/api/videos/{video}/retry", headers=ann.headers)
    assert again.json["state"] == "external"
    assert send(world, said(video), "msg_2").status_code == 200
    assert shown(world, video, ann)["processing_status"] == "ready"


def test_the_same_message_again_is_answered_alike_and_changes_nothing(world, video):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(world, said(video)), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    before = kept(world, video)
    # Whatever it says this time: the id is what counts.
    again = send(world, said(video, status="error"))
    assert (again.status_code, again.json) == (200, answers[0].json)
    assert kept(world, video) == before


def test_an_old_message_that_comes_again_does_not_settle_the_next_try(world, ann, video):
    failure = said(video, status="error", error_message="disk full")
    retry = f"/api/videos/{video}/retry"
    for number in (1, 2):
        assert send(world, failure, f"msg_{number}").status_code == 200
        assert world.client.post(retry, headers=ann.headers).status_code == 200
    for number in (1, 2):
        assert send(world, failure, f"msg_{number}").status_code == 200
        assert shown(world, video, ann)["processing_status"] == "processing"
    assert send(world, said(video), "msg_3").json["processing_status"] == "ready"


def test_another_message_about_a_video_that_is_done_is_refused(world, ann, video, add_video):
    send(world, said(video))
    failed(send(world, said(video), "msg_2"), 409, "CONFLICT")
    failed(send(world, said(add_video(ann).id)), 409, "CONFLICT")


def test_a_video_that_is_not_there_is_not_found(world, ann, video):
    failed(send(world, said(NOBODY)), 404, "NOT_FOUND")
    failed(send(world, said("x")), 404, "NOT_FOUND")
    world.services.catalogue.videos.collection.update_one(
        {"id": video}, {"$set": {"deleted_at": world.clock()}}
    )
    failed(send(world, said(video)), 404, "NOT_FOUND")


def test_whoever_subscribed_hears_what_came_of_it(world, ann, video, receiver):
    world.subscribe(ann)
    send(world, said(video))
    world.deliver()
    assert set(receiver.types) == {"video.ready", "video.playable", "video.published"}


# Who says so


def test_only_what_is_signed_with_the_secret_counts(world, video):
    body = json.dumps(said(video)).encode()
    good = signed(body)
    other = "whsec_" + "A" * 43 + "="
    for headers in (
        {"Content-Type": "application/json"},
        good | {"webhook-signature": ""},
        good | {"webhook-signature": "v1,AAAA"},
        good | {"webhook-id": "msg_2"},
        good | {"webhook-id": ""},
        good | {"webhook-timestamp": "soon"},
        good | {"webhook-timestamp": "9" * 400},
        signed(body, by=other),
        signed(body, at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=6)),
        signed(body, at=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=6)),
    ):
        failed(world.client.post(PATH, data=body, headers=headers), 401, "UNAUTHORIZED")
    failed(world.client.post(PATH, data=body + b" ", headers=good), 401, "UNAUTHORIZED")
    assert kept(world, video).processing_status == "processing"
    both = good | {"webhook-signature": f"v1,AAAA v2,x {good['webhook-signature']}"}
    assert world.client.post(PATH, data=body, headers=both).status_code == 200


def test_the_signature_is_checked_before_anything_is_made_of_the_body(world):
    failed(world.client.post(PATH, data=b"{", headers={}), 401, "UNAUTHORIZED")
    body = b"{"
    failed(world.client.post(PATH, data=body, headers=signed(body)), 400, "VALIDATION_ERROR")


def test_a_plain_text_is_a_secret_too(world, video, app, settings):
    import base64  # noqa: PLC0415 - only here

    plain = "your_webhook_secret"
    app.extensions["clutch"] = build(replace(settings, processing_webhook_secret=plain))
    body = json.dumps(said(video)).encode()
    headers = signed(body, by=base64.b64encode(plain.encode()).decode())
    assert world.client.post(PATH, data=body, headers=headers).status_code == 200


def test_without_a_secret_nobody_is_heard_and_the_answer_says_what_to_set(world, app, settings):
    app.extensions["clutch"] = build(replace(settings, processing_webhook_secret=""))
    answer = send(world, said(NOBODY))
    assert "VIDEO_PROCESSING_WEBHOOK_SECRET" in failed(answer, 404, "NOT_FOUND")["detail"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(world):
    body = b"x" * (64 * 1024 + 1)
    failed(world.client.post(PATH, data=body, headers=signed(body)), 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "done"},
        {"quality_variants": {"720p": "http://cdn.example.com/720.mp4"}},
        {"quality_variants": {"720p": "javascript:alert(1)"}},
        {"quality_variants": {"huge": "https://cdn.example.com/720.mp4"}},
        {"quality_variants": {}},
        {"thumbnail_url": "ftp://x.example/p.jpg"},
        {"duration": -1},
        {"duration": "long"},
        {"video_id": None},
    ],
)
def test_a_message_that_makes_no_sense_changes_nothing(world, video, wrong):
    failed(send(world, said(video) | wrong), 400, "VALIDATION_ERROR")
    assert kept(world, video).processing_status == "processing"


def test_a_processor_may_say_more_than_is_asked(world, video):
    assert send(world, said(video, job="17", thumbnail_url=None)).status_code == 200
