"""004's `assets` and /media/*: a video's files by names of ours, under the same checks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.video import Visibility
from services.videos.keys import poster_key, progressive_key
from tests.s3 import S3Bucket, s3_bucket, s3_server
from tests.wire import failed

__all__ = ["s3_bucket", "s3_server"]

FILM, PICTURE = bytes(range(256)) * 8, b"\xff\xd8\xff a picture"


@pytest.fixture(params=["local", "s3"])
def settings(request, settings):
    """On disk and in a bucket."""
    if request.param == "local":
        return settings
    bucket: S3Bucket = request.getfixturevalue("s3_bucket")
    return bucket.settings(settings)


@pytest.fixture
def film(add_video, ann, services):
    video = add_video(ann)
    fields = {"progressive": progressive_key(video.id), "has_poster": True}
    services.catalogue.videos.collection.update_one({"id": video.id}, {"$set": fields})
    for key, content in {progressive_key(video.id): FILM, poster_key(video.id): PICTURE}.items():
        made = services.storage.incoming() / "made"
        made.write_bytes(content)
        services.storage.adopt(made, key)
    return video


def path(url: str) -> str:
    return url.removeprefix("http://localhost")


def test_a_video_lists_its_files_without_saying_where_they_lie(client, film, settings):
    detail = client.get(f"/videos/{film.id}").json["assets"]
    (listed,) = client.get("/videos/feed").json["videos"]
    assert listed["assets"] == detail
    assert detail == [
        {
            "asset_type": kind,
            "storageBackend": settings.storage_backend,
            "publicUrl": f"http://localhost/media/{film.id}/{name}",
            "filePath": f"media/{film.id}/{name}",
        }
        for kind, name in (("video", "video.mp4"), ("thumbnail", "poster.jpg"))
    ]


def test_a_video_that_has_no_files_yet_lists_none(client, add_video, ann):
    assert client.get(f"/videos/{add_video(ann).id}").json["assets"] == []


def test_each_file_is_at_its_address(client, film, ann):
    found = client.get(f"/videos/{film.id}", headers=ann.headers).json
    video, picture = (path(asset["publicUrl"]) for asset in found["assets"])
    shown = client.get(picture)
    assert (shown.data, shown.mimetype) == (PICTURE, "image/jpeg")
    asked = {"query_string": {"token": found["playbackToken"]}, "headers": ann.headers}
    whole = client.get(video, **asked)
    assert (whole.status_code, whole.data, whole.mimetype) == (200, FILM, "video/mp4")
    part = client.get(
        video,
        **{
            **asked,
            "headers": {**ann.headers, "Range": "bytes=10-19", "If-Range": whole.headers["ETag"]},
        },
    )
    assert (part.status_code, part.data) == (206, FILM[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(FILM)}"
    again = client.get(
        video, **{**asked, "headers": {**ann.headers, "If-None-Match": whole.headers["ETag"]}}
    )
    assert (again.status_code, again.data) == (304, b"")
    beyond = client.get(video, **{**asked, "headers": {**ann.headers, "Range": "bytes=4096-"}})
    failed(beyond, 416, "VALIDATION_ERROR")


def test_a_film_needs_both_tokens(client, film, ann, bob):
    at = f"/media/{film.id}/video.mp4"
    token = client.get(f"/videos/{film.id}", headers=ann.headers).json["playbackToken"]
    failed(client.get(at), 401, "UNAUTHORIZED")
    failed(client.get(at, headers=ann.headers), 400, "VALIDATION_ERROR")
    failed(client.get(f"{at}?token=made-up", headers=ann.headers), 401, "UNAUTHORIZED")
    failed(client.get(f"{at}?token={token}", headers=bob.headers), 403, "FORBIDDEN")


def test_the_picture_of_a_private_video_is_its_owners(client, film, ann, bob, services):
    services.catalogue.videos.collection.update_one(
        {"id": film.id}, {"$set": {"visibility": Visibility.PRIVATE}}
    )
    at = f"/media/{film.id}/poster.jpg"
    failed(client.get(at), 404, "NOT_FOUND")
    failed(client.get(at, headers=bob.headers), 404, "NOT_FOUND")
    assert client.get(at, headers=ann.headers).data == PICTURE


def test_what_is_stored_no_more_is_not_found(client, film, services):
    services.storage.remove(poster_key(film.id))
    failed(client.get(f"/media/{film.id}/poster.jpg"), 404, "NOT_FOUND")


class TestBehindNginx:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, x_accel_redirect=True)

    def test_nginx_is_told_which_file_or_object_to_send(self, client, film):
        shown = client.get(f"/media/{film.id}/poster.jpg")
        assert (shown.status_code, shown.data) == (200, b"")
        assert shown.headers["X-Accel-Redirect"] == f"/_media/{poster_key(film.id)}"
