"""Captions and audio tracks over HTTP, in both families that have them."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from models.tracks import AudioTrack, Caption, Presentation, TextKind
from models.user import Role
from models.video import Visibility
from services.tracks import captions, sounds
from services.videos.keys import tracks_key
from tests.tracks import SRT, VTT
from tests.wire import NOBODY, failed, fields_of, moment, stored_files

BOTH = pytest.mark.parametrize("root", ["/api/videos", "/videos"], ids=["platform", "client"])
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(24)


def form(text: str | bytes = SRT, **said: str) -> dict[str, object]:
    content = text.encode() if isinstance(text, str) else text
    return {"language": "en", **said, "file": (io.BytesIO(content), "film.srt")}


def sound_form(content: bytes = WAV, **said: str) -> dict[str, object]:
    return {"language": "fr", **said, "file": (io.BytesIO(content), "film.wav")}


@pytest.fixture
def video(ann, add_video):
    return add_video(ann, duration_seconds=12.0, audio_tracks=(main_sound(ann),))


def main_sound(person) -> AudioTrack:
    return AudioTrack(
        id="s0-1", language="en", label="Original", is_main=True, is_of_source=True,
        created_at=person.user.created_at,
    )  # fmt: skip


@BOTH
def test_captions_come_and_change_and_go(client, ann, bob, video, root, services):
    path = f"{root}/{video.id}/captions"
    said = {"label": "English", "kind": "captions", "default": "true"}
    added = client.post(path, data=form(**said), headers=ann.headers)
    assert added.status_code == 201, added.json
    caption = added.json
    created = "created_at" if root == "/api/videos" else "createdAt"
    assert set(caption) == {"id", "language", "label", "kind", "default", created, "url"}
    assert moment(caption[created])
    assert (caption["language"], caption["label"]) == ("en", "English")
    assert (caption["kind"], caption["default"]) == ("captions", True)
    assert client.get(path, headers=bob.headers).json == {"captions": [caption]}

    sent = client.get(caption["url"], headers=bob.headers)
    assert sent.content_type.startswith("text/vtt")
    assert sent.text.startswith("WEBVTT\n\n00:00:01.000 --> 00:00:05.500\nHello &amp; <i>welcome")
    assert "After the end" not in sent.text

    change = {"label": "English (CC)", "language": "EN_gb", "default": False}
    changed = client.patch(f"{path}/{caption['id']}", json=change, headers=ann.headers)
    assert changed.status_code == 200
    assert changed.json == caption | {
        "label": "English (CC)", "language": "en-GB", "default": False,
    }  # fmt: skip

    gone = client.delete(f"{path}/{caption['id']}", headers=ann.headers)
    assert (gone.status_code, gone.data) == (204, b"")
    assert client.get(path, headers=ann.headers).json == {"captions": []}
    failed(client.get(caption["url"], headers=ann.headers), 404, "NOT_FOUND")
    assert services.storage.size(tracks_key(video.id)) == 0


@BOTH
def test_a_label_is_the_language_where_none_is_given(client, ann, video, root):
    added = client.post(f"{root}/{video.id}/captions", data=form(), headers=ann.headers)
    assert (added.json["label"], added.json["kind"]) == ("en", "subtitles")
    assert added.json["default"] is False


@BOTH
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither SubRip"),
        (b"Just some text", "neither SubRip"),
        (b"WEBVTT\n\n", "not one caption"),
        (b"WEBVTT\n\n01:00.000 --> 01:01.000\nlate\n", "later than the end"),
        (bytes(range(256)), "neither SubRip"),
    ],
)
def test_what_is_no_captions_is_refused_with_a_reason(
    client, ann, video, root, content, words, settings
):
    before = stored_files(settings)
    answer = client.post(f"{root}/{video.id}/captions", data=form(content), headers=ann.headers)
    body = failed(answer, 400, "VALIDATION_ERROR")
    assert words in fields_of(body)["file"][0]
    assert stored_files(settings) == before


@BOTH
def test_what_is_said_of_captions_is_checked(client, ann, video, root):
    path = f"{root}/{video.id}/captions"
    for said, field in (
        ({"language": "english please"}, "language"),
        ({"language": "und"}, "language"),
        ({"label": "a\nb"}, "label"),
        ({"label": "x" * 65}, "label"),
        ({"kind": "karaoke"}, "kind"),
        ({"default": "maybe"}, "default"),
    ):
        answer = client.post(path, data=form(**said), headers=ann.headers)
        assert field in fields_of(failed(answer, 400, "VALIDATION_ERROR")), said
    without = client.post(path, data={"language": "en"}, headers=ann.headers)
    assert "file" in fields_of(failed(without, 400, "VALIDATION_ERROR"))
    assert client.get(path, headers=ann.headers).json == {"captions": []}


@BOTH
def test_a_file_that_is_too_large_is_refused(client, ann, video, root, settings):
    long = SRT + "x" * captions.MAX_BYTES
    before = stored_files(settings)
    answer = client.post(f"{root}/{video.id}/captions", data=form(long), headers=ann.headers)
    failed(answer, 413, "PAYLOAD_TOO_LARGE")
    assert stored_files(settings) == before


@BOTH
def test_only_the_owner_and_staff_change_captions(client, ann, bob, join, video, root):
    path = f"{root}/{video.id}/captions"
    one = client.post(path, data=form(), headers=ann.headers).json["id"]
    for method, at, body in (
        ("POST", path, {"data": form(label="2")}),
        ("PATCH", f"{path}/{one}", {"json": {"label": "mine"}}),
        ("DELETE", f"{path}/{one}", {}),
    ):
        failed(client.open(at, method=method, headers=bob.headers, **body), 403, "FORBIDDEN")
    staff = join(role=Role.STAFF)
    assert client.post(path, data=form(label="3"), headers=staff.headers).status_code == 201


@BOTH
def test_captions_of_what_one_may_not_see_are_not_there(client, ann, bob, add_video, root):
    hidden = add_video(ann, visibility=Visibility.PRIVATE)
    added = client.post(f"{root}/{hidden.id}/captions", data=form(), headers=ann.headers).json
    for path in (f"{root}/{hidden.id}/captions", added["url"]):
        failed(client.get(path, headers=bob.headers), 404, "NOT_FOUND")
    failed(client.get(f"{root}/{NOBODY}/captions", headers=ann.headers), 404, "NOT_FOUND")


@BOTH
def test_a_label_is_taken_once(client, ann, video, root):
    path = f"{root}/{video.id}/captions"
    client.post(path, data=form(label="English"), headers=ann.headers)
    again = client.post(path, data=form(VTT, label="English"), headers=ann.headers)
    assert "label" in fields_of(failed(again, 409, "CONFLICT"))


def test_captions_may_come_before_the_video_is_processed(client, ann, add_video, services):
    waiting = add_video(ann, playable=False, playback_version=None, duration_seconds=0.0)
    answer = client.post(f"/api/videos/{waiting.id}/captions", data=form(), headers=ann.headers)
    assert answer.status_code == 201
    # Its length is not known yet, so nothing is cut off.
    assert "After the end" in client.get(answer.json["url"], headers=ann.headers).text
    assert services.queue.length() == 0


def test_a_video_that_plays_elsewhere_takes_no_tracks(client, ann, add_video):
    seeded = add_video(ann, youtube_id="dQw4w9WgXcQ")
    answer = client.post(f"/api/videos/{seeded.id}/captions", data=form(), headers=ann.headers)
    failed(answer, 409, "CONFLICT")


def test_a_video_has_a_bounded_number_of_captions(client, ann, add_video):
    many = tuple(
        Caption(id=str(n), language="en", label=str(n), created_at=ann.user.created_at)
        for n in range(captions.MOST)
    )
    full = add_video(ann, captions=many)
    answer = client.post(f"/api/videos/{full.id}/captions", data=form(), headers=ann.headers)
    failed(answer, 409, "CONFLICT")


def test_both_families_tell_a_videos_tracks(client, ann, video):
    client.post(f"/api/videos/{video.id}/captions", data=form(), headers=ann.headers)
    platform = client.get(f"/api/videos/{video.id}", headers=ann.headers).json
    assert [found["language"] for found in platform["captions"]] == ["en"]
    assert (
        platform["audio_tracks"]
        == client.get(f"/api/videos/{video.id}/audio-tracks", headers=ann.headers).json[
            "audio_tracks"
        ]
    )
    assert platform["audio_tracks"][0] == {
        "id": "s0-1", "language": "en", "label": "Original", "default": True, "state": "ready",
        "error_message": None, "created_at": platform["audio_tracks"][0]["created_at"],
    }  # fmt: skip
    shown = client.get(f"/videos/{video.id}", headers=ann.headers).json
    assert [found["language"] for found in shown["captions"]] == ["en"]
    assert shown["captions"][0]["url"].startswith("http://localhost/videos/")
    assert [found["label"] for found in shown["audioTracks"]] == ["Original"]


# Audio tracks


def test_a_sound_waits_for_its_job_and_can_be_renamed_and_removed(client, ann, video, services):
    path = f"/api/videos/{video.id}/audio-tracks"
    added = client.post(path, data=sound_form(label="Français"), headers=ann.headers)
    assert added.status_code == 201, added.json
    assert (added.json["state"], added.json["default"]) == ("waiting", False)
    assert services.queue.length() == 1
    one = f"{path}/{added.json['id']}"
    changed = client.patch(one, json={"language": "fr-CA"}, headers=ann.headers)
    assert changed.json == added.json | {"language": "fr-CA"}
    listed = client.get(path, headers=ann.headers).json["audio_tracks"]
    assert [found["label"] for found in listed] == ["Original", "Français"]
    assert client.delete(one, headers=ann.headers).status_code == 204
    assert services.storage.size(tracks_key(video.id)) == 0
    failed(client.patch(one, json={"label": "x"}, headers=ann.headers), 404, "NOT_FOUND")


def test_the_main_sound_can_be_named_but_not_removed(client, ann, video):
    path = f"/api/videos/{video.id}/audio-tracks/s0-1"
    assert client.patch(path, json={"label": "English"}, headers=ann.headers).status_code == 200
    failed(client.delete(path, headers=ann.headers), 409, "CONFLICT")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "VALIDATION_ERROR"),
        (b"not a sound", 415, "FILE_FORMAT_NOT_SUPPORTED"),
        (b"#EXTM3U\nhttp://127.0.0.1/", 415, "FILE_FORMAT_NOT_SUPPORTED"),
    ],
)
def test_what_is_no_sound_is_refused(client, ann, video, content, status, code, settings):
    before = stored_files(settings)
    path = f"/api/videos/{video.id}/audio-tracks"
    answer = client.post(path, data=sound_form(content), headers=ann.headers)
    failed(answer, status, code)
    assert stored_files(settings) == before


def test_a_video_has_a_bounded_number_of_sounds(client, ann, add_video):
    main = main_sound(ann)
    more = (replace(main, id=str(n), label=str(n), is_main=False) for n in range(1, sounds.MOST))
    full = add_video(ann, audio_tracks=(main, *more))
    path = f"/api/videos/{full.id}/audio-tracks"
    failed(client.post(path, data=sound_form(), headers=ann.headers), 409, "CONFLICT")


def test_only_the_owner_changes_sounds(client, bob, video):
    path = f"/api/videos/{video.id}/audio-tracks"
    failed(client.post(path, data=sound_form(), headers=bob.headers), 403, "FORBIDDEN")
    failed(client.delete(f"{path}/s0-1", headers=bob.headers), 403, "FORBIDDEN")


# Streams


@pytest.fixture
def told(client, ann):
    """What a stream's answer says, asked for by either family."""

    def ask(video, family: str) -> dict[str, object]:
        token = client.get(f"/api/videos/{video.id}", headers=ann.headers).json["playback_token"]
        path = f"/stream/{video.id}" if family == "client" else f"/video/{video.id}/stream"
        answer = client.get(f"{path}?token={token}", headers=ann.headers)
        assert answer.status_code == 200, answer.json
        return answer.json

    return ask


@pytest.mark.parametrize("family", ["client", "mobile"])
def test_a_stream_tells_what_lies_beside_it_under_its_grant(ann, add_video, told, family):
    english = Caption(
        id="1", language="en", label="English", kind=TextKind.CAPTIONS, is_default=True,
        created_at=ann.user.created_at,
    )  # fmt: skip
    video = add_video(
        ann, playback_version="v2", storyboard="v2/storyboard.vtt",
        # The other one is not packaged yet.
        captions=(english, replace(english, id="2", label="Later")),
        presentation=Presentation(folder="t3-v2", base="v2", captions=("1",)),
    )  # fmt: skip
    answer = told(video, family)
    root = answer["stream_url"].removesuffix("t3-v2/master.m3u8")
    assert root.endswith(f"/{video.id}/")
    assert answer["dash_url"] == f"{root}t3-v2/manifest.mpd"
    assert answer["storyboard_url"] == f"{root}v2/storyboard.vtt"
    assert answer["captions"] == [
        {
            "language": "en", "label": "English", "kind": "captions", "default": True,
            "url": f"{root}c-1/captions.vtt",
        }
    ]  # fmt: skip


@pytest.mark.parametrize("family", ["client", "mobile"])
def test_a_stream_plays_new_renditions_at_once_though_their_manifests_lag(
    ann, add_video, told, family
):
    video = add_video(
        ann, playback_version="v2", presentation=Presentation(folder="t3-v1", base="v1")
    )
    answer = told(video, family)
    assert answer["stream_url"].endswith("/v2/master.m3u8")
    assert answer["dash_url"].endswith("/v2/manifest.mpd")
    assert not {"captions", "storyboard_url"} & set(answer)


def test_what_is_still_growing_has_no_dash_manifest(ann, add_video, told):
    assert "dash_url" not in told(add_video(ann, playback_version="v0"), "client")
