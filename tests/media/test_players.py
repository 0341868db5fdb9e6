"""hls.js and Shaka Player play every track: texts are shown, sounds heard, pictures found."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from app import create_app
from config import Settings
from services import container
from services.container import Services
from tests.players import Playing, chromium, open_page, page_server, play
from tests.samples import generate
from tests.tracks import SRT, VTT, film, member, tone, upload, video_of

pytestmark = [pytest.mark.browser, pytest.mark.media, pytest.mark.xdist_group("players")]

# What is heard in which language; English is the source's default.
TONES = {"de": 300, "en": 600, "fr": 900}
# As `--flag`s of a test: the player, and which manifest it is given.
PLAYERS = pytest.mark.parametrize(
    ("player", "manifest"),
    [("hls", "master.m3u8"), ("shaka", "master.m3u8"), ("shaka", "manifest.mpd")],
    ids=["hls.js", "Shaka with HLS", "Shaka with DASH"],
)


@dataclass(frozen=True)
class Playable:
    """A video with every kind of track, where players reach it."""

    folder: str
    storyboard: str


@pytest.fixture(scope="module")
def services(base_settings: Settings, schema: None, wipe, tmp_path_factory) -> Services:
    wipe()
    folder = tmp_path_factory.mktemp("players")
    return container.build(replace(base_settings, var_dir=folder, renditions=(90, 180)))


@pytest.fixture(scope="module")
def address(services: Services) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(services), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def playable(services: Services, address: str, tmp_path_factory) -> Playable:
    """Two sounds in the source, one uploaded; captions from before and after processing."""
    folder: Path = tmp_path_factory.mktemp("film")
    owner = member(services)
    tones = [(TONES["de"], "ger", ""), (TONES["en"], "eng", "English")]
    video_id = upload(services, owner, film(folder / "film.mkv", 12, tones, size="320x180"))
    early, late, french = folder / "early.srt", folder / "late.vtt", folder / "french.m4a"
    early.write_text(SRT)
    services.captions.add(owner, video_id, early, language="en", label="English")
    services.transcoding.run(video_id)
    late.write_text(VTT)
    services.captions.add(owner, video_id, late, language="de", label="Deutsch")
    generate(f"{tone(TONES['fr'], 12.4)} -c:a aac", french)
    services.audio_tracks.add(owner, video_id, french, language="fr")
    services.presenting.run(video_id)
    video = video_of(services, video_id)
    path = services.playback.grants.path(video_id, "", video.duration_seconds)
    return Playable(f"{address}{path}{video.manifests}", f"{address}{path}{video.storyboard}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def page_address() -> Iterator[str]:
    with page_server() as address:
        yield address


@pytest.fixture
def start(browser: Browser, page_address: str, playable: Playable):
    """Begin to play, and hold it against the player if it complained in the end."""
    opened = []

    def start(player: str, manifest: str) -> Playing:
        watched = open_page(browser, page_address)
        opened.append(watched)
        return play(watched, f"{playable.folder}/{manifest}", player=player)

    yield start
    for watched in opened:
        watched.page.close()
        assert watched.complaints == []


@PLAYERS
def test_captions_are_offered_and_shown_when_they_are_chosen(start, player, manifest):
    playing = start(player, manifest)
    assert sorted(playing.text_languages()) == ["de", "en"]
    assert not playing.text_is_on()
    playing.choose_text("de")
    playing.look_at(9)
    assert playing.cue() == ("Noch da", 6)
    playing.look_at(2)
    assert playing.cue() == ("Hallo & willkommen", 1)
    playing.choose_text("en")
    assert playing.cue() == ("Hello & welcome", 1)


@PLAYERS
def test_every_sound_can_be_chosen_and_is_heard(start, player, manifest):
    playing = start(player, manifest)
    assert sorted(playing.audio_languages()) == sorted(TONES)
    playing.hears(TONES["en"])
    playing.choose_audio("fr")
    playing.hears(TONES["fr"])
    playing.choose_audio("de")
    playing.hears(TONES["de"])


@PLAYERS
def test_qualities_change_and_the_sound_goes_on(start, player, manifest):
    playing = start(player, manifest)
    assert sorted(playing.heights()) == [90, 180]
    for height in (90, 180):
        assert playing.choose_height(height) == height
    playing.seek(9)
    playing.hears(TONES["en"])


def test_small_pictures_are_found_in_the_manifest_and_in_the_webvtt(start, playable):
    playing = start("shaka", "manifest.mpd")
    for vtt in ("", playable.storyboard):
        found = playing.thumbnail(7, vtt)
        assert (found["positionX"], found["width"], found["startTime"]) == (3 * 160, 160, 6)
        assert found["url"].partition("#")[0].endswith("/storyboard-001.jpg")
    status = playing.watched.page.request.get(found["url"].partition("#")[0]).status
    assert status == 200


def test_playing_fast_shows_key_frames_alone(start):
    playing = start("shaka", "manifest.mpd")
    playing.play_fast(4)
    assert any("_trick/" in url for url in playing.watched.requests)


def test_chromium_itself_plays_the_same_master(start):
    playing = start("native", "master.m3u8")
    assert playing.reach(2) >= 2
    assert playing.seek(8) >= 8
