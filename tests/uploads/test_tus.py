"""Conformance with tus 1.0, request by request: what the protocol says of each, and what we add."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest

from config import Settings
from services.adapters.incoming import Incoming
from services.videos.keys import source_key
from tests.tus import BYTES, ROOT, Tus, checksum, said
from tests.wire import MP4, NOBODY, UUID, Untouched, body_of, failed, fields_of, stored_files

FILM = MP4 * 3
SIZE = len(FILM)


@pytest.fixture
def tus(client, ann) -> Tus:
    return Tus(client, ann)


@pytest.fixture
def path(tus) -> str:
    """An upload that waits for its first byte."""
    return tus.begin(SIZE)


def nothing_is_left(services, settings: Settings, person) -> None:
    assert stored_files(settings) == []
    assert services.queue.length() == 0
    assert services.catalogue.videos.collection.count_documents({}) == 0
    assert services.quota.quotas.used(person.user.id, dt.datetime.min.replace(tzinfo=dt.UTC)) == 0


# What this server can do


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/{NOBODY}"])
def test_anybody_may_ask_what_is_spoken_here(client, path, settings):
    answer = client.options(path)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Tus-Resumable"] == answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation", "creation-with-upload", "creation-defer-length", "checksum", "termination",
        "expiration",
    }  # fmt: skip
    assert answer.headers["Tus-Max-Size"] == str(settings.max_video_bytes)
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1", "", "2.0.0"])
@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
def test_another_version_is_refused_with_ours_and_changes_nothing(tus, path, method, version):
    answer = tus.ask(
        method,
        ROOT if method == "POST" else path,
        headers={**BYTES, "Tus-Resumable": version, "Upload-Offset": "0", "Upload-Length": "9"},
        environ_overrides=body_of(Untouched(), 9),
    )
    assert answer.status_code == 412
    assert answer.headers["Tus-Resumable"] == answer.headers["Tus-Version"] == "1.0.0"
    assert tus.offset(path) == 0


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}])
@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE", "GET"])
def test_nobody_uploads_without_a_token(client, path, headers, method):
    answer = client.open(ROOT if method == "POST" else path, method=method, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["Tus-Resumable"] == "1.0.0"


# Creation


def test_a_creation_answers_where_to_send_the_bytes_and_until_when(tus, clock):
    answer = tus.create(SIZE)
    assert (answer.status_code, answer.data) == (201, b"")
    location = answer.headers["Location"]
    assert UUID.fullmatch(location.removeprefix(f"http://localhost{ROOT}/"))
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == ("0", str(SIZE))
    left = parsedate_to_datetime(answer.headers["Upload-Expires"]) - clock()
    assert dt.timedelta(hours=22) < left <= dt.timedelta(hours=23)
    assert "X-Video-Id" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({}, "Upload-Length"),
        ({"Upload-Length": "9", "Upload-Defer-Length": "1"}, "Upload-Length"),
        ({"Upload-Defer-Length": "2"}, "Upload-Defer-Length"),
        *(
            ({"Upload-Length": length}, "Upload-Length")
            for length in ("-1", "1.5", "1e3", "0x10", "1_0", " ", "0", "nine", "9" * 19, "+9")
        ),
        ({"Upload-Length": "9", "Upload-Concat": "partial"}, "Upload-Concat"),
        ({"Upload-Length": "9", "Upload-Checksum": "sha1 AAAA"}, "Upload-Checksum"),
    ],
)
def test_a_wrong_creation_is_refused_and_leaves_nothing(
    tus, ann, services, settings, headers, field
):
    answer = tus.create(**headers)
    assert field in fields_of(failed(answer, 400, "VALIDATION_ERROR"))
    nothing_is_left(services, settings, ann)


@pytest.mark.parametrize(
    "metadata",
    [
        "title not-base64", "title aGk=,title aGk=", "tïtle aGk=", "title aGk=,,",
        ",", "title  aGk=x", "title /w==", said(title="t" * 101), said(visibility="no"),
        said(tags=",".join(map(str, range(31)))), f"x {'A' * 29000}",
    ],
)  # fmt: skip
def test_metadata_is_read_strictly(tus, ann, services, settings, metadata):
    answer = tus.create(SIZE, **{"Upload-Metadata": metadata})
    failed(answer, 400, "VALIDATION_ERROR")
    nothing_is_left(services, settings, ann)


@pytest.mark.parametrize(
    ("metadata", "title"),
    [
        (said(title=" Grüße "), "Grüße"), (said(filename="C:\\films\\a film.mp4"), "a film"),
        (said(name="b.mov", type="video/quicktime"), "b"), ("", "Untitled"),
        (f"{said(title='x')},is_confidential", "x"), (said(filename="../../etc/passwd"), "passwd"),
    ],
)  # fmt: skip
def test_a_video_is_called_what_its_metadata_says(tus, client, ann, metadata, title):
    path = tus.begin(SIZE, **{"Upload-Metadata": metadata})
    assert tus.ask("HEAD", path).headers.get("Upload-Metadata", "") == metadata
    video_id = tus.patch(path, 0, FILM).headers["X-Video-Id"]
    assert client.get(f"/videos/{video_id}", headers=ann.headers).json["title"] == title


def test_all_that_metadata_says_becomes_the_videos(tus, client, ann, services):
    told = said(
        filename="clip.mp4", filetype="video/mp4", title="A clip", description="Long",
        category="music", tags=" a, b ,a,", visibility="unlisted",
    )  # fmt: skip
    path = tus.begin(SIZE, **{"Upload-Metadata": told})
    video_id = tus.patch(path, 0, FILM).headers["X-Video-Id"]
    video = client.get(f"/api/videos/{video_id}", headers=ann.headers).json
    assert (video["title"], video["description"], video["category"]) == ("A clip", "Long", "music")
    assert (video["tags"], video["visibility"]) == (["a", "b"], "unlisted")
    assert services.catalogue.videos.get(video_id).source.filename == "clip.mp4"


def test_a_creation_may_bring_the_first_bytes(tus, ann):
    answer = tus.ask("POST", ROOT, headers={**BYTES, "Upload-Length": str(SIZE)}, data=FILM[:50])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "50")
    path = answer.headers["Location"].removeprefix("http://localhost")
    assert "X-Video-Id" in tus.patch(path, 50, FILM[50:]).headers


def test_a_creation_may_bring_all_bytes(tus, services):
    answer = tus.ask("POST", ROOT, headers={**BYTES, "Upload-Length": str(SIZE)}, data=FILM)
    video_id = answer.headers["X-Video-Id"]
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, str(SIZE))
    assert services.storage.file(source_key(video_id)).read_bytes() == FILM


@pytest.mark.parametrize(
    ("headers", "data", "status"),
    [
        ({"Content-Type": "video/mp4"}, FILM, 415),
        ({**BYTES, **checksum(b"other")}, FILM, 460),
        ({**BYTES, "Upload-Length": "9"}, FILM, 413),
        ({**BYTES, "Upload-Length": "9"}, b"not video", 415),
    ],
)
def test_a_creation_whose_bytes_are_refused_leaves_nothing(
    tus, ann, services, settings, headers, data, status
):
    answer = tus.ask("POST", ROOT, headers={"Upload-Length": str(SIZE), **headers}, data=data)
    assert answer.status_code == status
    nothing_is_left(services, settings, ann)
    assert services.resumable.uploads.collection.count_documents({}) == 0


def test_a_length_may_be_told_later(tus):
    path = tus.begin(**{"Upload-Defer-Length": "1"})
    asked = tus.ask("HEAD", path).headers
    assert asked["Upload-Defer-Length"] == "1"
    assert "Upload-Length" not in asked
    assert tus.patch(path, 0, FILM[:50]).headers["Upload-Offset"] == "50"
    answer = tus.patch(path, 50, FILM[50:], headers={"Upload-Length": str(SIZE)})
    assert (answer.status_code, answer.headers["Upload-Length"]) == (204, str(SIZE))
    assert "X-Video-Id" in answer.headers


def test_a_length_may_be_told_with_no_bytes_left_to_send(tus):
    path = tus.begin(**{"Upload-Defer-Length": "1"})
    tus.patch(path, 0, FILM)
    assert "X-Video-Id" in tus.patch(path, SIZE, headers={"Upload-Length": str(SIZE)}).headers


def test_a_length_is_told_once_and_not_below_what_there_is(tus, path):
    failed(tus.patch(path, 0, b"x", headers={"Upload-Length": "9"}), 409, "CONFLICT")
    deferred = tus.begin(**{"Upload-Defer-Length": "1"})
    tus.patch(deferred, 0, FILM)
    failed(tus.patch(deferred, SIZE, headers={"Upload-Length": "9"}), 409, "CONFLICT")


def test_a_part_of_unknown_length_of_an_upload_of_unknown_length_is_refused(tus):
    path = tus.begin(**{"Upload-Defer-Length": "1"})
    answer = tus.patch(path, 0, environ_overrides=body_of(Untouched(), None))
    failed(answer, 400, "VALIDATION_ERROR")


# Going on


def test_a_part_moves_the_offset_and_the_last_one_makes_the_video(tus, path, client, ann, services):
    first = tus.patch(path, 0, FILM[:100])
    assert (first.status_code, first.data, first.headers["Upload-Offset"]) == (204, b"", "100")
    assert "Upload-Expires" in first.headers
    assert "X-Video-Id" not in first.headers
    last = tus.patch(path, 100, FILM[100:])
    video_id = last.headers["X-Video-Id"]
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(SIZE))
    assert "Upload-Expires" not in last.headers
    assert services.storage.file(source_key(video_id)).read_bytes() == FILM
    assert services.queue.length() == 1
    assert client.get(f"/api/videos/{video_id}", headers=ann.headers).json["status"] == "pending"


def test_a_video_is_the_only_file_that_an_upload_leaves(tus, path, settings):
    video_id = tus.patch(path, 0, FILM).headers["X-Video-Id"]
    assert stored_files(settings) == [settings.media_root / source_key(video_id)]


def test_an_upload_is_asked_for_how_far_it_is(tus, path):
    tus.patch(path, 0, FILM[:7])
    answer = tus.ask("HEAD", path)
    assert (answer.status_code, answer.data) == (200, b"")
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == ("7", str(SIZE))
    assert answer.headers["Cache-Control"] == "no-store"


def test_progress_can_be_read_as_json(tus, path, client, ann):
    tus.patch(path, 0, FILM[:84])
    upload_id = path.rpartition("/")[2]
    expected = {"id": upload_id, "offset": 84, "size": SIZE, "percent": 25.0, "videoId": None}
    assert client.get(path, headers=ann.headers).json == {**expected, "status": "uploading"}
    video_id = tus.patch(path, 84, FILM[84:]).headers["X-Video-Id"]
    expected |= {"offset": SIZE, "percent": 100.0, "videoId": video_id}
    assert client.get(path, headers=ann.headers).json == {**expected, "status": "completed"}


@pytest.mark.parametrize("offset", [0, 99, 101, SIZE, SIZE + 1])
def test_a_part_at_another_offset_is_refused_before_it_is_read(tus, path, offset):
    tus.patch(path, 0, FILM[:100])
    answer = tus.patch(path, offset, environ_overrides=body_of(Untouched(), 5))
    failed(answer, 409, "CONFLICT")
    assert tus.offset(path) == 100


@pytest.mark.parametrize("offset", ["", "-1", "x", "1.0"])
def test_an_offset_that_is_none_is_refused(tus, path, offset):
    answer = tus.patch(path, offset, environ_overrides=body_of(Untouched(), 5))
    assert "Upload-Offset" in fields_of(failed(answer, 400, "VALIDATION_ERROR"))


@pytest.mark.parametrize("kind", [None, "application/octet-stream", "multipart/form-data"])
def test_bytes_of_another_type_are_refused_before_they_are_read(tus, path, kind):
    answer = tus.patch(
        path, 0, headers={"Content-Type": kind}, environ_overrides=body_of(Untouched(), 5)
    )
    failed(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_more_than_was_announced_is_refused_before_it_is_read(tus, path):
    tus.patch(path, 0, FILM[:100])
    answer = tus.patch(path, 100, environ_overrides=body_of(Untouched(), SIZE - 99))
    failed(answer, 413, "PAYLOAD_TOO_LARGE")
    assert tus.offset(path) == 100


def test_more_than_was_announced_in_a_body_of_unknown_length_is_not_kept(tus, path):
    tus.patch(path, 0, FILM[:100])
    stream = io.BytesIO(FILM[100:] + b"x")
    failed(tus.patch(path, 100, environ_overrides=body_of(stream, None)), 413, "PAYLOAD_TOO_LARGE")
    assert tus.offset(path) == 100
    assert "X-Video-Id" in tus.patch(path, 100, FILM[100:]).headers


def test_a_body_of_unknown_length_is_taken(tus, path):
    answer = tus.patch(path, 0, environ_overrides=body_of(io.BytesIO(FILM), None))
    assert "X-Video-Id" in answer.headers


def test_bytes_of_a_connection_that_breaks_are_kept(tus, path, services):
    answer = tus.patch(path, 0, environ_overrides=body_of(io.BytesIO(FILM[:150]), SIZE))
    failed(answer, 400, "VALIDATION_ERROR")
    assert tus.offset(path) == 150
    video_id = tus.patch(path, 150, FILM[150:]).headers["X-Video-Id"]
    assert services.storage.file(source_key(video_id)).read_bytes() == FILM


def test_bytes_that_a_killed_server_wrote_but_did_not_acknowledge_are_written_anew(
    tus, path, services
):
    tus.patch(path, 0, FILM[:100])
    (file,) = services.storage.incoming().iterdir()
    with file.open("ab") as opened:
        opened.write(b"torn")
    assert tus.offset(path) == 100
    video_id = tus.patch(path, 100, FILM[100:]).headers["X-Video-Id"]
    assert services.storage.file(source_key(video_id)).read_bytes() == FILM


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_while_somebody_writes_others_are_told_to_wait(tus, path, services, method):
    name = next(services.storage.incoming().iterdir()).name
    with Incoming(services.storage.incoming).hold(name):
        answer = tus.ask(
            method,
            path,
            headers={**BYTES, "Upload-Offset": "0"},
            environ_overrides=body_of(Untouched(), 5),
        )
        failed(answer, 423, "LOCKED")
        assert tus.offset(path) == 0
    assert "X-Video-Id" in tus.patch(path, 0, FILM).headers


def test_the_method_may_stand_in_a_header(tus, path):
    def override(method: str, **headers: str):
        return tus.ask(
            "POST", path, headers={"X-HTTP-Method-Override": method, **headers}, data=FILM[:9]
        )

    assert override("PATCH", **BYTES, **{"Upload-Offset": "0"}).status_code == 204
    assert override("HEAD").headers["Upload-Offset"] == "9"
    assert override("DELETE").status_code == 204
    assert override("HEAD").status_code == 404
    failed(override("BREW"), 405, "VALIDATION_ERROR")


# Checksums


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_part_with_its_checksum_is_taken(tus, path, algorithm):
    answer = tus.patch(path, 0, FILM[:50], headers=checksum(FILM[:50], algorithm))
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "50")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_part_with_another_checksum_is_not_kept(tus, path, services, algorithm):
    tus.patch(path, 0, FILM[:10])
    answer = tus.patch(path, 10, FILM[10:], headers=checksum(b"something else", algorithm))
    failed(answer, 460, "CHECKSUM_MISMATCH")
    assert tus.offset(path) == 10
    assert services.queue.length() == 0
    good = tus.patch(path, 10, FILM[10:], headers=checksum(FILM[10:], algorithm))
    video_id = good.headers["X-Video-Id"]
    assert services.storage.file(source_key(video_id)).read_bytes() == FILM


def test_of_a_part_that_breaks_off_before_its_checksum_can_be_found_nothing_is_kept(tus, path):
    broken = body_of(io.BytesIO(FILM[:150]), SIZE)
    answer = tus.patch(path, 0, headers=checksum(FILM), environ_overrides=broken)
    failed(answer, 400, "VALIDATION_ERROR")
    assert tus.offset(path) == 0


@pytest.mark.parametrize(
    "value", ["crc32 AAAA", "sha1", "sha1 ???", "sha1 AAAA", "SHA1 AAAA", "md5  AAAA", "x"]
)
def test_a_checksum_that_is_none_is_refused_before_the_body_is_read(tus, path, value):
    answer = tus.patch(
        path,
        0,
        headers={"Upload-Checksum": value},
        environ_overrides=body_of(Untouched(), 5),
    )
    assert "Upload-Checksum" in fields_of(failed(answer, 400, "VALIDATION_ERROR"))


# The end


def test_the_last_part_may_be_sent_again_and_is_answered_as_before(tus, path, services):
    tus.patch(path, 0, FILM[:100])
    answers = [tus.patch(path, 100, FILM[100:]) for _ in range(3)]
    answers += [tus.patch(path, SIZE), tus.ask("HEAD", path)]
    assert len({answer.headers["X-Video-Id"] for answer in answers}) == 1
    assert {answer.headers["Upload-Offset"] for answer in answers} == {str(SIZE)}
    assert services.catalogue.videos.collection.count_documents({}) == 1
    assert services.queue.length() == 1


def test_nothing_can_be_added_to_what_is_finished(tus, path):
    tus.patch(path, 0, FILM)
    failed(tus.patch(path, SIZE, b"more"), 409, "CONFLICT")
    failed(tus.patch(path, 0, b"x"), 409, "CONFLICT")


def test_what_is_no_video_is_refused_at_its_last_byte_and_leaves_nothing(
    tus, ann, services, settings
):
    path = tus.begin(9)
    failed(tus.patch(path, 0, b"not video"), 415, "FILE_FORMAT_NOT_SUPPORTED")
    body = failed(tus.ask("GET", path), 410, "GONE")
    assert "not a video file" in body["message"]
    assert tus.ask("HEAD", path).status_code == 410
    failed(tus.patch(path, 9), 410, "GONE")
    nothing_is_left(services, settings, ann)


def test_an_upload_that_is_given_up_leaves_nothing(tus, path, ann, services, settings):
    tus.patch(path, 0, FILM[:100])
    answer = tus.ask("DELETE", path)
    assert (answer.status_code, answer.data) == (204, b"")
    assert tus.ask("HEAD", path).status_code == 404
    failed(tus.patch(path, 100, FILM[100:]), 404, "NOT_FOUND")
    failed(tus.ask("DELETE", path), 404, "NOT_FOUND")
    nothing_is_left(services, settings, ann)


def test_what_has_become_a_video_is_not_given_up_here(tus, path, services):
    tus.patch(path, 0, FILM)
    failed(tus.ask("DELETE", path), 409, "CONFLICT")
    assert services.catalogue.videos.collection.count_documents({}) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "DELETE"])
@pytest.mark.parametrize("whose", ["bob's", "nobody's", "nonsense"])
def test_an_upload_of_another_looks_like_none(client, bob, tus, path, method, whose):
    upload_id = {"bob's": path.rpartition("/")[2], "nobody's": NOBODY, "nonsense": "x"}[whose]
    asking = Tus(client, bob)
    answer = asking.ask(
        method, f"{ROOT}/{upload_id}", headers={**BYTES, "Upload-Offset": "0"}, data=None
    )
    assert answer.status_code == 404
    assert tus.offset(path) == 0


# Expiry


def test_an_upload_that_nobody_goes_on_with_expires_and_leaves_nothing(
    tus, path, ann, services, settings, clock
):
    tus.patch(path, 0, FILM[:100])
    clock.forward(hours=22)
    assert services.resumable.expire() == 0
    assert tus.offset(path) == 100
    clock.forward(hours=2)
    assert tus.ask("HEAD", path).status_code == 401  # the token is as old
    assert services.resumable.expire() == 1
    nothing_is_left(services, settings, ann)


def test_a_part_makes_an_upload_live_longer_but_not_for_ever(tus, path, services, clock):
    def expires(answer) -> dt.datetime:
        return parsedate_to_datetime(answer.headers["Upload-Expires"])

    first = expires(tus.patch(path, 0, FILM[:10]))
    clock.forward(hours=20)
    later = expires(tus.patch(path, 10, FILM[10:20]))
    assert dt.timedelta(hours=19) < later - first < dt.timedelta(hours=21)
    created = dt.datetime.now(dt.UTC) - dt.timedelta(days=6, hours=20)
    services.resumable.uploads.collection.update_one(
        {"user_id": tus.person.user.id}, {"$set": {"created_at": created}}
    )
    clock.forward(hours=-20)
    last = expires(tus.patch(path, 20, FILM[20:30]))
    assert last - dt.datetime.now(dt.UTC) < dt.timedelta(hours=5)


def test_what_has_expired_is_gone_and_then_forgotten(tus, path, services):
    over = {"$set": {"expires_at": dt.datetime.now(dt.UTC)}}
    services.resumable.uploads.collection.update_one({"user_id": tus.person.user.id}, over)
    assert tus.ask("HEAD", path).status_code == 410
    failed(tus.patch(path, 0, FILM), 410, "GONE")
    assert services.resumable.expire() == 1
    assert tus.ask("HEAD", path).status_code == 404


# CORS, and other limits


def test_a_page_elsewhere_may_upload_and_read_the_answers(client):
    asked = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,tus-resumable,upload-offset,content-type",
    }
    answer = client.options(f"{ROOT}/{NOBODY}", headers=asked).headers
    assert answer["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert {"PATCH", "HEAD", "DELETE"} <= set(answer["Access-Control-Allow-Methods"].split(", "))
    allowed = answer["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
    assert {"authorization", "tus-resumable", "upload-offset", "content-type"} <= set(allowed)
    answer = client.head(f"{ROOT}/{NOBODY}", headers={"Origin": "http://localhost:3000"}).headers
    exposed = set(answer["Access-Control-Expose-Headers"].split(", "))
    assert {"Location", "Upload-Offset", "Upload-Length", "X-Video-Id", "X-Request-ID"} <= exposed


class TestBehindAProxy:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, trusted_proxies=1)

    def test_the_address_of_an_upload_is_as_its_client_reaches_it(self, tus):
        seen = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "films.example.com"}
        location = tus.create(SIZE, **seen).headers["Location"]
        assert location.startswith(f"https://films.example.com{ROOT}/")


class TestWithALowLimit:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, max_video_bytes=5000)

    def test_a_larger_upload_is_refused_before_a_byte_is_read(self, tus, ann, services, settings):
        answer = tus.ask(
            "POST",
            ROOT,
            headers={**BYTES, "Upload-Length": "5001"},
            environ_overrides=body_of(Untouched(), 5001),
        )
        failed(answer, 413, "PAYLOAD_TOO_LARGE")
        nothing_is_left(services, settings, ann)

    def test_an_upload_of_just_that_size_is_taken(self, tus):
        path = tus.begin(5000)
        assert "X-Video-Id" in tus.patch(path, 0, MP4.ljust(5000, b"\0")).headers

    def test_an_upload_of_unknown_length_cannot_become_larger(self, tus):
        path = tus.begin(**{"Upload-Defer-Length": "1"})
        tus.patch(path, 0, b"x" * 4000)
        answer = tus.patch(path, 4000, environ_overrides=body_of(Untouched(), 1001))
        failed(answer, 413, "PAYLOAD_TOO_LARGE")
        answer = tus.patch(path, 4000, headers={"Upload-Length": "5001"})
        failed(answer, 413, "PAYLOAD_TOO_LARGE")
        assert tus.offset(path) == 4000


class TestLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, rate_limit_upload="2/hour", rate_limit_general="9/hour")

    def test_creations_are_counted_and_parts_are_not(self, tus):
        path = tus.begin(SIZE)
        for offset in range(20):
            assert tus.patch(path, offset, FILM[offset : offset + 1]).status_code == 204
        tus.begin(SIZE)
        failed(tus.create(SIZE), 429, "RATE_LIMITED")
        assert "X-Video-Id" in tus.patch(path, 20, FILM[20:]).headers
