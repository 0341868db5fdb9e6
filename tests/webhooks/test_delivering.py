"""Webhooks on their way: each event arrives in the end, signed, under one id, or is given up."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from models.announcements import VideoEvent, noted
from models.mails import MailKind
from models.user import Role
from models.webhook_deliveries import DeliveryState
from services.adapters.queue import Job
from tests.mailbox import mailed
from tests.samples import Samples
from tests.webhooks.receiver import receiving

HOUR = 3600


def test_an_event_arrives_and_says_what_happened(world, ann, add_video):
    hook, video = world.subscribe(ann), add_video(ann, title="Grüße")
    world.happen(video, VideoEvent.READY)
    world.deliver()
    (got,) = world.receiver.got
    said = Webhook(hook["secret"]).verify(got.body, got.headers)
    assert said["type"] == "video.ready"
    assert said["id"] == got.id
    assert said["data"]["video"]["id"] == video.id
    assert said["data"]["video"]["title"] == "Grüße"
    assert said["data"]["video"]["url"].endswith(f"/api/videos/{video.id}")
    assert dt.datetime.fromisoformat(said["timestamp"]).tzinfo is not None
    assert got.headers["content-type"] == "application/json"


def test_nobody_else_can_have_sent_it_and_nothing_of_it_can_be_changed(world, ann, add_video):
    secret = world.subscribe(ann)["secret"]
    world.happen(add_video(ann), VideoEvent.READY)
    world.deliver()
    (got,) = world.receiver.got
    other_time = str(int(got.headers["webhook-timestamp"]) - 1)
    for headers, body in (
        (got.headers, got.body + b" "),
        (got.headers | {"webhook-id": "other"}, got.body),
        (got.headers | {"webhook-timestamp": other_time}, got.body),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)


def test_a_receiver_that_fails_for_a_while_gets_each_event_in_the_end_and_can_drop_duplicates(
    world, ann, add_video
):
    """Some answers fail before and some after the receiver has done its work."""
    hook = world.subscribe(ann)
    videos = [add_video(ann) for _ in range(5)]
    world.receiver.answers = [500, 503, 429, 404, 500, 302, 500, 500, 500, 500, 500, 500]
    for video in videos:
        world.happen(video, VideoEvent.PLAYABLE, VideoEvent.READY)
    world.deliver_until_settled()
    ids = Counter(world.receiver.ids)
    assert len(ids) == 10
    assert sum(ids.values()) == 22
    # As a receiver does it: verify, then do each id once.
    seen = {
        got.id: json.loads(got.body)["data"]["video"]["id"] + json.loads(got.body)["type"]
        for got in world.receiver.got
    }
    assert sorted(seen.values()) == sorted(
        video.id + kind for video in videos for kind in ("video.playable", "video.ready")
    )
    entries = world.log(ann, hook)
    assert {entry["state"] for entry in entries} == {"delivered"}
    assert sum(len(entry["attempts"]) for entry in entries) == 22
    # Every try was signed anew, at its own time, over the same bytes.
    for event_id in ids:
        tries = [got for got in world.receiver.got if got.id == event_id]
        assert len({got.body for got in tries}) == 1


def test_events_of_one_video_can_be_put_in_order(world, ann, add_video):
    world.subscribe(ann)
    video = add_video(ann)
    world.happen(video, VideoEvent.PUBLISHED, VideoEvent.PLAYABLE)
    world.clock.forward(seconds=1)
    world.happen(video, VideoEvent.READY)
    world.deliver()
    in_order = sorted(world.receiver.got, key=lambda got: got.json["sequence"])
    assert [got.json["type"] for got in in_order] == [
        "video.playable",
        "video.published",
        "video.ready",
    ]


def test_pauses_grow_and_after_a_day_it_is_given_up(world, ann, add_video):
    hook = world.subscribe(ann)
    world.receiver.answers = [500] * 100
    world.happen(add_video(ann), VideoEvent.READY)
    world.deliver_until_settled()
    (entry,) = world.log(ann, hook)
    assert entry["state"] == "given_up"
    times = [dt.datetime.fromisoformat(attempt["at"]) for attempt in entry["attempts"]]
    pauses = [(b - a).total_seconds() for a, b in itertools.pairwise(times)]
    assert 8 <= len(times) <= 16
    assert max(pauses) <= 5 * HOUR
    assert pauses[0] < 120 < pauses[5] < pauses[7]
    assert (times[-1] - times[0]).total_seconds() > 18 * HOUR
    assert (times[-1] - times[0]).total_seconds() <= 24 * HOUR
    assert len(world.receiver.got) == len(times)
    for attempt in entry["attempts"]:
        assert (attempt["status"], attempt["answer"], attempt["error"]) == (500, "thank you", "")


def test_what_was_given_up_is_sent_again_on_demand_under_the_same_id(world, ann, add_video):
    hook = world.subscribe(ann)
    world.receiver.answers = [500] * 100
    world.happen(add_video(ann), VideoEvent.READY)
    world.deliver_until_settled()
    world.receiver.answers = []
    (entry,) = world.log(ann, hook)
    path = f"/api/webhooks/{hook['id']}/deliveries/{entry['id']}/redeliver"
    assert world.client.post(path, headers=ann.headers).status_code == 202
    assert world.client.post(path, headers=ann.headers).status_code == 409
    world.deliver()
    (entry,) = world.log(ann, hook)
    assert entry["state"] == "delivered"
    assert set(world.receiver.ids) == {entry["event_id"]}
    # Also one that arrived: a receiver may have lost it.
    count = len(world.receiver.got)
    assert world.client.post(path, headers=ann.headers).status_code == 202
    world.deliver()
    assert len(world.receiver.got) == count + 1


def test_an_endpoint_where_nothing_arrives_for_days_is_switched_off_and_its_owner_told(
    world, ann, add_video
):
    hook = world.subscribe(ann)
    world.receiver.answers = [500] * 1000
    for _ in range(5):
        world.happen(add_video(ann), VideoEvent.READY)
        world.deliver()
        world.clock.forward(hours=25)
    world.happen(add_video(ann), VideoEvent.READY)
    world.deliver()
    found = world.services.webhooks.endpoints.get(hook["id"])
    assert not found.is_active
    assert "5 days" in found.off_because
    assert "500" in found.off_because
    (letter,) = mailed(world.services, MailKind.WEBHOOK_OFF, "ann@example.com")
    assert "127.0.0.1" in letter.text
    assert "5 days" in letter.text
    deliveries = world.services.webhooks.deliveries.newest(hook["id"], after=None, limit=50)
    assert {delivery.state for delivery in deliveries} == {DeliveryState.GIVEN_UP}
    count = len(world.receiver.got)
    world.happen(add_video(ann), VideoEvent.READY)
    world.deliver()
    assert len(world.receiver.got) == count


def test_a_receiver_that_says_it_is_gone_is_taken_at_its_word(world, ann, add_video):
    hook = world.subscribe(ann)
    world.receiver.answers = [410]
    world.happen(add_video(ann), VideoEvent.READY)
    world.deliver()
    found = world.client.get(f"/api/webhooks/{hook['id']}", headers=ann.headers).json
    assert (found["is_active"], found["off_because"]) == (False, "It answered 410 Gone.")
    path = f"/api/webhooks/{hook['id']}"
    assert world.client.post(f"{path}/ping", headers=ann.headers).status_code == 409
    again = world.client.patch(path, json={"is_active": True}, headers=ann.headers).json
    assert (again["is_active"], again["off_because"]) == (True, "")
    assert world.client.post(f"{path}/ping", headers=ann.headers).status_code == 202
    world.deliver()
    assert world.receiver.types == ["video.ready", "ping"]


def test_an_endpoint_that_recovers_starts_counting_anew(world, ann, add_video):
    hook = world.subscribe(ann)
    world.receiver.answers = [500, 204]
    world.happen(add_video(ann), VideoEvent.READY)
    world.deliver()
    assert world.services.webhooks.endpoints.get(hook["id"]).failing_since is not None
    world.clock.forward(minutes=1)
    world.deliver()
    found = world.services.webhooks.endpoints.get(hook["id"])
    assert (found.failing_since, found.failures, found.is_active) == (None, 0, True)


# Nothing is lost, and nothing sent twice without need


def test_an_event_is_noted_with_the_change_and_told_although_nobody_came_to_tell(
    world, ann, add_video
):
    """The process that changed the state died right afterwards."""
    world.subscribe(ann)
    now = world.clock()
    waiting = {"processing_status": "processing", "playable": False, "published_at": None}
    video = add_video(ann, **waiting)
    videos = world.services.event_relay.videos
    videos.collection.update_one({"id": video.id}, {"$set": {"processing.lease": "x"}})
    videos.publish(video.id, "x", version="v1", renditions=(), now=now, score=1.0)
    videos.publish(video.id, "x", version="v2", renditions=(), now=now, score=1.0)
    videos.finish(video.id, "x", progressive="p", now=now)
    world.clock.forward(seconds=5)
    world.deliver()
    assert sorted(world.receiver.types) == ["video.playable", "video.published", "video.ready"]
    world.deliver()
    assert len(world.receiver.got) == 3
    assert videos.to_tell(video.id) is None


@pytest.mark.media
def test_an_upload_is_told_of_from_its_arrival_to_its_end(world, ann, tmp_path):
    hook = world.subscribe(ann)
    content = Samples(tmp_path)["short.mp4"].read_bytes()
    form = {"title": "x", "file": (io.BytesIO(content), "x.mp4")}
    video_id = world.client.post("/api/videos", data=form, headers=ann.headers).json["id"]
    for _ in range(10):
        world.services.transcoding.run(video_id)
        if world.services.catalogue.videos.get(video_id).processing_status == "ready":
            break
        world.clock.forward(minutes=5)
    world.deliver()
    in_order = sorted(world.receiver.got, key=lambda got: got.json["sequence"])
    assert [got.json["type"] for got in in_order] == [
        "video.uploaded",
        "video.playable",
        "video.published",
        "video.ready",
    ]
    assert in_order[-1].json["data"]["video"]["qualities"]
    world.client.delete(f"/api/videos/{video_id}", headers=ann.headers)
    world.clock.forward(seconds=1)
    world.deliver()
    assert world.receiver.got[-1].json["type"] == "video.deleted"
    assert {entry["state"] for entry in world.log(ann, hook)} == {"delivered"}


def test_telling_twice_at_once_is_telling_once(world, ann, add_video):
    world.subscribe(ann)
    for video in [add_video(ann) for _ in range(5)]:
        change = noted(world.clock(), VideoEvent.READY)
        world.services.event_relay.videos.collection.update_one({"id": video.id}, change)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(world.services.event_relay.pass_on, [video.id] * 4))
    world.deliver()
    assert len(world.receiver.got) == len(set(world.receiver.ids)) == 5


def test_many_workers_at_one_endpoint_send_each_event_once(world, ann, add_video):
    hook = world.subscribe(ann)
    for _ in range(10):
        world.happen(add_video(ann), VideoEvent.READY)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(world.services.webhook_deliveries.run, [hook["id"]] * 8))
    assert len(world.receiver.got) == len(set(world.receiver.ids)) == 10


def test_a_sender_that_died_is_followed_by_another_once_it_is_taken_for_dead(world, ann, add_video):
    hook = world.subscribe(ann)
    world.happen(add_video(ann), VideoEvent.READY)
    service, now = world.services.webhook_deliveries, world.clock()
    until = now + service.lease_lifetime
    service.endpoints.take_turn(hook["id"], "dead", now=now, until=until)
    service.deliveries.claim(hook["id"], "dead", now=now, until=until)
    world.deliver()
    assert world.receiver.got == []
    world.clock.forward(seconds=service.lease_lifetime.total_seconds() + 1)
    world.deliver()
    assert world.receiver.types == ["video.ready"]


def test_what_is_due_is_queued_apart_from_videos_and_mails(world, ann, add_video):
    hook = world.subscribe(ann)
    world.happen(add_video(ann), VideoEvent.READY)
    assert world.services.queue.is_waiting(Job.DELIVER_WEBHOOKS, hook["id"])
    assert world.services.queue.length() == 0
    assert world.services.webhook_deliveries.sweep() == 0  # it waits already
    world.services.queue.webhooks.empty()
    assert world.services.webhook_deliveries.sweep() == 1


def test_a_receiver_that_fails_is_left_alone_and_holds_up_nobody_else(world, ann, bob, add_video):
    with receiving() as broken:
        broken.answers = [500] * 100
        failing = world.subscribe(ann, url=broken.url)
        world.subscribe(bob)
        for _ in range(5):
            world.happen(add_video(ann), VideoEvent.READY)
            world.happen(add_video(bob), VideoEvent.READY)
        world.deliver()
        # One try, then a pause: the other four are not tried one after the other.
        assert len(broken.got) == 1
        assert len(world.receiver.got) == 5
        world.deliver()
        assert len(broken.got) == 1
    world.services.queue.webhooks.empty()
    assert not world.services.queue.is_waiting(Job.DELIVER_WEBHOOKS, failing["id"])


# Who hears what


def test_only_events_that_were_asked_for_arrive(world, ann, add_video):
    world.subscribe(ann, events=["video.failed", "video.failed"])
    world.happen(add_video(ann), VideoEvent.PLAYABLE, VideoEvent.FAILED)
    world.deliver()
    assert world.receiver.types == ["video.failed"]


def test_one_hears_of_ones_own_videos_and_an_administrator_of_everybodys(
    world, ann, bob, join, add_video
):
    root = join("root", role=Role.ADMIN)
    world.subscribe(bob)
    world.subscribe(root, everything=True)
    video = add_video(ann)
    world.happen(video, VideoEvent.READY)
    world.deliver()
    assert len(world.receiver.got) == 1
    world.services.accounts.users.collection.update_one(
        {"id": root.user.id}, {"$set": {"role": Role.STAFF}}
    )
    world.happen(video, VideoEvent.FAILED)
    world.deliver()
    assert len(world.receiver.got) == 1


def test_a_secret_can_be_replaced_while_receivers_know_only_the_other(world, ann, add_video):
    hook = world.subscribe(ann)
    path = f"/api/webhooks/{hook['id']}/rotate"
    rotated = world.client.post(path, json={"overlap_hours": 1}, headers=ann.headers).json
    assert rotated["secret"] != hook["secret"]
    assert len(rotated["webhook"]["secrets"]) == 2
    world.happen(add_video(ann), VideoEvent.READY)
    world.deliver()
    for secret in (hook["secret"], rotated["secret"]):
        Webhook(secret).verify(world.receiver.got[0].body, world.receiver.got[0].headers)
    world.clock.forward(hours=2)
    world.happen(add_video(ann), VideoEvent.READY)
    world.deliver()
    (signature,) = world.receiver.got[1].headers["webhook-signature"].split(" ")
    assert signature.startswith("v1,")


def test_a_secret_that_was_given_away_ends_at_once_if_it_shall(world, ann, add_video):
    hook = world.subscribe(ann)
    path = f"/api/webhooks/{hook['id']}/rotate"
    secret = world.client.post(path, json={"overlap_hours": 0}, headers=ann.headers).json["secret"]
    world.happen(add_video(ann), VideoEvent.READY)
    world.deliver()
    got = world.receiver.got[0]
    Webhook(secret).verify(got.body, got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(hook["secret"]).verify(got.body, got.headers)


def test_what_is_sent_never_holds_what_no_answer_may(world, ann, add_video):
    world.subscribe(ann)
    video = add_video(
        ann, youtube_id="dQw4w9WgXcQ", playback_version="v7", progressive="progressive/p"
    )
    world.happen(video, *VideoEvent)
    world.deliver()
    assert len(world.receiver.got) == len(VideoEvent)
    for got in world.receiver.got:
        for word in ("dQw4w9WgXcQ", "v7", "progressive", "lease", "source"):
            assert word not in got.body.decode().replace('"video.', "")


def test_a_person_who_is_deleted_takes_their_webhooks_along(world, ann, join, add_video):
    root = join("root", role=Role.ADMIN)
    world.subscribe(ann)
    world.happen(add_video(ann), VideoEvent.READY)
    assert world.client.delete(f"/api/users/{ann.user.id}", headers=root.headers).status_code == 200
    world.services.deletion.run(ann.user.id)
    for repository in (world.services.webhooks.endpoints, world.services.webhooks.deliveries):
        assert repository.collection.count_documents({"owner_id": ann.user.id}) == 0
    assert world.services.webhook_deliveries.sweep() == 0
