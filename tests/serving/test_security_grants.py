"""Attacks on playback grants: an expiring signature in a path, and the files behind it."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from services.videos.keys import playback_key, poster_key, source_key
from tests.wire import NOBODY, failed


@pytest.fixture
def granted(ann, add_video, services, tmp_path: Path) -> tuple[str, str, str]:
    """The parts of a grant: signature, expiry, video; `v2/master.m3u8` and more lie behind it."""
    video, other = add_video(ann, duration_seconds=60.0), add_video(ann)
    for key in (
        f"{playback_key(video.id)}/v2/master.m3u8",
        f"{playback_key(video.id)}/v2/seg.m4s",
        f"{playback_key(video.id)}/v2/.hidden",
        f"{playback_key(video.id)}/v2/notes.txt",
        f"{playback_key(other.id)}/v2/master.m3u8",
        poster_key(video.id),
        f"{source_key(video.id)}.mp4",
    ):
        file = tmp_path / "made"
        file.write_bytes(b"#EXTM3U")
        services.storage.adopt(file, key)
    path = services.playback.grants.path(video.id, "v2/master.m3u8", 60.0)
    _, _, signature, expires, video_id, _ = path.split("/", 5)
    return signature, expires, video_id


def test_a_grant_opens_every_file_of_its_video_to_anybody(client, granted):
    base = "/hls/" + "/".join(granted)
    playlist = client.get(f"{base}/v2/master.m3u8")
    assert (playlist.status_code, playlist.data) == (200, b"#EXTM3U")
    assert playlist.content_type.startswith("application/vnd.apple.mpegurl")
    part = client.get(f"{base}/v2/seg.m4s", headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.data) == (206, b"#E")
    failed(client.get(f"{base}/v2/none.m4s"), 404, "NOT_FOUND")


def test_a_grant_is_what_nginx_computes(granted, settings):
    signature, expires, video = granted
    digest = hashlib.md5(f"{expires}/{video} {settings.edge_key}".encode()).digest()  # noqa: S324 - secure_link's
    assert signature == base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_a_grant_ends(client, granted, clock):
    clock.forward(hours=1, minutes=8)
    failed(client.get("/hls/{}/{}/{}/v2/master.m3u8".format(*granted)), 410, "GONE")


# What is asked for, made of the parts of a good grant.
BENT = {
    "another signature": "{reversed}/{expires}/{video}/v2/master.m3u8",
    "an empty signature": "-/{expires}/{video}/v2/master.m3u8",
    "a longer signature": "{signature}A/{expires}/{video}/v2/master.m3u8",
    "a non-ASCII signature": "ääääääääääääääääääääää/{expires}/{video}/v2/master.m3u8",
    "a later expiry": "{signature}/{later}/{video}/v2/master.m3u8",
    "an endless expiry": "{signature}/9999999999/{video}/v2/master.m3u8",
    "an expiry in other digits": "{signature}/٤٤٤٤٤٤٤٤٤٤/{video}/v2/master.m3u8",
    "a negative expiry": "{signature}/-{expires}/{video}/v2/master.m3u8",
    "a huge expiry": "{signature}/{expires}" + "9" * 5000 + "/{video}/v2/master.m3u8",
    "another video": "{signature}/{expires}/{other}/v2/master.m3u8",
    "video in capitals": "{signature}/{expires}/{upper}/v2/master.m3u8",
    "no video": "{signature}/{expires}//v2/master.m3u8",
}
# The same within a grant that is good: which files it must not open.
OUTSIDE = {
    "dots": "../posters/{video}.jpg",
    "dots within": "v2/../../../posters/{video}.jpg",
    "encoded dots": "%2e%2e/%2e%2e/posters/{video}.jpg",
    "twice encoded dots": "%252e%252e/posters/{video}.jpg",
    "encoded slashes": "..%2f..%2fposters%2f{video}.jpg",
    "backslashes": "..\\..\\posters\\{video}.jpg",
    "encoded backslashes": "..%5c..%5cposters%5c{video}.jpg",
    "a NUL byte": "v2/master.m3u8%00.jpg",
    "a line break": "v2/master.m3u8%0a",
    "an absolute path": "%2fetc/passwd.mp4",
    "another kind of file": "v2/notes.txt",
    "a hidden file": "v2/.hidden",
    "a folder": "v2/",
    "no file": "",
    "a tilde": "~root/x.mp4",
    "a long name": "v2/" + "a" * 5000 + ".m4s",
    "a name just too long for the disk": "v2/" + "a" * 252 + ".m4s",
    "many folders": "a/" * 2000 + "x.m4s",
}


def assert_refused(answer) -> None:
    assert answer.status_code in {403, 404}
    failed(answer, answer.status_code, {403: "FORBIDDEN", 404: "NOT_FOUND"}[answer.status_code])


@pytest.mark.parametrize("attack", BENT)
def test_a_bent_grant_opens_nothing(client, granted, attack):
    signature, expires, video = granted
    path = BENT[attack].format(
        signature=signature,
        expires=expires,
        video=video,
        reversed=signature[::-1],
        later=int(expires) + 300,
        other=NOBODY,
        upper=video.upper(),
    )
    assert_refused(client.get(f"/hls/{path}", follow_redirects=True))


@pytest.mark.parametrize("attack", OUTSIDE)
def test_a_good_grant_opens_nothing_else(client, granted, attack):
    file = OUTSIDE[attack].format(video=granted[2])
    path = f"/hls/{'/'.join(granted)}/{file}"
    assert_refused(client.get(path, follow_redirects=True))


@pytest.mark.parametrize("path", ["/hls", "/hls/", "/hls/x", "/hls/a/b/c", "/hls/a/b/c/d/e/f.mp4"])
def test_what_is_not_even_a_grant_opens_nothing(client, path):
    assert_refused(client.get(path, follow_redirects=True))


@pytest.mark.parametrize("name", ["../config.py", "%2e%2e/x", "..%2f..%2fx", "\\..\\x", "a%00b"])
@pytest.mark.parametrize("folder", ["/static/", "/docs/assets/"])
def test_no_file_is_served_from_outside_its_folder(client, folder, name):
    failed(client.get(folder + name), 404, "NOT_FOUND")
