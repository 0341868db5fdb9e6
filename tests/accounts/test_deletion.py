"""The end of an account: at once for everybody, and then all of it, whatever happens to the job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from models.errors import Forbidden, Unavailable
from models.user import Role
from models.video import Processing, ProcessingStatus
from services.accounts.sessions import Device
from services.adapters.queue import Job, RqQueue
from services.adapters.storage import LocalStorage
from services.policies import OPERATOR
from services.uploads.uploads import Details, Upload
from services.videos.keys import keys_of, playback_key, poster_key
from tests.conftest import Person
from tests.embedded_starts import eventually
from tests.wire import MP4, failed, fields_of, stored_files

ROOT = Path(__file__).parents[2]
PASSWORD = {"password": "Passw0rd"}


@pytest.fixture
def root(join) -> Person:
    return join("root", role=Role.ADMIN)


@pytest.fixture
def with_media(add_video, settings) -> Callable:
    """A video of somebody's, and something under each of its keys."""

    def add(person: Person, **fields: object):
        video = add_video(person, has_poster=True, progressive="x", **fields)
        for key in keys_of(video.id):
            path = settings.media_root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            if key == playback_key(video.id):
                (path / "v1").mkdir(parents=True)
                path = path / "v1" / "master.m3u8"
            path.write_text("media")
        return video

    return add


def delete(client, person: Person, reference: str, query: str = ""):
    return client.delete(f"/api/users/{reference}{query}", headers=person.headers)


def everything_about(services, person: Person) -> list[str]:
    """Documents that still have something of a person in them, but for their ids."""
    database = services.accounts.users.collection.database
    words = (person.user.username, person.user.email, "203.0.113.9", "My film")
    found = []
    for name in database.list_collection_names():
        for doc in database[name].find({}, hint="_id_"):
            text = json.dumps(doc, default=str)
            found += [f"{name}: {text}" for word in words if word in text]
    return found


# What is said and what happens at once


def test_deleting_says_what_will_happen(client, root, ann, with_media):
    with_media(ann)
    with_media(ann)
    answer = delete(client, root, ann.user.id)
    assert answer.status_code == 200
    assert set(answer.json) == {"success", "message", "deletion"}
    assert answer.json["success"] is True
    assert answer.json["deletion"] == {
        "user_id": ann.user.id,
        "videos": 2,
        "content": "deleted",
    }


def test_deleting_can_keep_the_videos(client, root, ann, with_media, services):
    video = with_media(ann)
    answer = delete(client, root, ann.user.oid, "?content=keep")
    assert answer.json["deletion"]["content"] == "kept"
    services.deletion.run(ann.user.id)
    shown = client.get(f"/api/videos/{video.id}").json
    assert shown["title"] == video.title
    assert shown["author"]["display_name"] == "Deleted user"
    assert shown["author"]["username"].startswith("deleted_")
    assert len(stored_files(services.settings)) == len(keys_of(video.id))


def test_the_account_is_closed_at_once(client, root, ann, services):
    assert delete(client, root, ann.user.id).status_code == 200
    failed(client.get("/auth/me", headers=ann.headers), 401, "UNAUTHORIZED")
    failed(client.post("/api/auth/login", json={"login": "ann", **PASSWORD}), 401, "UNAUTHORIZED")
    refresh = {"refresh_token": ann.refresh_token}
    failed(client.post("/api/auth/refresh", json=refresh), 401, "UNAUTHORIZED")
    for what, body in {"role": {"role": "staff"}, "active": {"is_active": True}}.items():
        path = f"/api/users/{ann.user.id}/{what}"
        failed(client.patch(path, json=body, headers=root.headers), 404, "NOT_FOUND")
    users = client.get("/api/users", headers=root.headers).json["users"]
    assert [user["username"] for user in users] == ["root"]
    assert services.queue.is_waiting(Job.DELETE_USER, ann.user.id)


def test_deleting_again_gives_the_same_answer_until_it_is_done(client, root, ann, services):
    first = delete(client, root, ann.user.id, "?content=keep").json
    assert delete(client, root, ann.user.id).json == first
    noted = services.audit.log.newest(user_id=ann.user.id, limit=9)
    assert [entry.action for entry in noted].count("deleted") == 1
    services.deletion.run(ann.user.id)
    failed(delete(client, root, ann.user.id), 404, "NOT_FOUND")


def test_an_odd_wish_is_refused(client, root, ann):
    failed(delete(client, root, ann.user.id, "?content=burn"), 400, "VALIDATION_ERROR")


# Oneself


def test_deleting_oneself_needs_the_password(client, ann, services):
    for body in ({"password": "Wrong000"}, {}, {"password": ""}):
        answer = client.delete("/api/users/me", json=body, headers=ann.headers)
        assert "password" in fields_of(failed(answer, 400, "VALIDATION_ERROR"))
    assert client.get("/auth/me", headers=ann.headers).status_code == 200
    answer = client.delete("/api/users/me?content=keep", json=PASSWORD, headers=ann.headers)
    assert answer.status_code == 200
    assert answer.json["deletion"]["content"] == "kept"
    failed(client.get("/auth/me", headers=ann.headers), 401, "UNAUTHORIZED")


def test_guessing_the_password_of_an_open_session_is_slowed_down(client, ann, services):
    for _ in range(5):
        client.delete("/api/users/me", json={"password": "Wrong000"}, headers=ann.headers)
    answer = client.delete("/api/users/me", json=PASSWORD, headers=ann.headers)
    failed(answer, 429, "RATE_LIMITED")
    noted = services.audit.log.newest(user_id=ann.user.id, limit=9)
    assert {"sign_in_failed", "locked_out"} <= {entry.action for entry in noted}


def test_who_has_no_password_needs_none(client, ann, services):
    users = services.accounts.users.collection
    users.update_one({"id": ann.user.id}, {"$set": {"password_hash": ""}})
    assert client.delete("/api/users/me", json={}, headers=ann.headers).status_code == 200


def test_a_second_factor_is_asked_for(client, ann, services):
    services.second_factors.enrol(_actor(services, ann))
    users = services.accounts.users.collection
    users.update_one(
        {"id": ann.user.id},
        {"$set": {"second_factor.confirmed_at": services.deletion.now()}},
    )
    answer = client.delete("/api/users/me", json=PASSWORD, headers=ann.headers)
    failed(answer, 401, "MFA_REQUIRED")
    answer = client.delete("/api/users/me", json=PASSWORD | {"otp": "000000"}, headers=ann.headers)
    failed(answer, 401, "UNAUTHORIZED")
    assert services.accounts.users.get(ann.user.id).is_active


def _actor(services, person: Person):
    return services.sessions.authenticate(person.token).actor


# The job


def test_the_job_leaves_nothing_personal(client, root, ann, bob, with_media, services):
    mine = [with_media(ann, title="My film", tags=("My film",)) for _ in range(3)]
    other = with_media(bob)
    login = {"login": "ann", **PASSWORD}
    client.post("/api/auth/login", json=login, environ_overrides={"REMOTE_ADDR": "203.0.113.9"})
    assert everything_about(services, ann)
    delete(client, root, ann.user.id)
    services.deletion.run(ann.user.id)
    assert everything_about(services, ann) == []
    for video in mine:
        failed(client.get(f"/api/videos/{video.id}"), 404, "NOT_FOUND")
    assert client.get(f"/api/videos/{other.id}").status_code == 200
    assert {path.name for path in stored_files(services.settings)} == {
        "master.m3u8",
        f"{other.id}.mp4",
        f"{other.id}.jpg",
        other.id,
    }
    row = services.accounts.users.get(ann.user.id)
    assert (row.display_name, row.password_hash, row.is_active) == ("Deleted user", "", False)
    assert row.deletion is None
    # What happened to the account is still known, by its id alone.
    noted = services.audit.log.newest(user_id=ann.user.id, limit=99)
    assert {"signed_up", "signed_in", "deleted"} == {entry.action for entry in noted}
    assert {(entry.address, tuple(entry.details)) for entry in noted} == {("", ())}


def test_username_and_address_are_free_again(client, root, ann, services):
    new = {"username": "ann", "email": "ann@example.com", **PASSWORD}
    delete(client, root, ann.user.id)
    failed(client.post("/api/auth/register", json=new), 409, "CONFLICT")
    services.deletion.run(ann.user.id)
    assert client.post("/api/auth/register", json=new).status_code == 201


def test_nobody_signs_in_as_somebody_deleted(client, root, ann, services):
    delete(client, root, ann.user.id)
    services.deletion.run(ann.user.id)
    row = services.accounts.users.get(ann.user.id)
    for login in (row.username, row.email):
        for password in ("", "Passw0rd"):
            body = {"login": login, "password": password or "x"}
            failed(client.post("/api/auth/login", json=body), 401, "UNAUTHORIZED")


def test_unused_invitations_of_theirs_are_gone(client, join, root, services):
    host = join("host", role=Role.ADMIN)
    token = client.post("/api/invitations", json={}, headers=host.headers).json["token"]
    delete(client, root, host.user.id)
    failed(client.get(f"/api/invitations/validate/{token}"), 400, "INVITATION_INVALID")
    services.deletion.run(host.user.id)
    assert services.invitations.invitations.by_token(token) is None


def test_every_collection_that_knows_people_forgets_them(services):
    owners = {type(forget.__self__).__name__ for forget in services.deletion.forgetting}  # type: ignore[attr-defined]
    assert {
        "Sessions", "Invitations", "AuditLog", "History", "Identities", "EmailTokens",
    } <= owners  # fmt: skip


def test_running_it_again_or_for_who_is_not_deleted_does_nothing(client, root, ann, bob, services):
    delete(client, root, ann.user.id)
    services.deletion.run(ann.user.id)
    before = services.accounts.users.get(ann.user.id)
    services.deletion.run(ann.user.id)
    services.deletion.run(bob.user.id)
    assert services.accounts.users.get(ann.user.id) == before
    assert client.get("/auth/me", headers=bob.headers).status_code == 200


def test_one_worker_at_a_time(client, root, ann, with_media, services, clock):
    """The other finds the lease taken; when it has run out, the sweeper starts the job again."""
    with_media(ann)
    delete(client, root, ann.user.id)
    now = services.deletion.now()
    claim = services.accounts.users.claim_deletion
    assert claim(ann.user.id, now=now, until=now.replace(year=now.year + 1)) is not None
    services.deletion.run(ann.user.id)
    assert services.accounts.users.get(ann.user.id).deletion is not None
    assert services.deletion.sweep() == 0
    clock.forward(days=400)
    services.queue.rq.empty()
    assert services.deletion.sweep() == 1
    assert services.deletion.sweep() == 0
    services.deletion.run(ann.user.id)
    assert services.accounts.users.get(ann.user.id).deletion is None
    assert services.deletion.sweep() == 0


def test_what_cannot_be_queued_is_left_to_the_sweeper(ann, root, services):
    class Away(RqQueue):
        def enqueue(self, job: Job, entity_id: str) -> bool:
            raise Unavailable(f"{job} {entity_id}")

    redis = Redis.from_url(services.settings.redis_url)
    replace(services.deletion, queue=Away(redis)).delete(OPERATOR, ann.user.id, keeps_content=False)
    assert not services.queue.is_waiting(Job.DELETE_USER, ann.user.id)
    assert services.deletion.sweep() == 1
    assert services.queue.is_waiting(Job.DELETE_USER, ann.user.id)


# Stopped halfway

SLOWLY = """
import sys, time
from config import Settings
from dataclasses import replace
from services import container
from services.adapters.storage import LocalStorage

class Slow(LocalStorage):
    def remove(self, key):
        super().remove(key)
        time.sleep(0.01)

services = container.build(Settings.from_env())
slow = Slow(services.settings.media_root)
replace(services.deletion, storage=slow).run(sys.argv[1])
"""


def test_a_job_that_is_killed_halfway_is_finished_by_the_next(
    client, root, ann, with_media, services, settings, clock
):
    videos = services.catalogue.videos.collection
    for _ in range(40):
        with_media(ann, title="My film")
    delete(client, root, ann.user.id)
    erased = {"author_id": ann.user.id, "erased_at": {"$ne": None}}
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, ann.user.id],
        cwd=ROOT,
        env={
            **os.environ,
            "MONGO_URL": settings.mongo_url,
            "REDIS_URL": settings.redis_url,
            "JWT_SECRET_KEY": settings.jwt_secret_key,
            "VAR_DIR": str(settings.var_dir),
        },
    )
    eventually(lambda: videos.count_documents(erased) >= 10)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = videos.count_documents(erased)
    assert 10 <= done < 40
    row = services.accounts.users.get(ann.user.id)
    assert (row.username, row.is_active) == ("ann", False)
    clock.forward(seconds=61)
    services.queue.rq.empty()
    assert services.deletion.sweep() == 1
    services.deletion.run(ann.user.id)
    assert videos.count_documents(erased) == 40
    assert stored_files(settings) == []
    assert everything_about(services, ann) == []


@pytest.mark.parametrize("steps", range(1, 12, 2))
def test_a_disk_that_fails_at_any_point_only_delays_it(
    ann, with_media, services, settings, clock, steps
):
    class Failing(LocalStorage):
        left = steps

        def remove(self, key: str) -> None:
            if self.left == 0:
                raise OSError("the disk is away")
            self.left -= 1
            super().remove(key)

    for _ in range(3):
        with_media(ann)
    actor = _actor(services, ann)
    services.deletion.delete_own(
        actor, password="Passw0rd", otp="", keeps_content=False, device=Device()
    )
    failing = replace(services.deletion, storage=Failing(settings.media_root))
    with pytest.raises(OSError, match="away"):
        failing.run(ann.user.id)
    assert services.accounts.users.get(ann.user.id).deletion is not None
    clock.forward(seconds=61)
    services.deletion.run(ann.user.id)
    assert stored_files(settings) == []
    assert services.accounts.users.get(ann.user.id).deletion is None


# What is under way when the account ends


def test_a_worker_that_is_at_a_video_publishes_nothing_and_leaves_nothing(
    client, root, ann, with_media, services, settings
):
    now = services.transcoding.now()
    video = with_media(
        ann,
        playable=False,
        processing_status=ProcessingStatus.UPLOADED,
        processing=Processing(lease_until=now),
    )
    claimed = services.transcoding._claim(video.id)
    assert claimed is not None
    lease = claimed.processing.lease
    delete(client, root, ann.user.id)
    services.deletion.run(ann.user.id)
    videos = services.catalogue.videos
    assert not videos.renew(video.id, lease, until=now, stage="encoding", percent=50.0)
    assert videos.finish(video.id, lease, progressive="x", now=now) is None
    # Stored after the job had removed everything, and before the worker noticed.
    late = settings.media_root / poster_key(video.id)
    late.parent.mkdir(parents=True, exist_ok=True)
    late.write_text("late")
    services.transcoding._leave(video.id)
    assert stored_files(settings) == []
    assert services.transcoding._claim(video.id) is None


def test_an_upload_that_ends_after_the_account_did_is_not_kept(
    ann, root, client, services, settings, tmp_path
):
    actor = _actor(services, ann)
    file = tmp_path / "late.mp4"
    file.write_bytes(MP4)
    delete(client, root, ann.user.id)
    with pytest.raises(Forbidden):
        services.uploads.create(
            actor, Upload(path=file, filename="x.mp4"), Details(title="My film")
        )
    assert stored_files(settings) == []
    assert services.catalogue.videos.count_of(ann.user.id) == 0
    services.deletion.run(ann.user.id)
    assert not [line for line in everything_about(services, ann) if "My film" in line]
