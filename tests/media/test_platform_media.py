"""Bytes of the platform API: uploads in, progressive MP4 and pictures out (document 003)."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from config import Settings
from models.video import ProcessingStatus, Video, Visibility
from services.videos.keys import poster_key, progressive_key, source_key
from tests.families.test_platform_videos import VIDEO
from tests.wire import MP4, UUID, Untouched, body_of, failed, fields_of, stored_files

CONTENT = bytes(range(256)) * 40
ENCODED_FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def form(content: bytes = MP4, filename: str = "clip.mp4", **fields: str) -> dict[str, object]:
    return {"title": "A clip", **fields, "file": (io.BytesIO(content), filename)}


# Uploads


def test_an_upload_answers_its_video_and_waits_for_a_worker(client, ann, services):
    answer = client.post(
        "/api/videos",
        data=form(
            title="  A clip ",
            description="Long",
            category="music",
            tags=" a, b ,a,",
            visibility="unlisted",
        ),
        headers=ann.headers,
    )
    assert answer.status_code == 201
    video = answer.json
    assert set(video) == VIDEO
    assert UUID.fullmatch(video["id"])
    assert (video["title"], video["description"], video["category"]) == ("A clip", "Long", "music")
    assert (video["tags"], video["visibility"]) == (["a", "b"], "unlisted")
    assert (video["processing_status"], video["status"]) == ("uploaded", "pending")
    assert (video["playable"], video["playback_token"]) == (False, None)
    assert video["author"]["id"] == ann.user.id
    assert video["processing"] == {
        "stage": "queued",
        "percent": 0.0,
        "attempts": 0,
        "error_code": None,
        "error_message": None,
    }
    shown = client.get(f"/api/videos/{video['id']}", headers=ann.headers).json
    # Who has just uploaded it has not liked it yet, and is not told so.
    assert shown | {"user_action": None, "user_interaction": None} == video
    assert services.storage.file(source_key(video["id"])).read_bytes() == MP4
    assert services.catalogue.videos.get(video["id"]).source.filename == "clip.mp4"


def test_an_upload_is_the_only_file_it_leaves(client, ann, services, settings):
    video_id = client.post("/api/videos", data=form(), headers=ann.headers).json["id"]
    assert stored_files(settings) == [settings.media_root / source_key(video_id)]


def test_an_upload_is_queued_once_by_its_id(client, ann, services):
    video_id = client.post("/api/videos", data=form(), headers=ann.headers).json["id"]
    assert services.queue.length() == 1
    job = RqJob.fetch(
        f"process_video-{video_id}", services.queue.rq.connection, serializer=JSONSerializer
    )
    assert (job.func_name, list(job.args)) == ("workers.jobs.process_video", [video_id])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"title": ""}, "title"), ({"title": "   "}, "title"), ({"title": "t" * 101}, "title"),
        ({"description": "d" * 5001}, "description"), ({"category": "c" * 101}, "category"),
        ({"tags": ",".join(map(str, range(31)))}, "tags"), ({"tags": "t" * 101}, "tags.0"),
        ({"visibility": "secret"}, "visibility"), ({"author_id": "somebody"}, "author_id"),
    ],
)  # fmt: skip
def test_an_upload_with_wrong_details_is_refused_and_leaves_nothing(
    client, ann, services, settings, changed, field
):
    answer = client.post("/api/videos", data=form(**changed), headers=ann.headers)
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {field}
    assert_nothing_is_left(services, settings)


@pytest.mark.parametrize("path", ["/api/videos", "/videos"])
def test_tags_come_in_one_field_or_in_several(client, ann, path):
    """As PATCH and PUT take them; forms repeat the name of a list."""
    for sent in ("one, Two,#one", ["one", "Two", "#one"], ["one,two"]):
        answer = client.post(path, data=form() | {"tags": sent}, headers=ann.headers)
        assert answer.json["tags"] == ["one", "two"], sent
    long = [f"{number:02}".ljust(100, "t") for number in range(30)]
    made = client.post(path, data=form() | {"tags": ",".join(long)}, headers=ann.headers)
    assert made.json["tags"] == long


@pytest.mark.parametrize("path", ["/api/videos", "/videos", "/api/videos/x/content"])
@pytest.mark.parametrize("kind", ["video/mp4", "application/json", "application/octet-stream"])
def test_what_is_no_form_is_said_to_be_none(client, ann, services, settings, path, kind):
    answer = client.post(path, data=MP4, headers=ann.headers | {"Content-Type": kind})
    failed(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert_nothing_is_left(services, settings)


@pytest.mark.parametrize(
    "data",
    [
        {"title": "A clip"},
        {"title": "A clip", "file": "not a file but a field"},
        {"title": "A clip", "other": (io.BytesIO(MP4), "clip.mp4")},
    ],
    ids=["none", "a text field", "another name"],
)
def test_an_upload_without_a_file_is_refused(client, ann, services, settings, data):
    answer = client.post("/api/videos", data=data, headers=ann.headers)
    body = failed(answer, 400, "VALIDATION_ERROR")
    assert "file" in fields_of(body)
    assert_nothing_is_left(services, settings)


def test_an_upload_without_a_title_is_refused(client, ann, services, settings):
    data = {"file": (io.BytesIO(MP4), "clip.mp4")}
    answer = client.post("/api/videos", data=data, headers=ann.headers)
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"title"}
    assert_nothing_is_left(services, settings)


def test_an_empty_file_is_refused(client, ann, services, settings):
    answer = client.post("/api/videos", data=form(b""), headers=ann.headers)
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"file"}
    assert_nothing_is_left(services, settings)


@pytest.mark.parametrize(
    "content",
    [
        b"hello", b"\xff\xd8\xff\xe0 JFIF", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"RIFF....WAVE",
        b"MZ", b"\x00",
    ],
)  # fmt: skip
def test_what_is_no_video_is_refused_whatever_its_name(client, ann, services, settings, content):
    answer = client.post("/api/videos", data=form(content * 20, "clip.mp4"), headers=ann.headers)
    body = failed(answer, 415, "FILE_FORMAT_NOT_SUPPORTED")
    assert set(fields_of(body)) == {"file"}
    assert_nothing_is_left(services, settings)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\x.mp4", "a\x00b.mp4", "x" * 5000, "видео.txt", ".mp4"]
)
def test_the_name_of_a_file_decides_nothing(client, ann, services, settings, name):
    answer = client.post("/api/videos", data=form(filename=name), headers=ann.headers)
    assert answer.status_code == 201
    assert stored_files(settings) == [settings.media_root / source_key(answer.json["id"])]


def test_a_json_upload_is_refused_as_an_upload_without_a_file(client, ann):
    answer = client.post("/api/videos", json={"title": "A clip"}, headers=ann.headers)
    assert answer.status_code in {400, 415}
    failed(answer, answer.status_code, answer.json["error_code"])


@pytest.mark.parametrize(
    "body",
    [b"", b"--b", b"--b\r\nContent-Disposition: form-data; name=title\r\n\r\nx", b"nonsense" * 100],
)
def test_a_broken_form_is_refused_and_leaves_nothing(client, ann, services, settings, body):
    answer = client.post("/api/videos", data=body, headers=ann.headers | ENCODED_FORM)
    failed(answer, 400, "VALIDATION_ERROR")
    assert_nothing_is_left(services, settings)


def test_a_connection_that_breaks_within_the_file_leaves_nothing(client, ann, services, settings):
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    answer = client.post(
        "/api/videos",
        environ_overrides=body_of(io.BytesIO(head + MP4 * 1000), 10_000_000),
        headers=ann.headers | ENCODED_FORM,
    )
    failed(answer, 400, "VALIDATION_ERROR")
    assert_nothing_is_left(services, settings)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}])
def test_who_may_not_upload_is_told_before_the_body_is_read(client, headers, services, settings):
    answer = client.post(
        "/api/videos",
        environ_overrides=body_of(Untouched(), 1_000_000),
        headers=headers | ENCODED_FORM,
    )
    failed(answer, 401, "UNAUTHORIZED")
    assert_nothing_is_left(services, settings)


def assert_nothing_is_left(services, settings: Settings) -> None:
    assert stored_files(settings) == []
    assert services.queue.length() == 0
    assert services.catalogue.videos.collection.count_documents({}) == 0


class TestWithALowLimit:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, max_video_bytes=5000)

    def test_a_file_of_just_that_size_is_taken(self, client, ann):
        data = form(MP4.ljust(5000, b"\x00"))
        assert client.post("/api/videos", data=data, headers=ann.headers).status_code == 201

    @pytest.mark.parametrize("size", [5001, 500_000, 2_000_000])
    def test_a_larger_file_is_refused_and_leaves_nothing(
        self, client, ann, services, settings, size
    ):
        data = form(MP4.ljust(size, b"\x00"))
        answer = client.post("/api/videos", data=data, headers=ann.headers)
        failed(answer, 413, "PAYLOAD_TOO_LARGE")
        assert_nothing_is_left(services, settings)

    def test_a_body_that_announces_too_much_is_not_read(self, client, ann, services, settings):
        answer = client.post(
            "/api/videos",
            environ_overrides=body_of(Untouched(), 10**12),
            headers=ann.headers | ENCODED_FORM,
        )
        failed(answer, 413, "PAYLOAD_TOO_LARGE")
        assert_nothing_is_left(services, settings)

    def test_a_text_field_as_large_as_a_file_is_refused(self, client, ann, services, settings):
        answer = client.post(
            "/api/videos", data=form(description="d" * 1_040_000), headers=ann.headers
        )
        assert answer.status_code in {400, 413}
        assert_nothing_is_left(services, settings)


class TestWithoutRedis:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, redis_url="redis://127.0.0.1:1/0")

    def test_an_upload_is_kept_for_the_sweeper(self, client, ann, services):
        answer = client.post("/api/videos", data=form(), headers=ann.headers)
        assert answer.status_code == 201
        assert services.storage.file(source_key(answer.json["id"])) is not None
        assert list(services.catalogue.videos.stalled(services.transcoding.now())) in (
            [answer.json["id"]],
            [],  # still within the millisecond of its arrival
        )


def test_the_sweeper_queues_what_was_never_queued(client, ann, services, clock):
    video_id = client.post("/api/videos", data=form(), headers=ann.headers).json["id"]
    services.queue.rq.empty()
    clock.forward(seconds=1)
    for _ in range(3):
        services.transcoding.sweep()
        assert services.queue.rq.job_ids == [f"process_video-{video_id}"]


# What is sent


@pytest.fixture
def processed(add_video, ann, services, tmp_path: Path) -> Video:
    """A video of ann's with a file and a picture behind it."""
    video: Video = add_video(ann, has_poster=True)
    for key, content in ((progressive_key(video.id), CONTENT), (poster_key(video.id), b"\xff\xd8")):
        file = tmp_path / "made"
        file.write_bytes(content)
        services.storage.adopt(file, key)
    values = {"progressive": progressive_key(video.id)}
    services.catalogue.videos.collection.update_one({"id": video.id}, {"$set": values})
    return video


@pytest.fixture
def stream(client, ann, processed: Video):
    """Ask for the processed video as a player of ann's would."""
    path = f"/api/videos/{processed.id}"
    token = client.get(path, headers=ann.headers).json["playback_token"]

    def ask(**headers: str):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get(f"{path}/stream?token={token}", headers=ann.headers | named)

    return ask


def test_a_stream_is_the_whole_file_unless_asked(stream):
    answer = stream()
    assert (answer.status_code, answer.data) == (200, CONTENT)
    assert answer.content_type == "video/mp4"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"].startswith("private")
    assert answer.headers["ETag"]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("0-0", 0, 0),
        ("100-199", 100, 199),
        ("10200-", 10200, 10239),
        ("-5", 10235, 10239),
        ("0-99999", 0, 10239),
    ],
)
def test_a_stream_answers_byte_ranges(stream, asked, first, last):
    answer = stream(Range=f"bytes={asked}")
    assert (answer.status_code, answer.data) == (206, CONTENT[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["99999-", "10240-10250"])
def test_a_range_beyond_the_end_cannot_be_satisfied(stream, asked):
    answer = stream(Range=f"bytes={asked}")
    failed(answer, 416, "VALIDATION_ERROR")
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


def test_a_changed_file_is_sent_whole_to_who_resumes_an_old_one(stream):
    etag = stream().headers["ETag"]
    resumed = stream(Range="bytes=10-", If_Range=etag)
    assert (resumed.status_code, resumed.data) == (206, CONTENT[10:])
    assert stream(Range="bytes=10-", If_Range='"another"').data == CONTENT
    assert stream(If_None_Match=etag).status_code == 304


def test_a_head_request_says_how_long_the_file_is(client, ann, processed):
    path = f"/api/videos/{processed.id}"
    token = client.get(path, headers=ann.headers).json["playback_token"]
    answer = client.head(f"{path}/stream?token={token}", headers=ann.headers)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.content_length == len(CONTENT)


def test_a_video_without_a_file_of_its_own_says_so(client, ann, services):
    video = services.seeding.youtube()[0]
    token = services.catalogue.tokens.playback(ann.user.id, video)
    answer = client.get(f"/api/videos/{video.id}/stream?token={token}", headers=ann.headers)
    failed(answer, 404, "NOT_FOUND")


def test_a_file_that_storage_lost_is_not_found(stream, services, processed):
    services.storage.remove(progressive_key(processed.id))
    failed(stream(), 404, "NOT_FOUND")


def test_a_picture_is_sent_to_whoever_may_see_the_video(client, ann, bob, processed, services):
    path = f"/api/videos/{processed.oid}/thumbnail"
    answer = client.get(path)
    assert (answer.status_code, answer.data, answer.content_type) == (
        200,
        b"\xff\xd8",
        "image/jpeg",
    )
    services.catalogue.videos.collection.update_one(
        {"id": processed.id}, {"$set": {"visibility": Visibility.PRIVATE}}
    )
    failed(client.get(path), 404, "NOT_FOUND")
    failed(client.get(path, headers=bob.headers), 404, "NOT_FOUND")
    assert client.get(path, headers=ann.headers).status_code == 200


def test_a_video_without_a_picture_says_so(client, ann, add_video):
    video = add_video(ann, processing_status=ProcessingStatus.PROCESSING)
    failed(client.get(f"/api/videos/{video.id}/thumbnail"), 404, "NOT_FOUND")


def test_a_seeded_video_has_a_picture_of_its_own(client, services):
    video = services.seeding.youtube()[0]
    answer = client.get(f"/api/videos/{video.id}/thumbnail")
    assert answer.status_code == 200
    assert answer.data.startswith(b"\xff\xd8")


class TestBehindNginx:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, x_accel_redirect=True)

    def test_nginx_is_told_which_file_to_send(self, stream, processed):
        answer = stream()
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.headers["X-Accel-Redirect"] == f"/_media/progressive/{processed.id}.mp4"
        assert answer.content_type == "video/mp4"
