"""003's configuration and dashboard: for admins, at once everywhere, and within what is set up."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace

import pytest

from app import create_app
from config import Settings
from models.audit import Action
from models.user import Role
from services import container
from services.videos.keys import poster_key, source_key
from tests.conftest import Person
from tests.tus import Tus
from tests.wire import MP4, failed, fields_of, moment

CONFIG, STATS = "/api/admin/config", "/api/admin/stats"


@pytest.fixture
def admin(join) -> Person:
    return join("root", role=Role.ADMIN)


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("role", [Role.VIEWER, Role.CREATOR, Role.STAFF])
def test_it_is_for_admins_alone(client, join, method, role):
    person = join(role=role)
    answer = client.open(CONFIG, method=method, json={}, headers=person.headers)
    failed(answer, 403, "FORBIDDEN")
    failed(client.get(STATS, headers=person.headers), 403, "FORBIDDEN")


def test_before_anything_is_set_it_says_how_things_are(client, admin, settings):
    assert client.get(CONFIG, headers=admin.headers).json == {
        "max_file_size_bytes": settings.max_video_bytes,
        "weekly_upload_limit_bytes": 20 * 1024**3,
        "video_storage_path": str(settings.media_root),
        "updated_at": None,
        "updated_by": None,
    }


def test_an_admin_sets_what_they_like_and_the_rest_stays(client, admin, settings, services):
    change = {"weekly_upload_limit_bytes": 500}
    answer = client.patch(CONFIG, json=change, headers=admin.headers)
    body = answer.json
    assert (answer.status_code, body["updated_by"]) == (200, admin.user.id)
    assert moment(body["updated_at"]) - dt.datetime.now(dt.UTC) < dt.timedelta(seconds=5)
    assert body["max_file_size_bytes"] == settings.max_video_bytes
    client.patch(CONFIG, json={"max_file_size_bytes": 70}, headers=admin.headers)
    found = client.get(CONFIG, headers=admin.headers).json
    assert (found["max_file_size_bytes"], found["weekly_upload_limit_bytes"]) == (70, 500)
    without = {"weekly_upload_limit_bytes": None}
    answer = client.patch(CONFIG, json=without, headers=admin.headers)
    assert answer.json == {**found, **without, "updated_at": answer.json["updated_at"]}
    noted = services.audit.log.newest(action=Action.CONFIGURATION_CHANGED, limit=10)
    assert [entry.actor_id for entry in noted] == [admin.user.id] * 3
    assert noted[-1].details == {"weekly_upload_limit_bytes": "500"}
    assert services.configuration.configurations.collection.count_documents({}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"max_file_size_bytes": 0}, {"max_file_size_bytes": -1}, {"max_file_size_bytes": "9"},
        {"max_file_size_bytes": 2**40}, {"max_file_size_bytes": None},
        {"weekly_upload_limit_bytes": -1}, {"weekly_upload_limit_bytes": 1.5},
        {"weekly_upload_limit_bytes": 2**63}, {"video_storage_path": "/"}, {"updated_by": "x"},
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_refused(client, admin, change):
    answer = client.patch(CONFIG, json=change, headers=admin.headers)
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == set(change)


def test_a_limit_holds_at_once_here_and_within_a_second_elsewhere(client, admin, ann, settings):
    other = create_app(container.build(settings)).test_client()
    assert Tus(other, ann).create(101).status_code == 201
    client.patch(CONFIG, json={"max_file_size_bytes": 100}, headers=admin.headers)
    failed(Tus(client, ann).create(101), 413, "PAYLOAD_TOO_LARGE")
    seconds = container.limits.LIMITS_SECONDS
    assert seconds <= 1
    time.sleep(seconds + 0.05)
    failed(Tus(other, ann).create(101), 413, "PAYLOAD_TOO_LARGE")
    assert other.options("/upload/video").headers["Tus-Max-Size"] == "100"


def test_a_limit_that_the_server_is_not_set_up_for_any_more_does_not_hold(
    client, admin, settings: Settings
):
    client.patch(CONFIG, json={"max_file_size_bytes": 10_000}, headers=admin.headers)
    smaller = container.build(replace(settings, max_video_bytes=5000))
    assert smaller.configuration.limits().max_file_size_bytes == 5000


def test_the_dashboard_counts_what_there_is(client, admin, ann, add_video, services):
    add_video(ann)
    gone = add_video(ann)
    services.catalogue.videos.withdraw(gone.id, services.quota.now())
    tus = Tus(client, ann)
    tus.patch(tus.begin(len(MP4)), 0, MP4)
    assert client.get(STATS, headers=admin.headers).json == {
        "total_users": 2,
        "total_videos": 2,
        "storage_used_bytes": len(MP4),
        "processing_queue_length": 1,
    }


def test_what_a_video_takes_up_follows_what_is_stored_of_it(services, ann, tmp_path, client):
    tus, videos = Tus(client, ann), services.catalogue.videos
    video_id = tus.patch(tus.begin(len(MP4)), 0, MP4).headers["X-Video-Id"]
    assert videos.stored_bytes() == len(MP4)
    poster = tmp_path / "poster.jpg"
    poster.write_bytes(b"x" * 500)
    services.storage.adopt(poster, poster_key(video_id))
    services.transcoding._tidy(video_id)
    assert services.storage.file(source_key(video_id)) is None
    assert videos.stored_bytes() == 500
    videos.withdraw(video_id, services.quota.now())
    videos.erase(video_id, services.quota.now())
    assert videos.stored_bytes() == 0
