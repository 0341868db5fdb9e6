"""Deleting videos, restoring them, and their end."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.audit import Action
from models.errors import ClutchError
from models.user import Role
from models.video import Charge, Monetization, Processing, ProcessingStatus
from services.policies import Actor
from services.videos.keys import keys_of, playback_key, source_key
from tests.wire import NOBODY, bearer, failed, sign_in, stored_files

PATHS = {"platform": "/api/videos/{}", "client": "/videos/{}"}
AFTER = dt.timedelta(days=7, minutes=1)


@pytest.fixture(params=PATHS)
def path(request):
    return PATHS[request.param]


@pytest.fixture
def with_media(services, tmp_path, add_video):
    """A video with a file under each of its keys."""

    def add(author, **fields):
        video = add_video(author, stored_bytes=60, **fields)
        for number, key in enumerate(keys_of(video.id)):
            file = tmp_path / str(number)
            file.write_bytes(b"x" * 10)
            is_folder = key.startswith(("playback/", "tracks/", "thumbnails/"))
            services.storage.adopt(file, f"{key}/v1/x.m4s" if is_folder else key)
        return video

    return add


def row(services, video):
    return services.catalogue.videos.collection.find_one({"id": video.id})


def purge(services):
    """What a worker does with what the scheduler queues."""
    for video_id in list(services.removal.videos.to_purge(services.removal.now())):
        services.removal.purge(video_id)


# Deleting


def test_a_deleted_video_is_hidden_from_everybody_at_once(
    path, client, ann, bob, join, add_video, services
):
    video = add_video(ann)
    token = services.catalogue.tokens.playback(bob.user.id, video)
    answer = client.delete(path.format(video.oid), headers=ann.headers)
    assert (answer.status_code, answer.json["success"]) == (200, True)
    for person in (ann, bob, join("boss", role=Role.ADMIN)):
        for shown in (*PATHS.values(), "/api/videos/{}/thumbnail", "/api/users/{}/videos"):
            if "users" not in shown:
                found = client.get(shown.format(video.id), headers=person.headers)
                failed(found, 404, "NOT_FOUND")
        for stream in ("/video/{}/stream", "/stream/{}", "/api/videos/{}/stream"):
            found = client.get(f"{stream.format(video.id)}?token={token}", headers=bob.headers)
            failed(found, 404, "NOT_FOUND")
    assert client.get("/api/videos").json["videos"] == []
    assert client.get("/dashboard", headers=bob.headers).json["videos"] == []
    listed = client.get(f"/api/users/{ann.user.id}/videos", headers=ann.headers)
    assert listed.json["videos"] == []


def test_only_the_owner_and_staff_delete_a_video(path, client, ann, bob, join, add_video):
    first, second = add_video(ann), add_video(ann)
    failed(client.delete(path.format(first.id)), 401, "UNAUTHORIZED")
    failed(client.delete(path.format(first.id), headers=bob.headers), 403, "FORBIDDEN")
    failed(client.delete(path.format(NOBODY), headers=bob.headers), 404, "NOT_FOUND")
    staff = join("boss", role=Role.STAFF)
    assert client.delete(path.format(first.id), headers=ann.headers).status_code == 200
    assert client.delete(path.format(second.id), headers=staff.headers).status_code == 200


def test_deleting_twice_finds_nothing_the_second_time(path, client, ann, add_video, services):
    video = add_video(ann)
    assert client.delete(path.format(video.id), headers=ann.headers).status_code == 200
    before = row(services, video)
    failed(client.delete(path.format(video.id), headers=ann.headers), 404, "NOT_FOUND")
    assert row(services, video) == before


def test_of_many_who_delete_at_once_one_does(services, ann, add_video):
    video = add_video(ann)

    def delete(_: int) -> bool:
        try:
            services.removal.delete(Actor(id=ann.user.id), video.id)
        except ClutchError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(delete, range(8))) == 1


def test_a_video_that_is_deleted_while_it_is_processed_can_still_come_to_its_end(
    client, ann, add_video, services, clock
):
    """The worker stops; what it needs to go on stays for as long as the video can be restored."""
    now = clock()
    video = add_video(
        ann,
        playable=False,
        processing_status=ProcessingStatus.PROCESSING,
        processing=Processing(lease="worker", lease_until=now + dt.timedelta(seconds=30)),
    )
    client.delete(f"/api/videos/{video.id}", headers=ann.headers)
    videos = services.catalogue.videos
    assert not videos.renew(video.id, "worker", until=now, stage="encoding", percent=1.0)
    assert not videos.is_withdrawn(video.id)
    clock.forward(minutes=1)
    assert list(videos.stalled(clock())) == []
    client.post(f"/api/videos/{video.id}/restore", headers=ann.headers)
    assert list(videos.stalled(clock())) == [video.id]


# Restoring


def test_a_restored_video_is_as_it_was(path, client, ann, bob, add_video, services):
    video = add_video(ann, view_count=5)
    client.delete(path.format(video.id), headers=ann.headers)
    answer = client.post(path.format(f"{video.id}/restore"), headers=ann.headers)
    assert (answer.status_code, answer.json["id"]) == (200, video.id)
    kept = services.catalogue.videos.get(video.id)
    assert (kept.published_at, kept.view_count, kept.title) == (video.published_at, 5, video.title)
    assert client.get(f"/videos/{video.id}", headers=bob.headers).status_code == 200
    assert len(client.get("/api/videos").json["videos"]) == 1


def test_what_is_not_deleted_cannot_be_restored(path, client, ann, bob, add_video):
    video = add_video(ann)
    nobody, path = path.format(f"{NOBODY}/restore"), path.format(f"{video.id}/restore")
    failed(client.post(path, headers=ann.headers), 409, "CONFLICT")
    failed(client.post(path, headers=bob.headers), 404, "NOT_FOUND")
    failed(client.post(nobody, headers=ann.headers), 404, "NOT_FOUND")
    client.delete(f"/api/videos/{video.id}", headers=ann.headers)
    failed(client.post(path, headers=bob.headers), 404, "NOT_FOUND")
    assert client.post(path, headers=ann.headers).status_code == 200
    failed(client.post(path, headers=ann.headers), 409, "CONFLICT")


def test_what_staff_deletes_only_staff_restores_and_it_is_written_down(
    path, client, ann, join, add_video, services
):
    video, staff = add_video(ann), join("boss", role=Role.STAFF)
    path = path.format(video.id)
    client.delete(path, headers=staff.headers)
    failed(client.post(f"{path}/restore", headers=ann.headers), 403, "FORBIDDEN")
    assert client.post(f"{path}/restore", headers=staff.headers).status_code == 200
    noted = services.audit.log.newest(user_id=ann.user.id, limit=50)
    mine = [entry for entry in noted if entry.details.get("video_id") == video.id]
    assert [entry.action for entry in mine] == [Action.VIDEO_RESTORED, Action.VIDEO_DELETED]
    assert {entry.actor_id for entry in mine} == {staff.user.id}


def test_after_the_window_a_video_is_gone(path, client, ann, add_video, clock, services):
    video = add_video(ann)
    path = path.format(video.id)
    client.delete(path, headers=ann.headers)
    clock.forward(days=AFTER.days, minutes=1)
    headers = bearer(sign_in(client, "ann")["tokens"]["access_token"])
    failed(client.post(f"{path}/restore", headers=headers), 410, "GONE")
    purge(services)
    failed(client.post(f"{path}/restore", headers=headers), 404, "NOT_FOUND")


def test_one_s_deleted_videos_are_listed_the_latest_first(client, ann, bob, add_video, clock):
    videos = [add_video(ann, title=str(number)) for number in range(5)]
    add_video(ann)
    for video in videos:
        clock.forward(minutes=1)
        client.delete(f"/api/videos/{video.id}", headers=ann.headers)
    pages, cursor = [], ""
    while cursor is not None:
        answer = client.get(
            f"/api/videos/deleted?page_size=2&cursor={cursor}", headers=ann.headers
        ).json
        pages.append([video["title"] for video in answer["videos"]])
        cursor = answer["pagination"]["next_cursor"]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    second = client.get("/api/videos/deleted?page_size=2&page=2", headers=ann.headers).json
    assert [video["title"] for video in second["videos"]] == ["2", "1"]
    assert second["pagination"]["total_items"] == 5
    assert all(video["deleted_at"] < video["restorable_until"] for video in second["videos"])
    assert client.get("/api/videos/deleted", headers=bob.headers).json["videos"] == []


def test_the_client_api_lists_them_by_cursor(client, ann, bob, add_video, clock):
    for title in ("0", "1", "2"):
        clock.forward(minutes=1)
        client.delete(f"/videos/{add_video(ann, title=title).id}", headers=ann.headers)
    first = client.get("/videos/deleted?limit=2", headers=ann.headers).json
    assert ([one["title"] for one in first["videos"]], first["hasMore"]) == (["2", "1"], True)
    assert all(one["deletedAt"] < one["restorableUntil"] for one in first["videos"])
    rest = f"/videos/deleted?limit=2&cursor={first['nextCursor']}"
    second = client.get(rest, headers=ann.headers).json
    assert ([one["title"] for one in second["videos"]], second["hasMore"]) == (["0"], False)
    assert "nextCursor" not in second
    assert client.get("/videos/deleted", headers=bob.headers).json["videos"] == []
    failed(client.get("/videos/deleted"), 401, "UNAUTHORIZED")
    wrong = client.get("/videos/deleted?cursor=x", headers=ann.headers)
    failed(wrong, 400, "VALIDATION_ERROR")


# The end


def test_media_and_words_go_after_the_window_and_not_before(
    client, ann, with_media, services, clock, settings
):
    sold = Monetization(type=Charge.PAY_PER_VIEW, price_minor=1, currency="EUR")
    video = with_media(ann, title="Secret", tags=("secret",), monetization=sold)
    client.delete(f"/api/videos/{video.id}", headers=ann.headers)
    clock.forward(days=6)
    assert services.removal.sweep() == 0
    assert len(stored_files(settings)) == len(keys_of(video.id))
    assert services.catalogue.videos.stored_bytes() == 60
    clock.forward(days=1, minutes=1)
    assert services.removal.sweep() == 1
    assert services.queue.length() == 1
    purge(services)
    assert stored_files(settings) == []
    assert services.catalogue.videos.stored_bytes() == 0
    left = row(services, video)
    assert "secret" not in str(left).lower()
    assert left["erased_at"] is not None
    assert left["monetization"]["price_minor"] == 0
    assert services.removal.sweep() == 0


def test_who_deletes_for_good_does_not_wait(path, client, ann, with_media, services, settings):
    video = with_media(ann)
    answer = client.delete(f"{path.format(video.id)}?permanent=true", headers=ann.headers)
    assert answer.status_code == 200
    failed(client.post(f"/api/videos/{video.id}/restore", headers=ann.headers), 410, "GONE")
    assert services.queue.length() == 1
    purge(services)
    assert stored_files(settings) == []
    again = client.delete(f"{path.format(video.id)}?permanent=true", headers=ann.headers)
    failed(again, 404, "NOT_FOUND")


def test_counters_say_what_is_left_of_a_video_that_is_gone(client, ann, bob, with_media, services):
    video = with_media(ann)
    path = f"/api/videos/{video.id}"
    said = client.post(f"{path}/comments", json={"content": "Hi"}, headers=bob.headers)
    assert said.status_code == 201
    client.post(f"{path}/like", json={"action": "like"}, headers=bob.headers)
    client.post(f"{path}/view", headers=bob.headers)
    services.views.fold()
    client.delete(f"{path}?permanent=true", headers=ann.headers)
    purge(services)
    services.reactions.fold()
    assert not [step for step in services.recounting.check() if step.differences]


def test_what_is_deleted_can_be_deleted_for_good_later(path, client, ann, with_media, services):
    video = with_media(ann)
    client.delete(path.format(video.id), headers=ann.headers)
    answer = client.delete(f"{path.format(video.id)}?permanent=true", headers=ann.headers)
    assert answer.status_code == 200
    purge(services)
    assert row(services, video)["erased_at"] is not None


def test_an_end_that_was_interrupted_is_brought_about_later(
    client, ann, with_media, services, settings
):
    """Killed after some of the media was removed: nothing comes back, and the rest goes."""
    video = with_media(ann)
    client.delete(f"/api/videos/{video.id}?permanent=true", headers=ann.headers)
    services.catalogue.videos.condemn(video.id, services.removal.now())
    services.storage.remove(playback_key(video.id))
    failed(client.post(f"/api/videos/{video.id}/restore", headers=ann.headers), 410, "GONE")
    services.removal.sweep()
    purge(services)
    assert stored_files(settings) == []
    services.removal.purge(video.id)
    assert services.removal.sweep() == 0


def test_who_restores_and_who_removes_at_once_do_not_both_succeed(services, ann, add_video, clock):
    """Where hosts disagree by a moment on the time, a video is either whole or gone."""
    videos = services.catalogue.videos
    for _ in range(10):
        video, now = add_video(ann), clock()
        videos.take_down(video.id, by=ann.user.id, now=now, purge_at=now)
        late = now - dt.timedelta(seconds=1)
        with ThreadPoolExecutor(2) as pool:
            gone = pool.submit(videos.condemn, video.id, now)
            back = pool.submit(videos.restore, video.id, late)
        assert (gone.result() is None) is not (back.result() is None)


def test_the_upload_of_a_video_that_waits_goes_as_well(client, ann, services, settings, clock):
    from tests.media.test_platform_media import form  # noqa: PLC0415 - beside its only use

    video_id = client.post("/api/videos", data=form(), headers=ann.headers).json["id"]
    assert services.storage.file(source_key(video_id)) is not None
    client.delete(f"/api/videos/{video_id}?permanent=true", headers=ann.headers)
    purge(services)
    assert stored_files(settings) == []


def test_a_closed_account_takes_its_deleted_videos_with_it(
    client, ann, with_media, services, settings
):
    video = with_media(ann)
    client.delete(f"/api/videos/{video.id}", headers=ann.headers)
    client.delete("/api/users/me", json={"password": "Passw0rd"}, headers=ann.headers)
    services.deletion.run(ann.user.id)
    assert stored_files(settings) == []
    assert row(services, video)["erased_at"] is not None


def test_statistics_count_what_is_there(client, ann, join, with_media, services, settings, clock):
    from dataclasses import replace  # noqa: PLC0415 - beside its only use

    from services.remembered import Remembered  # noqa: PLC0415 - the same

    video, _other = with_media(ann), with_media(ann)
    admin = Actor(id=join("root", role=Role.ADMIN).user.id, role=Role.ADMIN)

    def told():
        fresh = replace(services.configuration, counted=Remembered(seconds=0))
        found = fresh.statistics(admin)
        return found.total_videos, found.storage_used_bytes

    assert told() == (2, 120)
    client.delete(f"/api/videos/{video.id}", headers=ann.headers)
    assert told() == (1, 120)
    clock.forward(days=8)
    purge(services)
    assert told() == (1, 60)
