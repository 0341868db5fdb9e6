"""Pictures of videos: sent as a form (002) or to storage (000), drawn anew, and shown at once."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image, ImageCms

from models.user import Role
from services.adapters.media import thumbnails as drawing
from services.videos.keys import incoming_picture_key, poster_key, thumbnails_key
from tests.direct import Direct
from tests.s3 import s3_server  # noqa: F401 - a fixture
from tests.wire import NOBODY, Untouched, body_of, failed, fields_of, stored_files

ROOT = "/api/upload/thumbnail"
ON_BOTH = pytest.mark.parametrize("settings", ["local", "s3"], indirect=True)


@pytest.fixture
def settings(settings, request):
    if getattr(request, "param", "local") == "local":
        return settings
    return request.getfixturevalue("s3_server").new_bucket().settings(settings)


@pytest.fixture
def video(add_video, ann):
    return add_video(ann)


def picture(
    size: tuple[int, int] = (1600, 900), kind: str = "PNG", colour: Any = "red", **options: Any
) -> bytes:
    target = io.BytesIO()
    mode = options.pop("mode", "RGB")
    Image.new(mode, size, colour).save(target, kind, **options)
    return target.getvalue()


def send(client, person, video_id: str, content: bytes, **fields: Any):
    """POST /upload/thumbnail."""
    data = {"videoId": video_id, "file": (io.BytesIO(content), "x.bin"), **fields}
    return client.post("/upload/thumbnail", data=data, headers=person.headers)


def shown(client, url: str) -> Image.Image:
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer.content_type == "image/jpeg"
    return Image.open(io.BytesIO(answer.data))


def colour_of(image: Image.Image) -> tuple[int, ...]:
    found = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
    assert isinstance(found, tuple)
    return tuple(round(part / 32) for part in found)


def kept(services) -> list[str]:
    return [entry.key for entry in services.storage.entries("thumbnails/")]


# As a form


@ON_BOTH
def test_a_picture_is_shown_in_the_sizes_that_are_asked_for(client, services, ann, video):
    answer = send(client, ann, video.id, picture())
    assert answer.status_code == 200, answer.get_json()
    told = answer.get_json()
    assert (told["videoId"], set(told["thumbnails"])) == (video.id, {"320", "640", "1280"})
    for asked, found in {"": 1280, "&width=1": 320, "&width=321": 640, "&width=5000": 1280}.items():
        key = services.playback.poster(actor(ann), video.id, int(asked[7:] or 0) or None)
        with services.storage.local(key) as path, Image.open(path) as image:
            assert image.size == (found, found * 9 // 16)
    assert len(kept(services)) == 3


def actor(person):
    from services.policies import Actor  # noqa: PLC0415

    return Actor(id=person.user.id)


def test_every_address_of_the_picture_changes_with_it(client, ann, video):
    def addresses() -> list[str]:
        found = [
            client.get(f"/api/videos/{video.id}").get_json()["thumbnail_url"],
            client.get(f"/videos/{video.id}").get_json()["thumbnailUrl"],
            client.get("/videos/feed").get_json()["videos"][0]["thumbnailUrl"],
            client.get("/dashboard", headers=ann.headers).get_json()["videos"][0]["thumbnail_url"],
        ]
        assert len(set(found)) == 1
        return found

    before = addresses()
    send(client, ann, video.id, picture())
    first = addresses()
    send(client, ann, video.id, picture(colour="blue"))
    second = addresses()
    assert len({before[0], first[0], second[0]}) == 3
    assert colour_of(shown(client, second[0])) == (0, 0, 8)


def test_who_asked_for_the_picture_before_is_sent_the_new_one(client, ann, video):
    send(client, ann, video.id, picture())
    path = f"/api/videos/{video.id}/thumbnail"
    etag = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    send(client, ann, video.id, picture(colour="blue"))
    answer = client.get(path, headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != etag


def test_a_picture_is_shown_instead_of_the_poster_and_only_the_last_is_kept(
    client, services, ann, add_video, tmp_path
):
    video = add_video(ann, has_poster=True)
    poster = tmp_path / "poster"
    poster.write_bytes(picture((64, 36), "JPEG", "green"))
    services.storage.adopt(poster, poster_key(video.id))
    path = f"/api/videos/{video.id}/thumbnail"
    assert shown(client, f"{path}?width=9").size == (64, 36)
    for colour in ("red", "blue"):
        send(client, ann, video.id, picture((100, 50), colour=colour))
    assert colour_of(shown(client, path)) == (0, 0, 8)
    assert len(kept(services)) == 1
    assert services.storage.incoming() is not None
    stored = services.catalogue.videos.collection.find_one({"id": video.id})["stored_bytes"]
    assert stored == services.storage.size(poster_key(video.id)) + services.storage.size(
        thumbnails_key(video.id)
    )


def test_twenty_pictures_at_once_leave_one(app, services, ann, video):
    def one(number: int) -> int:
        content = picture((200, 100), colour=(number * 12, 0, 0))
        return send(app.test_client(), ann, video.id, content).status_code

    with ThreadPoolExecutor(20) as threads:
        assert set(threads.map(one, range(20))) == {200}
    version = services.catalogue.videos.get(video.id).thumbnail.version
    assert kept(services) == [f"{thumbnails_key(video.id)}/{version}/200.jpg"]


# Who may


def test_only_its_owner_and_staff_change_the_picture_of_a_video(
    client, ann, bob, join, add_video, video, settings
):
    for person, status in ((ann, 200), (join(role=Role.STAFF), 200), (bob, 403)):
        assert send(client, person, video.id, picture((9, 9))).status_code == status
    hidden = add_video(ann, visibility="private")
    failed(send(client, bob, hidden.id, picture((9, 9))), 404, "NOT_FOUND")
    for nothing in (NOBODY, "nonsense"):
        failed(send(client, ann, nothing, picture((9, 9))), 404, "NOT_FOUND")
    files = stored_files(settings)
    for body in ({"videoId": video.id}, {"file": (io.BytesIO(b"x"), "x")}, {"file": "text"}):
        answer = client.post("/upload/thumbnail", data=body, headers=ann.headers)
        failed(answer, 400, "VALIDATION_ERROR")
    assert stored_files(settings) == files


def test_as_many_as_the_limit_allows(settings, services, join, add_video):
    import app  # noqa: PLC0415

    few = replace(settings, rate_limit_picture="2/hour")
    client = app.create_app(replace(services, settings=few)).test_client()
    person = join("eve")
    video = add_video(person)
    codes = [send(client, person, video.id, picture((9, 9))).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


# What is drawn


def test_what_a_camera_noted_goes_and_how_it_was_held_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif[0x010F] = "The maker"
    exif.get_ifd(0x8825)[2] = (59.0, 20.0, 0.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "x"
    path.write_bytes(picture((400, 200), "JPEG", exif=exif, icc_profile=profile, comment=b"hello"))
    for side, content in drawing.thumbnails(path).items():
        assert content.startswith(b"\xff\xd8\xff")
        for said in (b"Exif", b"The maker", b"ICC_PROFILE", b"hello", b"http://ns.adobe.com"):
            assert said not in content
        with Image.open(io.BytesIO(content)) as image:
            assert image.size == (side // 2, side)
            assert not image.getexif()


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        (picture((50, 50), "WEBP", "red"), (8, 0, 0)),
        (picture((50, 50), "WEBP", (255, 0, 0, 0), mode="RGBA", lossless=True), (0, 0, 0)),
        (picture((50, 50), "PNG", (255, 0, 0, 128), mode="RGBA"), (4, 0, 0)),
        (picture((50, 50), "PNG", 40000, mode="I;16"), (5, 5, 5)),
        (picture((50, 50), "PNG", 1, mode="1"), (8, 8, 8)),
        (picture((50, 50), "JPEG", (255, 255, 0, 0), mode="CMYK"), (0, 0, 8)),
        (picture((50, 50), "JPEG", "red", icc_profile=b"nonsense"), (8, 0, 0)),
    ],
)
def test_pictures_of_every_kind_are_drawn(tmp_path, content, colour):
    path = tmp_path / "x"
    path.write_bytes(content)
    (drawn,) = drawing.thumbnails(path).values()
    with Image.open(io.BytesIO(drawn)) as image:
        assert (image.mode, image.size) == ("RGB", (50, 50))
        assert colour_of(image) == colour


@pytest.mark.parametrize(
    ("size", "sides"),
    [
        ((3000, 2000), [320, 640, 1280]),
        ((1280, 720), [320, 640, 1280]),
        ((500, 10), [320, 500]),
        ((320, 180), [320]),
        ((1, 1), [1]),
    ],
)
def test_no_picture_is_made_larger(tmp_path, size, sides):
    path = tmp_path / "x"
    path.write_bytes(picture(size))
    assert list(drawing.thumbnails(path)) == sides


HUGE = picture((8000, 8000), "PNG", 0, mode="1")
REFUSED = {
    "empty": (b"", 400, "VALIDATION_ERROR"),
    "text": (b"hello, world", 415, "FILE_FORMAT_NOT_SUPPORTED"),
    "another kind": (picture((9, 9), "GIF"), 415, "FILE_FORMAT_NOT_SUPPORTED"),
    "a drawing that would fetch": (b"<svg xmlns='x'/>", 415, "FILE_FORMAT_NOT_SUPPORTED"),
    "cut off": (picture((600, 600), "JPEG")[:400], 400, "VALIDATION_ERROR"),
    "only its beginning": (b"\x89PNG\r\n\x1a\n" + b"x" * 99, 400, "VALIDATION_ERROR"),
    "a bomb": (HUGE, 413, "PAYLOAD_TOO_LARGE"),
    "too long": (picture((20_000, 1), "PNG", 0, mode="1"), 413, "PAYLOAD_TOO_LARGE"),
    "too many bytes": (picture((9, 9)) + bytes(10 * 1024**2), 413, "PAYLOAD_TOO_LARGE"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_picture_is_refused_and_leaves_nothing(
    client, services, ann, video, settings, case
):
    content, status, code = REFUSED[case]
    failed(send(client, ann, video.id, content), status, code)
    assert stored_files(settings) == []
    assert services.pictures.custody.uploads.collection.count_documents({}) == 0
    assert services.catalogue.videos.get(video.id).thumbnail is None


def test_a_form_that_is_too_long_is_refused_before_it_is_read(client, ann):
    asked = {"environ_overrides": body_of(Untouched(), 12 * 1024**2), "headers": ann.headers}
    kind = "multipart/form-data; boundary=b"
    answer = client.post("/upload/thumbnail", content_type=kind, **asked)
    failed(answer, 413, "PAYLOAD_TOO_LARGE")


# To storage


class Pictures(Direct):
    def offer(self, reference: str, content: bytes, **said: Any) -> Any:
        told = {"filename": "x.png", "file_size": len(content), "content_type": "image/png"}
        body = {"video_id": reference, **told, **said}
        return self.ask("POST", f"{ROOT}/request", json=body)

    def done(self, upload_id: str) -> Any:
        return self.ask("POST", f"{ROOT}/complete", json={"upload_id": upload_id})


@pytest.fixture
def pictures(client, ann) -> Pictures:
    return Pictures(client, ann)


@ON_BOTH
def test_a_picture_is_sent_to_storage_and_completed(pictures, services, video):
    content = picture((400, 200))
    offer = pictures.offer(video.id, content).get_json()
    assert {"upload_url", "video_id", "expires_at", "upload_id"} <= set(offer)
    failed(pictures.done(offer["upload_id"]), 409, "CONFLICT")
    assert pictures.put(offer["upload_url"], content, offer["headers"]).status == 200
    found = pictures.ask("GET", f"{ROOT}/{offer['upload_id']}").get_json()
    assert (found["status"], found["received_bytes"]) == ("uploading", len(content))
    first, again = pictures.done(offer["upload_id"]), pictures.done(offer["upload_id"])
    assert first.get_json() == again.get_json()
    assert first.status_code == 200, first.get_json()
    assert set(first.get_json()["thumbnails"]) == {"320", "400"}
    version = services.catalogue.videos.get(video.id).thumbnail.version
    above = f"{thumbnails_key(video.id)}/{version}"
    assert kept(services) == [f"{above}/320.jpg", f"{above}/400.jpg"]
    assert services.storage.head(incoming_picture_key(offer["upload_id"])) is None
    failed(pictures.ask("DELETE", f"{ROOT}/{offer['upload_id']}"), 409, "CONFLICT")


def test_what_was_sent_to_storage_and_is_no_picture_is_refused_and_leaves_nothing(
    pictures, video, services, settings
):
    for content, status, code in REFUSED.values():
        if 9 < len(content) < 10 * 1024**2:
            offer = pictures.offer(video.id, content).get_json()
            assert pictures.put(offer["upload_url"], content, offer["headers"]).status == 200
            failed(pictures.done(offer["upload_id"]), status, code)
            failed(pictures.done(offer["upload_id"]), 410, "GONE")
            assert pictures.ask("DELETE", f"{ROOT}/{offer['upload_id']}").status_code == 204
    assert stored_files(settings) == []
    assert services.pictures.custody.uploads.collection.count_documents({}) == 0


def test_what_is_wrong_with_the_announcement_of_a_picture_is_said(pictures, video, bob, client):
    content = picture((9, 9))
    for said, status, code in (
        ({"file_size": 10 * 1024**2 + 1}, 413, "PAYLOAD_TOO_LARGE"),
        ({"file_size": 0}, 400, "VALIDATION_ERROR"),
        ({"content_type": "video/mp4"}, 415, "FILE_FORMAT_NOT_SUPPORTED"),
        ({"video_id": NOBODY}, 404, "NOT_FOUND"),
    ):
        failed(pictures.offer(video.id, content, **said), status, code)
    assert "nonsense" in fields_of(
        failed(pictures.offer(video.id, content, nonsense=1), 400, "VALIDATION_ERROR")
    )
    failed(Pictures(client, bob).offer(video.id, content), 403, "FORBIDDEN")


def test_a_picture_that_nobody_completes_expires_and_leaves_nothing(
    pictures, video, services, clock, settings
):
    content = picture((9, 9))
    offers = [pictures.offer(video.id, content).get_json() for _ in range(3)]
    for offer in offers:
        pictures.put(offer["upload_url"], content, offer["headers"])
    pictures.done(offers[0]["upload_id"])
    assert pictures.ask("DELETE", f"{ROOT}/{offers[1]['upload_id']}").status_code == 204
    # Killed after its sizes were stored, and before they were shown.
    upload = services.pictures.custody.uploads.get(offers[2]["upload_id"], video.author_id)
    services.pictures._store(upload, {9: content})
    assert len(kept(services)) == 2
    clock.forward(hours=2)
    assert services.pictures.expire() == 1
    assert services.pictures.custody.uploads.collection.count_documents({}) == 0
    version = services.catalogue.videos.get(video.id).thumbnail.version
    assert [path.name for path in stored_files(settings)] == ["9.jpg"]
    assert version == offers[0]["upload_id"]


def test_a_picture_of_a_video_that_is_deleted_meanwhile_becomes_nothing(
    pictures, video, services, settings
):
    content = picture((9, 9))
    offer = pictures.offer(video.id, content).get_json()
    pictures.put(offer["upload_url"], content, offer["headers"])
    services.catalogue.videos.withdraw(video.id, services.pictures.now())
    failed(pictures.done(offer["upload_id"]), 404, "NOT_FOUND")
    upload = services.pictures.custody.uploads.get(offer["upload_id"], video.author_id)
    with services.pictures.custody.held(upload) as lease, pytest.raises(Exception, match="found"):
        services.pictures._show_or_fail(upload, lease, lambda: {9: content})
    assert stored_files(settings) == []


def test_nothing_of_an_uploads_place_is_told(pictures, video):
    assert "incoming" not in json.dumps(pictures.offer(video.id, picture((9, 9))).get_json())
