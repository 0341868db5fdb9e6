"""Replacing what a video shows: the old content plays until the new one does, whatever happens."""

from __future__ import annotations

import datetime as dt
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from config import Settings
from models.errors import ClutchError
from models.tracks import AudioTrack
from models.video import Processing, ProcessingStatus, Rendition, Source, Video, Visibility
from services.container import Services
from services.policies import Actor
from services.processing.heartbeat import Cancelled
from services.uploads.quota import week_of
from services.uploads.uploads import Upload
from services.videos.editing import Change
from services.videos.keys import keys_of, playback_key, poster_key, source_key
from tests.direct import Direct
from tests.pipeline import first_colour
from tests.samples import generate
from tests.tus import Tus, said
from tests.wire import MP4, Untouched, bearer, body_of, failed, sign_in, stored_files

pytestmark = pytest.mark.media

CONTENT = "/api/videos/{}/content"
BROKEN = MP4 + b"\x00" * 2000
SOUNDS = ("own", "gone", "added")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Short films of one colour each; the long one is blue as well."""
    folder, found = tmp_path_factory.mktemp("films"), {}
    for name, colour, seconds in (("red", "red", 1), ("blue", "blue", 1), ("long", "blue", 2)):
        file = folder / f"{name}.mp4"
        source = f"-f lavfi -i color={colour}:s=320x180:r=10:d={seconds}"
        generate(f"{source} -c:v libx264 -preset ultrafast -pix_fmt yuv420p", file)
        found[name] = file.read_bytes()
    return found


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, renditions=(90, 180))


def form(content: bytes, **fields: str) -> dict[str, object]:
    return {**fields, "file": (io.BytesIO(content), "film.mp4")}


@pytest.fixture
def film(client, ann, films, services) -> str:
    """A red video that plays; its id."""
    data = form(films["red"], title="Red")
    video_id = client.post("/api/videos", data=data, headers=ann.headers).json["id"]
    services.transcoding.run(video_id)
    return video_id


@pytest.fixture
def send(client, ann):
    def send(video_id, content, person=ann, **fields):
        path = CONTENT.format(video_id)
        return client.post(path, data=form(content, **fields), headers=person.headers)

    return send


def kept(services: Services, video_id: str):
    video = services.catalogue.videos.get(video_id)
    assert video is not None
    return video


def colour_of(client, person, services: Services, video_id: str) -> str:
    """What somebody sees who begins to watch now."""
    token = client.get(f"/api/videos/{video_id}", headers=person.headers).json["playback_token"]
    answer = client.get(f"/stream/{video_id}?token={token}", headers=person.headers)
    assert answer.status_code == 200, answer.json
    _, _, path = answer.json["stream_url"].partition(f"/{video_id}/")
    assert client.get(answer.json["stream_url"]).status_code == 200
    shown = services.settings.media_root / playback_key(video_id) / path
    red, _, blue = first_colour(shown)
    return "red" if red > blue else "blue"


def folders(services: Services, video_id: str) -> set[str]:
    root = services.settings.media_root / playback_key(video_id)
    return {path.name for path in root.iterdir()}


def sound(person, track_id: str, *, is_of_source: bool) -> AudioTrack:
    said = {"language": "en", "label": track_id, "created_at": person.user.created_at}
    return AudioTrack(id=track_id, is_of_source=is_of_source, **said)


def process(services: Services, video_id: str) -> None:
    for _ in range(3):
        services.transcoding.run(video_id)


# What is to happen


def test_new_content_takes_over_and_all_else_stays(client, bob, services, film, films, send):
    services.catalogue.videos.collection.update_one(
        {"id": film}, {"$set": {"view_count": 7, "like_count": 3, "comment_count": 2}}
    )
    before = kept(services, film)
    answer = send(film, films["blue"])
    assert answer.status_code == 202, answer.json
    assert answer.json["processing_status"] == "uploaded"
    assert colour_of(client, bob, services, film) == "red"
    process(services, film)
    assert colour_of(client, bob, services, film) == "blue"
    after = kept(services, film)
    assert (after.view_count, after.like_count, after.comment_count) == (7, 3, 2)
    assert (after.title, after.published_at, after.id) == ("Red", before.published_at, before.id)
    assert after.processing_status is ProcessingStatus.READY
    progressive = services.storage.file(after.progressive or "")
    assert first_colour(progressive)[2] > 200
    assert len(client.get("/api/videos").json["videos"]) == 1


def test_old_content_stays_for_as_long_as_somebody_can_watch_it(
    client, bob, services, film, films, send, clock
):
    token = services.catalogue.tokens.playback(bob.user.id, kept(services, film))
    old = client.get(f"/stream/{film}?token={token}", headers=bob.headers).json["stream_url"]
    first = folders(services, film)
    send(film, films["blue"])
    process(services, film)
    services.replacing.sweep()
    services.replacing.sweep()
    services.replacing.retire(film)
    assert client.get(old).status_code == 200
    assert first < folders(services, film)
    clock.forward(hours=1, minutes=10)
    assert services.replacing.sweep() == 1
    services.replacing.retire(film)
    assert not first & {name for name in folders(services, film) if name.startswith("v")}
    assert kept(services, film).previous is None
    assert services.replacing.sweep() == 0
    assert colour_of_after(client, services, film) == "blue"
    stored = sum(services.storage.size(key) for key in keys_of(film))
    assert kept(services, film).stored_bytes == stored


def colour_of_after(client, services: Services, film: str) -> str:
    """Tokens of before are too old by now."""

    class Again:
        headers = bearer(sign_in(client, "bob")["tokens"]["access_token"])

    return colour_of(client, Again, services, film)


def test_content_that_cannot_be_processed_leaves_what_played_before(
    client, bob, services, film, films, send
):
    settings = services.settings
    before, files = kept(services, film), set(stored_files(settings))
    assert send(film, BROKEN).status_code == 202
    process(services, film)
    assert colour_of(client, bob, services, film) == "red"
    services.replacing.sweep()
    services.replacing.sweep()
    services.replacing.retire(film)
    after = kept(services, film)
    assert after.processing_status is ProcessingStatus.READY
    assert after.processing.error_message
    same = ("playback_version", "renditions", "duration_seconds", "progressive", "has_poster")
    assert all(getattr(after, name) == getattr(before, name) for name in same)
    assert set(stored_files(settings)) == files
    assert (after.previous, after.source) == (None, None)
    assert send(film, films["blue"]).status_code == 202
    process(services, film)
    assert colour_of(client, bob, services, film) == "blue"


def test_content_that_fails_after_it_has_begun_to_play_goes_again(services, ann, add_video, clock):
    video = add_video(ann, renditions=(Rendition(name="720p", width=1280, height=720),))
    videos, now = services.catalogue.videos, clock()
    source = Source(key=source_key(video.id), filename="x", size_bytes=1)
    assert videos.begin_edition(video, source, drm_enabled=False, upload_id="", until=now)
    assert videos.claim(video.id, "lease", now=now, until=now)
    low = (Rendition(name="90p", width=160, height=90),)
    videos.publish(video.id, "lease", version="e1v1", renditions=low, now=now, score=0.0)
    assert kept(services, video.id).playback_version == "e1v1"
    videos.fail(video.id, "lease", code="broken", message="It is broken.", now=now)
    assert services.replacing.sweep() == 1
    after = kept(services, video.id)
    assert (after.playback_version, after.renditions) == (video.playback_version, video.renditions)
    assert (after.processing_status, after.playable) == (ProcessingStatus.READY, True)


def test_a_sound_that_is_added_while_new_content_fails_stays(services, ann, add_video, clock):
    own, gone, added = (sound(ann, name, is_of_source=name == "own") for name in SOUNDS)
    video = add_video(ann, audio_tracks=(own, gone))
    videos, now = services.catalogue.videos, clock()
    source = Source(key=source_key(video.id), filename="x", size_bytes=1)
    assert videos.begin_edition(video, source, drm_enabled=False, upload_id="", until=now)
    assert videos.claim(video.id, "lease", now=now, until=now)
    read = kept(services, video.id)
    new = replace(own, id="new")
    assert videos.change_tracks(replace(read, audio_tracks=(new, added)), now)
    read = kept(services, video.id)
    videos.fail(video.id, "lease", code="broken", message="It is broken.", now=now)
    assert services.replacing.sweep() == 1
    assert kept(services, video.id).audio_tracks == (own, added)
    assert videos.change_tracks(read, now) is None, "it was read before"


def test_content_that_ends_late_leaves_the_picture_of_what_played_before(
    services, settings, film, films, send
):
    poster = settings.media_root / poster_key(film)
    before, seen = poster.read_bytes(), []
    assert send(film, films["long"]).status_code == 202

    def ear(event: str, video: Video) -> None:
        seen.append((video.playback_version, round(video.duration_seconds)))
        if video.playback_version == "e1v2":
            raise Cancelled

    announcer = replace(services.transcoding.announcer, listeners=(ear,))
    steps = replace(services.transcoding.steps, announcer=announcer)
    transcoding = replace(services.transcoding, steps=steps)
    transcoding.run(film)
    assert seen == [("e1v1", 2), ("e1v2", 2)]
    after = kept(services, film)
    assert (after.processing_status, after.processing.error_code) == ("ready", "cancelled")
    assert round(after.duration_seconds) == 1
    assert poster.read_bytes() == before
    # It is the new one's once that is complete.
    assert send(film, films["blue"]).status_code == 202
    process(services, film)
    assert poster.read_bytes() != before


def test_a_first_upload_that_failed_can_be_replaced_and_is_published_then(
    client, ann, bob, services, films, send
):
    data = form(BROKEN, title="Broken")
    video_id = client.post("/api/videos", data=data, headers=ann.headers).json["id"]
    process(services, video_id)
    assert kept(services, video_id).processing_status is ProcessingStatus.ERROR
    assert send(video_id, films["blue"]).status_code == 202
    process(services, video_id)
    assert colour_of(client, bob, services, video_id) == "blue"
    assert kept(services, video_id).published_at is not None


def test_002s_put_changes_words_and_content_at_once(client, ann, services, film, films):
    data = form(films["blue"], title="Blue", tags="a,b")
    answer = client.put(f"/videos/{film}", data=data, headers=ann.headers)
    assert answer.status_code == 200, answer.json
    assert (answer.json["title"], answer.json["status"]) == ("Blue", "pending")
    process(services, film)
    assert colour_of(client, ann, services, film) == "blue"
    assert kept(services, film).tags == ("a", "b")


def test_a_resumable_upload_may_replace_a_video(client, ann, bob, services, film, films):
    mine, theirs = Tus(client, ann), Tus(client, bob)
    content = films["blue"]
    metadata = {"Upload-Metadata": said(replaces=film, filename="x.mp4")}
    failed(theirs.create(len(content), **metadata), 403, "FORBIDDEN")
    path = mine.begin(len(content), **metadata)
    done = mine.patch(path, 0, content)
    assert (done.status_code, done.headers["X-Video-Id"]) == (204, film)
    process(services, film)
    assert colour_of(client, ann, services, film) == "blue"
    assert services.catalogue.videos.count_all() == 1


@pytest.mark.parametrize("multipart", [False, True])
def test_a_direct_upload_may_replace_a_video(client, ann, bob, services, film, films, multipart):
    mine, theirs, content = Direct(client, ann), Direct(client, bob), films["blue"]
    failed(theirs.request(len(content), replaces=film), 403, "FORBIDDEN")
    offer = mine.begin(len(content), replaces=film, multipart=multipart)
    assert offer["video_id"] == film
    if multipart:
        told = {"parts": mine.put_parts(offer, content)}
    else:
        mine.put(offer["upload_url"], content, offer["headers"])
        told = {}
    assert colour_of(client, ann, services, film) == "red"
    assert [f for step in services.library_check.check() for f in step.findings] == []
    for _ in range(2):
        done = mine.complete(offer["upload_id"], **told)
        assert done.status_code == 200
        video = done.get_json()
        assert (video["id"], video["title"]) == (film, "Red")
    process(services, film)
    assert colour_of(client, ann, services, film) == "blue"
    assert kept(services, film).processing.edition == 1
    assert services.catalogue.videos.count_all() == 1
    assert services.storage.size(source_key(offer["upload_id"])) == 0


def test_a_direct_upload_that_is_no_video_replaces_nothing(client, ann, services, row):
    mine, text = Direct(client, ann), b"not a video".ljust(len(MP4))
    before, used = kept(services, row), services.quota.quotas.used
    offer = mine.begin(replaces=row)
    mine.put(offer["upload_url"], text, offer["headers"])
    failed(mine.complete(offer["upload_id"]), 415, "FILE_FORMAT_NOT_SUPPORTED")
    assert kept(services, row) == before
    assert services.storage.size(source_key(offer["upload_id"])) == 0
    assert used(ann.user.id, week_of(services.quota.now())) == 0


class Killed(BaseException):
    """Nobody catches it."""


def test_who_was_killed_while_replacing_is_followed_by_another(
    client, ann, services, row, films, clock, monkeypatch
):
    mine, content = Direct(client, ann), films["blue"]
    for moment in ("rename", "offer_edition"):
        offer = mine.begin(len(content), replaces=row)
        mine.put(offer["upload_url"], content, offer["headers"])
        place = services.storage if moment == "rename" else services.replacing.videos

        def killed(*_: object) -> None:
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(type(place), moment, killed)
            with pytest.raises(Killed):
                mine.complete(offer["upload_id"])
        clock.forward(minutes=3)
        assert mine.complete(offer["upload_id"]).status_code == 200
        process(services, row)
        assert kept(services, row).processing_status is ProcessingStatus.READY
    assert kept(services, row).processing.edition == 2


def test_ending_an_upload_twice_replaces_nothing_twice(services, ann, row, films, tmp_path):
    film, actor = row, Actor(id=ann.user.id)
    for turn in range(3):
        file = tmp_path / f"{turn}.mp4"
        file.write_bytes(films["blue"])
        services.replacing.complete(actor, Upload(path=file, filename="x"), film, "upload-1")
        if turn == 1:
            process(services, film)
    assert kept(services, film).processing.edition == 1


# What is not to happen


@pytest.fixture
def row(ann, add_video) -> str:
    """A video that plays, as far as the database knows."""
    return add_video(ann).id


def test_who_may_not_and_what_cannot_be(ann, bob, services, row, films, send, settings):
    film = row
    files, before = set(stored_files(settings)), kept(services, film)
    failed(send(film, films["blue"], bob), 403, "FORBIDDEN")
    failed(send(film, b"not a video"), 415, "FILE_FORMAT_NOT_SUPPORTED")
    failed(send(film, b""), 400, "VALIDATION_ERROR")
    (seed, *_) = services.seeding.youtube()
    services.catalogue.videos.collection.update_one(
        {"id": seed.id}, {"$set": {"author_id": ann.user.id}}
    )
    failed(send(seed.id, films["blue"]), 409, "CONFLICT")
    assert kept(services, film) == before
    assert {path for path in stored_files(settings) if "posters" not in str(path)} <= files


def test_what_is_being_processed_is_not_replaced(services, row, films, send):
    assert send(row, films["blue"]).status_code == 202
    failed(send(row, films["red"]), 409, "CONFLICT")


@pytest.mark.parametrize("path", [CONTENT, "/videos/{}"])
def test_new_content_that_cannot_be_taken_is_refused_before_it_is_read(
    client, ann, bob, services, add_video, path
):
    busy = add_video(ann, processing_status=ProcessingStatus.PROCESSING)
    hidden = add_video(ann, visibility=Visibility.PRIVATE)
    for video, person, status, code in (
        (busy, ann, 409, "CONFLICT"), (busy, bob, 403, "FORBIDDEN"), (hidden, bob, 404, "NOT_FOUND")
    ):  # fmt: skip
        answer = client.open(
            path.format(video.id),
            method="POST" if path == CONTENT else "PUT",
            environ_overrides=body_of(Untouched(), 5_000_000),
            headers=person.headers | {"Content-Type": "multipart/form-data; boundary=b"},
        )
        failed(answer, status, code)
    assert stored_files(services.settings) == []


def test_a_form_without_a_file_changes_a_video_that_is_being_processed(client, ann, bob, add_video):
    busy = add_video(ann, processing_status=ProcessingStatus.PROCESSING)
    data = {"title": "Better"}
    path, kind = f"/videos/{busy.id}", {"Content-Type": "multipart/form-data; boundary=b"}
    changed = client.put(path, data=data, headers=ann.headers | kind)
    assert (changed.status_code, changed.json["title"]) == (200, "Better")
    failed(client.put(path, data=data, headers=bob.headers | kind), 403, "FORBIDDEN")


def test_wrong_words_keep_the_content_from_being_replaced(client, ann, services, row, films):
    film = row
    data = form(films["blue"], visibility="scheduled")
    answer = client.put(f"/videos/{film}", data=data, headers=ann.headers)
    failed(answer, 400, "VALIDATION_ERROR")
    assert kept(services, film).processing_status is ProcessingStatus.READY


def test_an_encrypted_video_stays_encrypted(ann, films, send, add_video):
    failed(
        send(add_video(ann, drm_enabled=True).id, films["blue"], drm_enabled="false"),
        409,
        "CONFLICT",
    )


def test_what_has_an_added_sound_in_the_clear_is_not_encrypted(ann, films, send, add_video):
    own, added = sound(ann, "s0-1", is_of_source=True), sound(ann, "added", is_of_source=False)
    video = add_video(ann, audio_tracks=(own, added))
    answer = send(video.id, films["blue"], drm_enabled="true")
    assert "audio tracks" in failed(answer, 409, "CONFLICT")["error"]["message"]
    assert send(video.id, films["blue"]).status_code == 202
    assert (
        send(add_video(ann, audio_tracks=(own,)).id, films["blue"], drm_enabled="true").status_code
        == 202
    )


def test_a_quota_counts_new_content_and_has_it_back_if_it_is_not_stored(
    services, ann, row, films, send, tmp_path
):
    film = row

    def used():
        week = services.quota.none_yet().week
        return services.quota.quotas.used(ann.user.id, week)

    before = used()
    missing = tmp_path / "missing.mp4"
    missing.write_bytes(films["blue"])
    upload, actor = Upload(path=missing, filename="x"), Actor(id=ann.user.id)
    gone = replace(services.replacing, storage=Losing(missing))
    with pytest.raises(FileNotFoundError):
        gone.update(actor, film, Change(), upload)
    assert used() == before
    services.replacing.sweep()
    assert kept(services, film).processing_status is ProcessingStatus.READY
    assert send(film, films["blue"]).status_code == 202
    assert used() == before + len(films["blue"])


class Losing:
    """A store whose disk loses a file just before it is taken over."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def adopt(self, path: Path, key: str) -> None:
        path.unlink()
        raise FileNotFoundError(key)


def test_of_many_who_replace_at_once_one_does(services, ann, add_video, tmp_path):
    video, actor = add_video(ann), Actor(id=ann.user.id)

    def send(number: int) -> bool:
        file = tmp_path / f"{number}.mp4"
        file.write_bytes(MP4)
        try:
            services.replacing.update(actor, video.id, Change(), Upload(path=file, filename="x"))
        except ClutchError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(send, range(6))) == 1
    assert kept(services, video.id).processing.edition == 1


def test_a_video_that_is_deleted_for_good_leaves_nothing_of_either(
    client, ann, services, row, films, send, settings
):
    film = row
    send(film, films["blue"])
    client.delete(f"/api/videos/{film}?permanent=true", headers=ann.headers)
    services.removal.purge(film)
    assert stored_files(settings) == []
    process(services, film)
    assert stored_files(settings) == []


def test_a_restored_video_goes_on_with_its_new_content(client, ann, services, row, films, send):
    film = row
    send(film, films["blue"])
    client.delete(f"/api/videos/{film}", headers=ann.headers)
    process(services, film)
    assert client.post(f"/api/videos/{film}/restore", headers=ann.headers).status_code == 200
    process(services, film)
    assert colour_of(client, ann, services, film) == "blue"


def test_a_file_that_was_never_stored_is_given_up(services, ann, add_video, clock):
    """Its server was killed before it stored it: after an hour others find nothing there."""
    video, videos, now = add_video(ann), services.catalogue.videos, clock()
    source = Source(key=source_key(video.id), filename="x", size_bytes=1)
    until = now + dt.timedelta(hours=1)
    assert videos.begin_edition(video, source, drm_enabled=False, upload_id="", until=until)
    assert kept(services, video.id).processing == Processing(edition=1, lease_until=until)
    assert list(videos.stalled(now)) == []
    assert list(videos.stalled(until + dt.timedelta(seconds=1))) == [video.id]
