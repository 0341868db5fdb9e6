"""Direct uploads (000): an address, a PUT, a completion; the same on local disk and on S3."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from models.uploads import UploadState
from services.adapters.storage import Part
from services.uploads.quota import week_of
from services.videos.keys import source_key
from tests.direct import Direct
from tests.s3 import s3_server  # noqa: F401 - a fixture
from tests.wire import MP4, NOBODY, failed, fields_of, moment, stored_files

SIZE = len(MP4)
# S3 takes no smaller part; on local disk the same is sent in the same parts.
PART = 5 * 1024**2
LARGE = MP4 + bytes(PART)
TEXT = b"not a video".ljust(SIZE)


ON_BOTH = pytest.mark.parametrize("settings", ["local", "s3"], indirect=True)


@pytest.fixture
def settings(settings, request):
    settings = replace(settings, upload_part_bytes=PART)
    if getattr(request, "param", "local") == "local":
        return settings
    return request.getfixturevalue("s3_server").new_bucket().settings(settings)


@pytest.fixture
def direct(client, ann) -> Direct:
    return Direct(client, ann)


@pytest.fixture
def used(services, ann):
    """How much of her week ann has used."""
    return lambda: services.quota.quotas.used(ann.user.id, week_of(services.quota.now()))


@pytest.fixture
def limit(services):
    """Set what an admin can."""

    def set_limit(**values: int | None) -> None:
        configuration = services.configuration
        default = configuration._defaults()
        changed = configuration.configurations.change(values, default)
        configuration.remembered.keep("", changed)

    return set_limit


@pytest.fixture
def left(services, settings):
    """All that storage and the collection of uploads hold."""

    def look() -> tuple[list[str], int]:
        stored = [entry.key for entry in services.storage.entries()]
        if settings.storage_backend == "local":
            stored = [str(path.relative_to(settings.media_root)) for path in stored_files(settings)]
        stored += [found["Key"] for found in getattr(services.storage, "_begun", list)()]
        return stored, services.direct.custody.uploads.collection.count_documents({})

    return look


def videos(services) -> list[str]:
    return [doc["id"] for doc in services.catalogue.videos.collection.find({"id": {"$gt": ""}})]


# What is asked and answered


@ON_BOTH
def test_an_upload_is_asked_for_sent_and_completed(direct, services, used):
    offer = direct.begin(SIZE)
    assert {"upload_url", "video_id", "expires_at"} <= set(offer)
    assert dt.timedelta(hours=11) < moment(offer["expires_at"]) - services.direct.now()
    assert (offer["method"], offer["parts"]) == ("PUT", None)
    assert used() == SIZE
    assert direct.put(offer["upload_url"], MP4, offer["headers"]).status == 200
    answer = direct.complete(
        offer["video_id"], title=" A film ", tags=["One", "two"], visibility="unlisted"
    )
    assert answer.status_code == 200
    video = answer.get_json()
    assert (video["id"], video["title"], video["tags"]) == (
        offer["video_id"],
        "A film",
        ["one", "two"],
    )
    assert (video["visibility"], video["processing_status"]) == ("unlisted", "uploaded")
    assert used() == SIZE
    assert services.queue.length() == 1
    with services.storage.local(source_key(video["id"])) as source:
        assert source.read_bytes() == MP4


def test_what_is_not_said_of_a_video_is_the_name_of_its_file(direct):
    video = direct.upload().get_json()
    assert video["title"] == "My film"


@ON_BOTH
def test_its_state_can_be_asked_for_all_along(direct):
    offer = direct.begin(SIZE)
    said = direct.status(offer["video_id"]).get_json()
    assert (said["status"], said["file_size"], said["received_bytes"]) == ("uploading", SIZE, None)
    assert said["expires_at"] == offer["expires_at"]
    direct.put(offer["upload_url"], MP4, offer["headers"])
    assert direct.status(offer["video_id"]).get_json()["received_bytes"] == SIZE
    direct.complete(offer["video_id"])
    assert direct.status(offer["video_id"]).get_json()["status"] == "completed"


@pytest.mark.parametrize(
    ("said", "status", "code", "field"),
    [
        ({"file_size": 0}, 400, "VALIDATION_ERROR", "file_size"),
        ({"file_size": -1}, 400, "VALIDATION_ERROR", "file_size"),
        ({"file_size": "12"}, 400, "VALIDATION_ERROR", "file_size"),
        ({"file_size": None}, 400, "VALIDATION_ERROR", "file_size"),
        ({"filename": ""}, 400, "VALIDATION_ERROR", "filename"),
        ({"content_type": "image/png"}, 415, "FILE_FORMAT_NOT_SUPPORTED", "content_type"),
        ({"content_type": "video/mp4\r\nX: y"}, 415, "FILE_FORMAT_NOT_SUPPORTED", "content_type"),
        ({"duration": 10**6}, 400, "VALIDATION_ERROR", "duration"),
        ({"key": "sources/x"}, 400, "VALIDATION_ERROR", "key"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(direct, used, left, said, status, code, field):
    assert field in fields_of(failed(direct.request(**said), status, code))
    assert used() == 0
    assert left() == ([], 0)


def test_nobody_is_told_of_an_upload_of_somebody_else(client, direct, bob):
    offer = direct.begin()
    other = Direct(client, bob)
    for video_id in (offer["video_id"], NOBODY, "nonsense"):
        failed(other.status(video_id), 404, "NOT_FOUND")
        failed(other.abort(video_id), 404, "NOT_FOUND")
        failed(other.complete(video_id), 404, "NOT_FOUND")
    assert direct.status(offer["video_id"]).status_code == 200


# Limits


def test_more_than_is_allowed_is_refused_when_it_is_asked_for(direct, limit, used, left):
    limit(max_file_size_bytes=SIZE - 1)
    failed(direct.request(), 413, "PAYLOAD_TOO_LARGE")
    limit(weekly_upload_limit_bytes=2 * SIZE - 1, max_file_size_bytes=SIZE)
    direct.begin()
    failed(direct.request(), 403, "QUOTA_EXCEEDED")
    assert used() == SIZE
    assert left()[1] == 1


def test_twenty_that_are_asked_for_together_do_not_exceed_the_quota(app, ann, limit, used):
    limit(weekly_upload_limit_bytes=7 * SIZE + 1)

    def ask(_: int) -> int:
        return Direct(app.test_client(), ann).request().status_code

    with ThreadPoolExecutor(20) as threads:
        codes = sorted(threads.map(ask, range(20)))
    assert codes == [200] * 7 + [403] * 13
    assert used() == 7 * SIZE


# Ends


def test_completing_again_is_answered_the_same(direct, services, used):
    offer = direct.begin()
    direct.put(offer["upload_url"], MP4, offer["headers"])
    first = direct.complete(offer["video_id"], title="First")
    again = direct.complete(offer["video_id"], title="Second")
    keep = {"id", "title", "created_at", "processing_status"}
    told = [{name: answer.get_json()[name] for name in keep} for answer in (first, again)]
    assert told[0] == told[1]
    assert videos(services) == [offer["video_id"]]
    assert services.queue.length() == 1
    assert used() == SIZE


def test_completing_by_twenty_at_once_makes_one_video(app, ann, direct, services, used):
    offer = direct.begin()
    direct.put(offer["upload_url"], MP4, offer["headers"])

    def complete(_: int) -> int:
        return Direct(app.test_client(), ann).complete(offer["video_id"]).status_code

    with ThreadPoolExecutor(20) as threads:
        codes = set(threads.map(complete, range(20)))
    assert 200 in codes
    assert codes <= {200, 423}
    assert videos(services) == [offer["video_id"]]
    assert services.queue.length() == 1
    assert used() == SIZE


@ON_BOTH
def test_before_anything_has_arrived_it_can_be_sent_still(direct):
    offer = direct.begin()
    failed(direct.complete(offer["video_id"]), 409, "CONFLICT")
    assert direct.put(offer["upload_url"], MP4, offer["headers"]).status == 200
    assert direct.complete(offer["video_id"]).status_code == 200


@ON_BOTH
def test_what_is_no_video_is_refused_and_leaves_nothing(direct, services, used, left):
    offer = direct.begin()
    direct.put(offer["upload_url"], TEXT, offer["headers"])
    failed(direct.complete(offer["video_id"]), 415, "FILE_FORMAT_NOT_SUPPORTED")
    assert used() == 0
    assert left() == ([], 1)
    said = direct.status(offer["video_id"]).get_json()
    assert (said["status"], said["received_bytes"]) == ("failed", None)
    assert "not a video" in said["error_message"]
    failed(direct.complete(offer["video_id"]), 410, "GONE")
    assert direct.abort(offer["video_id"]).status_code == 204
    assert left() == ([], 0)
    assert used() == 0
    assert videos(services) == []


def test_another_size_than_was_announced_is_refused_whoever_let_it_in(
    direct, services, used, left, tmp_path
):
    offer = direct.begin()
    other = tmp_path / "other"
    other.write_bytes(MP4 + b"x")
    services.storage.adopt(other, source_key(offer["video_id"]))
    told = failed(direct.complete(offer["video_id"]), 400, "VALIDATION_ERROR")
    assert f"{SIZE + 1} bytes arrived; {SIZE} were announced." in json.dumps(told)
    assert (used(), left()) == (0, ([], 1))


@ON_BOTH
def test_what_is_aborted_is_gone(direct, used, left):
    for send in (False, True):
        offer = direct.begin()
        if send:
            direct.put(offer["upload_url"], MP4, offer["headers"])
        assert direct.abort(offer["video_id"]).status_code == 204
        assert (used(), left()) == (0, ([], 0))
        failed(direct.status(offer["video_id"]), 404, "NOT_FOUND")
        failed(direct.complete(offer["video_id"]), 404, "NOT_FOUND")
        failed(direct.abort(offer["video_id"]), 404, "NOT_FOUND")


def test_what_has_become_a_video_cannot_be_aborted(direct, services):
    video = direct.upload().get_json()
    failed(direct.abort(video["id"]), 409, "CONFLICT")
    assert videos(services) == [video["id"]]


@ON_BOTH
def test_what_nobody_completes_expires_and_leaves_nothing(direct, services, clock, used, left):
    whole, parts = direct.begin(), direct.begin(len(LARGE), multipart=True)
    direct.put(whole["upload_url"], MP4, whole["headers"])
    direct.put_parts(parts, LARGE, only={1})
    assert services.direct.expire() == 0
    clock.forward(hours=18)
    failed(direct.complete(whole["video_id"]), 410, "GONE")
    failed(direct.status(whole["video_id"]), 410, "GONE")
    assert services.direct.expire() == 2
    assert left() == ([], 0)
    clock.forward(days=-1)
    assert used() == 0


@ON_BOTH
def test_what_is_sent_again_once_it_is_a_video_goes_when_its_address_has_expired(
    direct, services, clock, left, tmp_path
):
    video_id = direct.upload().get_json()["id"]
    service = services.transcoding
    service.videos.collection.update_one({"id": video_id}, {"$set": {"source": None}})
    service.storage.remove(source_key(video_id))
    sent = tmp_path / "sent"
    sent.write_bytes(MP4)
    services.storage.copy(sent, source_key(video_id))  # as S3 lets somebody do
    assert services.direct.expire() == 0
    assert left() == ([source_key(video_id)], 1)
    clock.forward(hours=18)
    assert services.direct.expire() == 0
    assert left() == ([], 0)


def test_what_is_being_processed_is_no_leftover_of_its_upload(direct, services, clock, left):
    video_id = direct.upload().get_json()["id"]
    clock.forward(hours=18)
    services.direct.expire()
    assert left() == ([source_key(video_id)], 0)


@ON_BOTH
def test_what_is_done_is_forgotten_and_what_was_refused_too(direct, services, clock, used):
    done, bad = direct.upload().get_json(), direct.begin()
    direct.put(bad["upload_url"], TEXT, bad["headers"])
    direct.complete(bad["video_id"])
    # An address of S3 works until it expires: somebody sends it again.
    direct.put(bad["upload_url"], TEXT, bad["headers"])
    clock.forward(hours=18)
    assert services.direct.expire() == 0
    assert [entry.key for entry in services.storage.entries()] == [source_key(done["id"])]
    assert services.direct.custody.uploads.collection.count_documents({}) == 0


def test_who_deletes_their_account_leaves_no_upload(direct, services, ann, left):
    offer = direct.begin()
    direct.put(offer["upload_url"], MP4, offer["headers"])
    services.direct.custody.uploads.forget_all_of(ann.user.id)
    rows = list(services.direct.custody.uploads.collection.find({"id": offer["video_id"]}))
    assert ann.user.id not in json.dumps(rows, default=str)
    assert "film" not in json.dumps(rows, default=str)
    assert services.direct.expire() == 1
    assert left() == ([], 0)


# In parts


@ON_BOTH
def test_a_large_file_is_sent_in_parts(direct, services, used):
    offer = direct.begin(len(LARGE), multipart=True)
    assert offer["parts"]["part_size"] == PART
    assert len(offer["parts"]["part_urls"]) == 2
    parts = direct.put_parts(offer, LARGE)
    answer = direct.complete(offer["video_id"], parts=list(reversed(parts)))
    assert answer.status_code == 200, answer.get_json()
    assert direct.complete(offer["video_id"], parts=parts).status_code == 200
    with services.storage.local(source_key(offer["video_id"])) as source:
        assert source.read_bytes() == LARGE
    assert used() == len(LARGE)


@ON_BOTH
def test_a_part_that_is_missing_or_another_can_be_sent_again(direct, services):
    offer = direct.begin(len(LARGE), multipart=True)
    (first,) = direct.put_parts(offer, LARGE, only={1})
    missing = {"part_number": 2, "etag": '"0123456789abcdef0123456789abcdef"'}
    for parts in (
        [first],
        [first, missing],
        [first, first],
        [first, {**missing, "part_number": 3}],
    ):
        told = failed(direct.complete(offer["video_id"], parts=parts), 400, "VALIDATION_ERROR")
        assert "parts" in fields_of(told)
    (second,) = direct.put_parts(offer, LARGE, only={2})
    assert direct.complete(offer["video_id"], parts=[first, second]).status_code == 200


@ON_BOTH
def test_a_file_that_may_be_sent_in_parts_may_be_sent_whole(direct, services, left):
    offer = direct.begin(len(LARGE), multipart=True)
    direct.put_parts(offer, LARGE, only={1})
    assert direct.put(offer["upload_url"], LARGE, offer["headers"]).status == 200
    assert direct.complete(offer["video_id"]).status_code == 200
    assert left()[0] == [source_key(offer["video_id"])]


def test_parts_of_a_file_that_was_not_asked_for_in_parts_are_refused(direct):
    offer = direct.begin()
    direct.put(offer["upload_url"], MP4, offer["headers"])
    told = direct.complete(offer["video_id"], parts=[{"part_number": 1, "etag": "x"}])
    failed(told, 400, "VALIDATION_ERROR")
    assert direct.complete(offer["video_id"]).status_code == 200


# Killed in between


@ON_BOTH
def test_who_was_killed_while_completing_is_followed_by_another(direct, services, clock, used):
    offer = direct.begin(len(LARGE), multipart=True)
    parts = direct.put_parts(offer, LARGE)
    custody = services.direct.custody
    upload = custody.uploads.get(offer["video_id"], direct.person.user.id)
    now = services.direct.now()
    assert custody.uploads.claim(upload, "of the dead", now, now + dt.timedelta(minutes=2))
    named = [Part(number=part["part_number"], etag=part["etag"]) for part in parts]
    services.storage.finish(source_key(upload.id), upload.multipart_id, named)
    failed(direct.complete(offer["video_id"], parts=parts), 423, "LOCKED")
    failed(direct.abort(offer["video_id"]), 423, "LOCKED")
    clock.forward(minutes=3)
    assert direct.complete(offer["video_id"], parts=parts).status_code == 200
    assert videos(services) == [offer["video_id"]]
    assert used() == len(LARGE)


def test_a_lease_that_is_lost_changes_nothing(direct, services):
    offer = direct.begin()
    direct.put(offer["upload_url"], MP4, offer["headers"])
    uploads = services.direct.custody.uploads
    upload = uploads.get(offer["video_id"], direct.person.user.id)
    finish = services.direct.custody.transactions.run
    assert finish(lambda within: uploads.finish(upload.id, "not mine", within)) is False
    assert uploads.state_of(upload.id) is UploadState.OPEN


@ON_BOTH
def test_a_source_that_no_video_is_known_of_is_removed_after_a_day(
    direct, services, clock, left, tmp_path
):
    lost = tmp_path / "lost"
    lost.write_bytes(MP4)
    services.storage.adopt(lost, source_key(NOBODY))
    done = direct.upload().get_json()
    assert services.uploads.discard_abandoned() == 0
    clock.forward(hours=25)
    assert services.uploads.discard_abandoned() == 1
    assert left()[0] == [source_key(done["id"])]
