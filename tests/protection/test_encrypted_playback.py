"""Encrypted videos, all the way: processed, stored without a clear copy, and played in Chromium."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import Settings
from models.video import ProcessingStatus, Video
from services import container
from services.accounts.sessions import Device
from services.container import Services
from tests.nginx import serving
from tests.players import chromium, open_page, page_server, play
from tests.samples import TOOLS, generate
from tests.wire import bearer

pytestmark = [pytest.mark.browser, pytest.mark.media, pytest.mark.xdist_group("browser")]

CUES = b"WEBVTT\n\n00:01.000 --> 00:11.000\nNot encrypted, but shown.\n"
CLEAR_SAMPLE = (
    "-f lavfi -i testsrc2=s=640x360:r=25:d=12 -f lavfi -i sine=440:r=44100:d=12"
    " -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -b:a 64k"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A CLUTCH that listens, with an encrypted video and somebody who may watch it."""

    url: str
    services: Services
    client: FlaskClient
    video: Video
    user_id: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.token)

    def stream(self, video: Video | None = None) -> dict[str, Any]:
        video = video or self.video
        playback = self.services.catalogue.tokens.playback(self.user_id, video)
        answer: Any = self.client.get(
            f"/stream/{video.id}?token={playback}", headers=self.headers, base_url=self.url
        )
        assert answer.status_code == 200, answer.json
        return answer.json

    @property
    def folder(self) -> Path:
        return self.services.settings.media_root / "playback" / self.video.id


@pytest.fixture(scope="module")
def locked(
    base_settings: Settings, schema: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Locked]:
    folder = tmp_path_factory.mktemp("locked")
    settings = replace(base_settings, var_dir=folder, renditions=(180, 360))
    services = container.build(settings)
    user = services.accounts.sign_up(
        email="locked@example.com", password="Passw0rd", display_name="locked"
    )
    signed_in = services.accounts.sign_in(
        login=user.email, password="Passw0rd", device=Device(), lifetime=dt.timedelta(hours=24)
    )
    app = create_app(services)
    client = app.test_client()
    film = folder / "film.mp4"
    generate(CLEAR_SAMPLE, film)
    video = process(services, client, signed_in.access_token, film)
    with serving(app) as port:
        yield Locked(
            url=f"http://127.0.0.1:{port}",
            services=services,
            client=client,
            video=video,
            user_id=user.id,
            token=signed_in.access_token,
        )


def process(services: Services, client: FlaskClient, token: str, film: Path) -> Video:
    """Upload a film that is to be encrypted, and do what a worker does with it."""
    form = {
        "title": "Locked",
        "drm_enabled": "true",
        "file": (io.BytesIO(film.read_bytes()), "film.mp4"),
    }
    made: Any = client.post("/api/videos", data=form, headers=bearer(token))
    assert made.status_code == 201, made.json
    video_id = made.json["id"]
    services.transcoding.run(video_id)
    captions = {"language": "en", "label": "English", "file": (io.BytesIO(CUES), "en.vtt")}
    path = f"/api/videos/{video_id}/captions"
    assert client.post(path, data=captions, headers=bearer(token)).status_code == 201
    services.presenting.run(video_id)
    video = services.catalogue.videos.get(video_id)
    assert video is not None
    assert video.drm_enabled
    assert video.processing_status is ProcessingStatus.READY, video.processing
    return video


def readable(path: Path, init: Path | None = None, key: str = "") -> int:
    """How many pictures FFmpeg finds in a segment, told the key or not."""
    joined = (init.read_bytes() if init else b"") + path.read_bytes()
    secret = ["-decryption_key", key] if key else []
    command = [TOOLS.ffmpeg, "-v", "error", "-xerror", *secret, "-i", "pipe:0"]
    ended = subprocess.run(
        [*command, "-f", "framemd5", "-an", "-"],
        input=joined,
        capture_output=True,
        timeout=60,
        check=False,
    )
    pictures = [line for line in ended.stdout.splitlines() if line and line[:1] != b"#"]
    return len(pictures) if ended.returncode == 0 else 0


# What is stored


def test_every_segment_is_encrypted_and_only_the_key_opens_it(locked):
    key = locked.services.licences.keys.open(locked.video.id).key.hex()
    version = locked.folder / locked.video.playback_version
    segments = sorted(version.glob("*p/*.m4s"))
    assert len(segments) >= 6
    for segment in segments:
        init = segment.with_name("init.mp4")
        assert b"cbcs" in init.read_bytes()
        assert readable(segment, init) == 0
        assert readable(segment, init, key="00" * 16) == 0
        assert readable(segment, init, key=key) > 25


def test_no_copy_in_the_clear_is_left_anywhere(locked):
    """Neither stored nor in the folder where it was worked on: only pictures and captions."""
    assert (locked.video.progressive, locked.video.source) == (None, None)
    var, film = locked.services.settings.var_dir, {"film.mp4"}
    files = {file for file in var.rglob("*") if file.is_file() and file.name not in film}
    elsewhere = {file for file in files if not file.is_relative_to(locked.folder)}
    assert {file.suffix for file in elsewhere} <= {".jpg", ".vtt"}, elsewhere
    kinds = {file.suffix for file in files - elsewhere if file.name != "init.mp4"}
    assert kinds <= {".m3u8", ".mpd", ".m4s", ".jpg", ".vtt"}
    for segment in (file for file in files - elsewhere if file.suffix == ".m4s"):
        assert readable(segment, segment.with_name("init.mp4")) == 0, segment


def test_the_whole_file_is_not_served(locked):
    playback = locked.services.catalogue.tokens.playback(locked.user_id, locked.video)
    answer = locked.client.get(
        f"/api/videos/{locked.video.id}/stream?token={playback}", headers=locked.headers
    )
    assert answer.status_code == 409
    assert "encrypted" in answer.json["error"]["message"], "nobody is to wait for it"


def test_playlists_and_manifest_name_the_key_and_never_hold_it(locked):
    key = locked.services.licences.keys.open(locked.video.id)
    version = locked.folder / locked.video.playback_version
    playlists = [version / name for name in ("180p.m3u8", "360p.m3u8", "audio.m3u8")]
    for playlist in playlists:
        text = playlist.read_text()
        assert f'METHOD=SAMPLE-AES,URI="/stream/{locked.video.id}/license"' in text
        assert 'KEYFORMAT="identity"' in text
    manifest = (version / "manifest.mpd").read_text()
    assert 'value="cbcs"' in manifest
    assert str(UUID(bytes=key.key_id)) in manifest


# What plays


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    with page_server() as address:
        yield address


@pytest.mark.parametrize("form", ["dash", "hls"])
def test_shaka_player_plays_it_with_a_licence_and_seeks(locked, browser, page, form):
    told = locked.stream()
    manifest = told["stream_url" if form == "hls" else "dash_url"]
    watched = open_page(browser, page)
    servers = {told["drm"]["key_system"]: told["drm"]["license_url"]}
    playing = play(watched, manifest, player="shaka", drm=servers, headers=locked.headers)
    assert playing.reach(1.5) >= 1.5
    playing.choose_text("en")
    # Of HLS, Shaka places texts by the next picture that it loads; all are loaded by now.
    assert playing.choose_height(180) == 180
    assert playing.cue()[0] == "Not encrypted, but shown."
    assert playing.seek(8) >= 8
    frames = watched.page.evaluate("video.getVideoPlaybackQuality().totalVideoFrames")
    assert frames > 10
    system = watched.page.evaluate("shakaPlayer.drmInfo().keySystem")
    assert system == "org.w3.clearkey"
    assert watched.complaints == []
    watched.page.close()


@pytest.mark.parametrize(
    ("form", "wrong", "code"),
    [
        ("dash", "token", 6007),
        ("dash", "session", 6007),
        ("dash", "other video's token", 6007),
        ("hls", "token", 1001),
    ],
)
def test_without_a_licence_not_one_picture_is_shown(locked, browser, page, form, wrong, code):
    told = locked.stream()
    manifest = told["stream_url" if form == "hls" else "dash_url"]
    address, _, token = told["drm"]["license_url"].partition("?token=")
    other = replace(locked.video, id="0198aaaa-0000-7000-8000-000000000001")
    if wrong == "token":
        token = token[:-4] + "AAAA"
    if wrong == "other video's token":
        token = locked.services.catalogue.tokens.playback(locked.user_id, other)
    headers = bearer("x.y.z") if wrong == "session" else locked.headers
    watched = open_page(browser, page)
    with pytest.raises(Exception, match=str(code)):
        play(
            watched,
            manifest,
            player="shaka",
            drm={"org.w3.clearkey": f"{address}?token={token}"},
            headers=headers,
        )
    assert watched.page.evaluate("video.getVideoPlaybackQuality().totalVideoFrames") == 0
    watched.page.close()
