"""The ways in for a video, side by side: each makes the same of it, and refuses the same."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from services.uploads.quota import week_of
from services.videos.keys import source_key
from tests.direct import Direct
from tests.tus import Tus, said
from tests.wire import MP4, Untouched, body_of, failed, stored_files

SIZE = len(MP4)
FORMS = {"platform": "/api/videos", "client": "/videos"}
MIB = 1024**2


def by_form(path: str) -> Callable[..., Any]:
    def send(client, person, content: bytes):
        data = {"title": "T", "tags": "b,a", "file": (io.BytesIO(content), "x.mp4")}
        return client.post(path, data=data, headers=person.headers)

    return send


def by_tus(client, person, content: bytes):
    tus = Tus(client, person)
    about = {"Upload-Metadata": said(title="T", tags="b,a", filename="x.mp4")}
    made = tus.create(len(content), **about)
    if made.status_code != 201:
        return made
    return tus.patch(made.headers["Location"].removeprefix("http://localhost"), 0, content)


def direct(**options: Any) -> Callable[..., Any]:
    def send(client, person, content: bytes):
        way = Direct(client, person)
        asked = way.request(len(content), filename="x.mp4", **options)
        if asked.status_code != 200:
            return asked
        offer = asked.get_json()
        parts = way.put_parts(offer, content) if options else []
        if not options:
            assert way.put(offer["upload_url"], content).status == 200
        return way.complete(offer["video_id"], title="T", tags=["b", "a"], parts=parts)

    return send


WAYS = {
    "platform form": by_form(FORMS["platform"]),
    "client form": by_form(FORMS["client"]),
    "resumable": by_tus,
    "direct": direct(),
    "direct, in parts": direct(multipart=True),
}


@pytest.fixture(params=WAYS)
def send(request, client, ann) -> Callable[..., Any]:
    return lambda content: WAYS[request.param](client, ann, content)


@pytest.fixture
def used(services, ann):
    return lambda: services.quota.quotas.used(ann.user.id, week_of(services.quota.now()))


@pytest.fixture
def limit(services):
    """Set what an admin can."""

    def set_limit(**values: int) -> None:
        configuration = services.configuration
        changed = configuration.configurations.change(values, configuration._defaults())
        configuration.remembered.keep("", changed)

    return set_limit


def uploads_known(services) -> int:
    """But for those that only say why they were refused, until they expire."""
    found = services.resumable.uploads.collection.find({"id": {"$gt": ""}})
    return sum(row["state"] != "failed" for row in found)


def test_every_way_makes_the_same_video(send, services, ann, used, settings):
    assert send(MP4).status_code < 300
    (doc,) = services.catalogue.videos.collection.find({"id": {"$gt": ""}})
    video = services.catalogue.videos.get(doc["id"])
    assert (video.author_id, video.title, video.tags) == (ann.user.id, "T", ("b", "a"))
    assert (video.source.filename, video.source.size_bytes) == ("x.mp4", SIZE)
    assert (video.stored_bytes, used()) == (SIZE, SIZE)
    assert [path.read_bytes() for path in stored_files(settings)] == [MP4]
    assert services.storage.file(source_key(video.id)) is not None
    assert services.queue.length() == 1


REFUSED = {
    "not a video": (b"not a video", {}, 415, "FILE_FORMAT_NOT_SUPPORTED"),
    "empty": (b"", {}, 400, "VALIDATION_ERROR"),
    "too large": (MP4, {"max_file_size_bytes": SIZE - 1}, 413, "PAYLOAD_TOO_LARGE"),
    "too much": (MP4, {"weekly_upload_limit_bytes": SIZE - 1}, 403, "QUOTA_EXCEEDED"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_every_way_refuses_the_same_and_leaves_nothing(send, services, used, limit, settings, case):
    content, limits, status, code = REFUSED[case]
    limit(**limits)
    failed(send(content), status, code)
    assert used() == 0
    assert stored_files(settings) == []
    assert services.catalogue.videos.collection.count_documents({}) == 0
    assert services.queue.length() == 0
    assert uploads_known(services) == 0


# Forms


@pytest.mark.parametrize("path", FORMS.values())
@pytest.mark.parametrize(
    ("limits", "status", "code"),
    [
        ({"max_file_size_bytes": MIB}, 413, "PAYLOAD_TOO_LARGE"),
        ({"weekly_upload_limit_bytes": MIB}, 403, "QUOTA_EXCEEDED"),
    ],
)
def test_a_form_that_cannot_be_right_is_refused_before_it_is_read(
    client, ann, limit, path, limits, status, code
):
    limit(**limits)
    body = body_of(Untouched(), 3 * MIB)
    kind = "multipart/form-data; boundary=b"
    answer = client.post(path, headers=ann.headers, content_type=kind, environ_overrides=body)
    failed(answer, status, code)


@pytest.mark.parametrize("path", FORMS.values())
def test_a_form_of_unknown_length_is_read_no_further_than_is_allowed(
    client, ann, limit, path, settings
):
    limit(max_file_size_bytes=MIB)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.mp4"\r\n\r\n'
    stream = io.BytesIO(head + bytes(4 * MIB))
    answer = client.post(
        path,
        headers=ann.headers,
        content_type="multipart/form-data; boundary=b",
        environ_overrides=body_of(stream, None),
    )
    failed(answer, 413, "PAYLOAD_TOO_LARGE")
    assert stream.tell() < 3 * MIB
    assert stored_files(settings) == []


@pytest.mark.parametrize("path", FORMS.values())
@pytest.mark.parametrize(
    "form",
    [
        {"title": "x"},
        {"title": "x", "file": "text"},
        {"file": (io.BytesIO(MP4), "x.mp4")},
        {"title": " ", "file": (io.BytesIO(MP4), "x.mp4")},
        {"title": "x" * 101, "file": (io.BytesIO(MP4), "x.mp4")},
        {"title": "x", "visibility": "secret", "file": (io.BytesIO(MP4), "x.mp4")},
    ],
)
def test_a_wrong_form_is_refused_by_every_family_and_leaves_nothing(
    client, ann, settings, path, form
):
    sent = {
        name: (io.BytesIO(MP4), "x.mp4") if isinstance(value, tuple) else value
        for name, value in form.items()
    }
    failed(client.post(path, data=sent, headers=ann.headers), 400, "VALIDATION_ERROR")
    assert stored_files(settings) == []


def test_the_client_family_answers_in_its_own_words(client, ann):
    data = {"title": "T", "tags": "a", "visibility": "unlisted", "unknown": "left unread"}
    sent = {**data, "file": (io.BytesIO(MP4), "x.mp4")}
    answer = client.post("/videos", data=sent, headers=ann.headers)
    assert answer.status_code == 201
    told = answer.get_json()
    assert (told["title"], told["visibility"], told["status"]) == ("T", "unlisted", "pending")
    assert told["creatorId"] == ann.user.id
    detail = client.get(f"/videos/{told['id']}", headers=ann.headers).get_json()
    assert {name: detail[name] for name in ("id", "title", "createdAt")} == {
        name: told[name] for name in ("id", "title", "createdAt")
    }
