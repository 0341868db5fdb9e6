"""What is sent to addresses of ours: on local disk they refuse what S3 would refuse."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

from services.videos.keys import source_key
from tests.direct import Direct
from tests.wire import MP4, Untouched, body_of, failed, stored_files

SIZE = len(MP4)


@pytest.fixture
def settings(settings):
    return replace(settings, upload_part_bytes=50)


@pytest.fixture
def direct(client, ann) -> Direct:
    return Direct(client, ann)


@pytest.fixture
def left(services, settings):
    """All that is on the disk, and how many uploads are known."""

    def look() -> tuple[list[str], int]:
        files = [str(path.relative_to(settings.media_root)) for path in stored_files(settings)]
        return files, services.direct.custody.uploads.collection.count_documents({})

    return look


def path_of(offer) -> str:
    return offer["upload_url"].removeprefix("http://localhost")


def test_another_length_is_refused_before_it_is_read(client, direct, left):
    offer = direct.begin()
    path = path_of(offer)
    for length, status, code in (
        (SIZE + 1, 413, "PAYLOAD_TOO_LARGE"),
        (SIZE - 1, 400, "VALIDATION_ERROR"),
    ):
        asked = {"environ_overrides": body_of(Untouched(), length)}
        failed(client.put(path, **asked), status, code)
    assert left()[0] == []


def test_a_body_of_unknown_length_is_cut_off_or_found_short(client, direct, left):
    offer = direct.begin()
    path = path_of(offer)
    for data, status, code in (
        (MP4 + b"x", 413, "PAYLOAD_TOO_LARGE"),
        (MP4[:-1], 400, "VALIDATION_ERROR"),
    ):
        asked = {"environ_overrides": body_of(io.BytesIO(data), None)}
        failed(client.put(path, **asked), status, code)
    assert left()[0] == []
    asked = {"environ_overrides": body_of(io.BytesIO(MP4), None)}
    assert client.put(path, **asked).status_code == 200


def test_another_type_than_was_announced_is_refused(direct):
    offer = direct.begin()
    assert direct.put(offer["upload_url"], MP4, {"Content-Type": "video/webm"}).status == 415
    assert direct.put(offer["upload_url"], MP4).status == 200


def test_an_address_that_is_not_ours_expired_or_for_reading_is_refused(
    client, direct, services, clock
):
    offer = direct.begin()
    path = path_of(offer)
    for bad in (path[:-1], f"{path}A", path.replace("/g", "/h"), "/upload/direct/\xe4"):
        failed(client.put(bad, data=MP4), 403, "FORBIDDEN")
    failed(client.get(path), 403, "FORBIDDEN")
    clock.forward(hours=12, minutes=1)
    failed(client.put(path, data=MP4), 410, "GONE")


def test_an_address_is_good_for_nothing_once_its_upload_has_ended(client, direct, left):
    done, gone = direct.begin(), direct.begin()
    direct.put(done["upload_url"])
    assert direct.complete(done["video_id"]).status_code == 200
    direct.abort(gone["video_id"])
    for offer in (done, gone):
        path = path_of(offer)
        asked = {"environ_overrides": body_of(Untouched(), SIZE)}
        failed(client.put(path, **asked), 410, "GONE")
    assert left()[0] == [source_key(done["video_id"])]


def test_what_is_aborted_while_it_is_sent_leaves_nothing(client, direct, left):
    class Aborting(io.BytesIO):
        def readinto(self, buffer):
            direct.abort(offer["video_id"])
            return super().readinto(buffer)

        def read(self, *size):
            direct.abort(offer["video_id"])
            return super().read(*size)

    offer = direct.begin()
    path = path_of(offer)
    asked = {"environ_overrides": body_of(Aborting(MP4), SIZE)}
    failed(client.put(path, **asked), 410, "GONE")
    assert left() == ([], 0)


def test_a_connection_that_breaks_leaves_nothing_and_can_be_tried_again(client, direct, left):
    class Broken(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, _buffer):
            raise ConnectionResetError

    offer = direct.begin()
    path = path_of(offer)
    answer = client.put(path, environ_overrides=body_of(Broken(), SIZE))
    assert answer.status_code >= 400
    assert left()[0] == []
    assert direct.put(offer["upload_url"]).status == 200


def test_no_answer_says_where_it_is_stored(direct):
    offer = direct.begin(SIZE, multipart=True)
    assert "sources" not in json.dumps(offer)


def test_a_stored_file_can_be_read_at_an_address_for_it(client, direct, services):
    video = direct.upload().get_json()
    path = services.storage.presigned_get(source_key(video["id"]), 60).url
    answer = client.get(path, headers={"Range": "bytes=4-7"})
    assert (answer.status_code, answer.data) == (206, b"ftyp")
    failed(client.put(path, data=MP4), 403, "FORBIDDEN")
