"""Resumable uploads when things go wrong: killed servers, lost files, many at once."""

from __future__ import annotations

import datetime as dt
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import Expired, Forbidden, Locked, NotFound, UnsupportedFormat
from models.uploads import Described, UploadState
from services.adapters import incoming
from services.policies import Actor
from services.uploads import arrivals
from services.uploads.arrivals import Part
from services.uploads.quota import week_of
from services.uploads.resumable import NewUpload
from services.uploads.uploads import Upload
from services.videos.keys import source_key
from tests.tus import Tus
from tests.wire import MP4, failed, stored_files

SIZE = len(MP4)
SAID = Described(filename="a.mp4", filetype="", title="A")


@pytest.fixture
def actor(ann) -> Actor:
    return Actor(id=ann.user.id)


@pytest.fixture
def begin(services, actor):
    def begin(size: int | None = SIZE, content: bytes = b""):
        first = part(content) if content else None
        return services.resumable.create(actor, NewUpload(size_bytes=size, described=SAID), first)

    return begin


def part(content: bytes, offset: int = 0) -> Part:
    return Part(offset=offset, pieces=iter([content]), size_bytes=len(content))


@pytest.fixture
def whole(services, begin):
    """An upload whose last byte is acknowledged, as if the server had been killed right then."""
    upload = begin()
    with services.resumable.incoming.hold(upload.file) as held:
        held.begin_at(0)
        held.write(MP4)
        return services.resumable.arrivals._acknowledged(upload, held, SIZE)


def videos(services) -> list[str]:
    return [doc["id"] for doc in services.catalogue.videos.collection.find({"id": {"$gt": ""}})]


def expired(services) -> None:
    over = {"$set": {"expires_at": dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)}}
    everyone = {"id": {"$gt": ""}}
    services.resumable.uploads.collection.update_many(everyone, over)


# Killed between the last byte and the end


def as_it_was(services, whole) -> None:
    """Nothing has happened yet."""


def moved(services, whole) -> None:
    """Storage has taken it over."""
    with services.resumable.incoming.hold(whole.file) as held, held.second_name() as path:
        services.storage.adopt(path, source_key(whole.video_id))


def recorded(services, whole) -> None:
    """The video is on record, and queued."""
    with services.resumable.incoming.hold(whole.file) as held, held.second_name() as path:
        upload = Upload(path=path, filename="a.mp4")
        details = arrivals._details(whole.described)
        services.uploads.complete(Actor(id=whole.user_id), upload, details, whole.video_id)


def processed(services, whole) -> None:
    """It is even ready, and its source removed."""
    recorded(services, whole)
    services.storage.remove(source_key(whole.video_id))


def noted(services, whole) -> None:
    """All is done but for removing the file."""
    recorded(services, whole)
    services.resumable.uploads.finish(whole.id)


def asked(tus: Tus, how: str, upload_id: str):
    path = f"/upload/video/{upload_id}"
    if how in {"HEAD", "GET"}:
        return tus.ask(how, path)
    return tus.patch(path, SIZE) if how == "PATCH" else tus.patch(path, 50, MP4[50:])


@pytest.mark.parametrize("how_far", [as_it_was, moved, recorded, processed, noted])
@pytest.mark.parametrize("ask", ["HEAD", "GET", "PATCH", "the last part again", "nobody"])
def test_an_upload_whose_server_was_killed_at_its_end_becomes_one_video(
    services, client, ann, whole, settings, how_far, ask
):
    how_far(services, whole)
    if ask == "nobody":
        expired(services)
        services.resumable.expire()
        services.uploads.storage.discard_incoming(dt.datetime.now(dt.UTC) + dt.timedelta(1))
    else:
        assert asked(Tus(client, ann), ask, whole.id).headers["X-Video-Id"] == whole.video_id
    assert videos(services) == [whole.video_id]
    assert services.queue.length() == 1
    source = settings.media_root / source_key(whole.video_id)
    left = {file for file in stored_files(settings) if file.name != whole.file}
    assert left == (set() if how_far is processed else {source})
    assert services.quota.quotas.used(ann.user.id, week_of(services.quota.now())) == SIZE


def test_a_last_part_that_is_sent_by_twenty_at_once_makes_one_video(app, services, ann, begin):
    upload = begin(content=MP4[:50])
    path = f"/upload/video/{upload.id}"

    def last(_: int):
        return Tus(app.test_client(), ann).patch(path, 50, MP4[50:])

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(last, range(20)))
    assert {answer.status_code for answer in answers} <= {204, 423}
    found = {answer.headers["X-Video-Id"] for answer in answers if answer.status_code == 204}
    assert found == {upload.video_id}
    assert videos(services) == [upload.video_id]
    assert services.queue.length() == 1


def test_only_one_of_two_who_write_at_once_may(services, actor, begin):
    upload, taken, go_on = begin(), threading.Event(), threading.Event()

    def slowly():
        taken.set()
        go_on.wait(10)
        yield MP4

    def write() -> UploadState:
        slow = Part(offset=0, pieces=slowly(), size_bytes=SIZE)
        return services.resumable.append(actor, upload.id, slow).state

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(write)
        taken.wait(10)
        with pytest.raises(Locked):
            services.resumable.append(actor, upload.id, part(MP4))
        with pytest.raises(Locked):
            services.resumable.terminate(actor, upload.id)
        go_on.set()
        assert first.result() is UploadState.FINISHED


# While bytes come


def test_what_arrives_is_acknowledged_on_the_way(services, actor, begin, clock):
    upload, seen = begin(4 * arrivals.CHECKPOINT_BYTES), []

    def acknowledged() -> int:
        return services.resumable.status(actor, upload.id).offset

    def pieces():
        yield b"x" * arrivals.CHECKPOINT_BYTES
        seen.append(acknowledged())
        yield b"x" * 10
        seen.append(acknowledged())
        clock.forward(seconds=3)
        yield b"x" * 10
        seen.append(acknowledged())

    services.resumable.append(actor, upload.id, Part(offset=0, pieces=pieces(), size_bytes=None))
    size = arrivals.CHECKPOINT_BYTES
    assert seen == [size, size, size + 20]


def test_who_watches_is_told(services, actor, begin):
    upload = begin(content=MP4[:50])
    (told,) = [told for told in services.events.recent() if told.channel == f"user:{actor.id}"]
    assert (told.event["upload_id"], told.event["offset"]) == (upload.id, 50)


def test_a_disk_that_is_full_keeps_what_it_could_take(services, actor, begin):
    upload = begin()

    def pieces():
        yield MP4[:50]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        services.resumable.append(
            actor, upload.id, Part(offset=0, pieces=pieces(), size_bytes=SIZE)
        )
    assert services.resumable.status(actor, upload.id).offset == 50


def test_an_upload_that_is_forgotten_while_it_is_written_to_is_not_found(
    services, actor, begin, settings
):
    upload = begin()

    def pieces():
        services.resumable.uploads.forget_all_of(actor.id)
        yield MP4

    with pytest.raises(NotFound):
        services.resumable.append(
            actor, upload.id, Part(offset=0, pieces=pieces(), size_bytes=SIZE)
        )
    assert videos(services) == []


def test_nothing_is_written_to_a_file_that_another_has_removed_meanwhile(services, begin):
    """Between opening and holding: what was opened is then nobody's file."""
    path = services.storage.incoming() / begin().file
    with incoming._opened(path) as opened:
        assert incoming._is_at(path, opened)
        path.unlink()
        assert not incoming._is_at(path, opened)
        path.touch()
        assert not incoming._is_at(path, opened)


# What is lost


@pytest.mark.parametrize("what", ["the file", "some of it"])
def test_an_upload_whose_bytes_are_lost_says_so(services, actor, begin, client, ann, what):
    upload = begin(content=MP4[:50])
    file: Path = services.storage.incoming() / upload.file
    if what == "the file":
        file.unlink()
    else:
        os.truncate(file, 20)
    with pytest.raises(Expired, match="begin again"):
        services.resumable.append(actor, upload.id, part(MP4[50:], 50))
    Tus(client, ann).ask("DELETE", f"/upload/video/{upload.id}")
    assert services.quota.quotas.used(ann.user.id, week_of(services.quota.now())) == 0
    assert services.resumable.uploads.collection.count_documents({}) == 0


def test_a_whole_upload_whose_file_is_lost_says_so(services, actor, whole):
    (services.storage.incoming() / whole.file).unlink()
    with pytest.raises(Expired, match="begin again"):
        services.resumable.status(actor, whole.id)


# The scheduler


def test_what_is_expired_is_ended_whatever_its_state(services, actor, begin, settings):
    begin()
    lost = begin()
    (services.storage.incoming() / lost.file).unlink()
    done = begin(content=MP4)
    bad = begin(9)
    with pytest.raises(UnsupportedFormat):
        services.resumable.append(actor, bad.id, part(b"not video"))
    expired(services)
    assert services.resumable.expire() == 2
    assert services.resumable.uploads.collection.count_documents({}) == 0
    assert bad.id not in videos(services)
    assert stored_files(settings) == [settings.media_root / source_key(done.video_id)]


def test_an_upload_that_is_being_written_to_does_not_expire(services, begin, caplog):
    upload = begin()
    expired(services)
    with services.resumable.incoming.hold(upload.file):
        assert services.resumable.expire() == 0
    assert services.resumable.expire() == 1


def test_an_upload_that_somebody_went_on_with_since_it_was_found_does_not_expire(
    services, begin, clock
):
    upload = begin(content=MP4[:50])
    assert services.resumable._expire(replace(upload, expires_at=clock())) is False
    services.resumable.uploads.forget(upload.id)
    assert services.resumable._expire(upload) is False


def test_a_whole_upload_that_is_no_video_is_refused_when_it_expires(services, begin, ann, settings):
    upload = begin(9)
    with services.resumable.incoming.hold(upload.file) as held:
        held.begin_at(0)
        held.write(b"not video")
        services.resumable.arrivals._acknowledged(upload, held, 9)
    expired(services)
    assert services.resumable.expire() == 1
    assert services.resumable.expire() == 0
    assert services.resumable.uploads.collection.count_documents({}) == 0
    assert stored_files(settings) == []
    assert services.quota.quotas.used(ann.user.id, week_of(services.quota.now())) == 0


def test_an_upload_of_an_account_that_is_closed_meanwhile_becomes_nothing(
    services, actor, begin, settings
):
    upload = begin()
    services.accounts.users.close(actor.id, services.quota.now(), keeps_content=False)
    with pytest.raises(Forbidden):
        services.resumable.append(actor, upload.id, part(MP4))
    assert stored_files(settings) == []


def test_a_deleted_account_leaves_no_upload(services, actor, begin, clock, settings):
    begin(content=MP4[:50])
    services.accounts.users.close(actor.id, services.quota.now(), keeps_content=False)
    services.deletion.run(actor.id)
    assert services.resumable.uploads.collection.count_documents({}) == 0
    clock.forward(hours=25)
    services.uploads.discard_abandoned()
    assert stored_files(settings) == []


def test_an_upload_under_way_is_not_taken_for_abandoned(services, begin, clock):
    upload = begin(content=MP4[:50])
    clock.forward(hours=23, minutes=30)
    assert services.uploads.discard_abandoned() == 0
    assert services.resumable.expire() == 1
    assert not (services.storage.incoming() / upload.file).exists()


def test_who_is_too_late_is_told_in_the_words_of_the_family(client, ann, begin, services):
    upload = begin()
    expired(services)
    failed(Tus(client, ann).ask("DELETE", f"/upload/video/{upload.id}"), 410, "GONE")
