"""The lowest rendition, playable while it is still being encoded."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from config import Settings
from models.errors import BadMedia
from models.video import ProcessingStatus
from services.adapters.media.growing import END, PLAYLIST, Growing
from services.adapters.storage import LocalStorage
from services.processing.early import EarlyVersion
from services.videos.keys import playback_key, poster_key
from tests import hostile
from tests.pipeline import FFMPEG, Made, durations, ffprobe, first_colour, make
from tests.samples import TOOLS, X264, Samples, bikes, generate

pytestmark = pytest.mark.media

KEY = "playback/video/v0"
SEGMENTS = [f"{n:05}.m4s" for n in range(20)]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def film(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Forty seconds with sound, encoded as ever: long enough to look on, on a busy machine too."""
    return make(samples["long.mp4"], tmp_path_factory.mktemp("film"), (180,))


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "media")


class Watching:
    """What a player could have fetched at each moment."""

    def __init__(self, film: Made, storage: LocalStorage, folder: Path) -> None:
        self.film, self.storage, self.folder = film, storage, folder
        self.playlists: list[str] = []
        self.starts = 0
        folder.mkdir(exist_ok=True)

    def encode(self, stop_when: Callable[[list[str]], bool] = lambda _: False) -> None:
        """Encode and publish; raises `InterruptedError` as soon as it is to stop."""
        (rendition,) = self.film.renditions
        early = EarlyVersion(
            storage=self.storage, key=KEY, rendition=rendition, has_audio=True, on_first=self.start
        )
        early.recall()

        def on_segments(folder: Path, _done: float) -> None:
            early.take(folder)
            self.look()
            if stop_when(self.playlists):
                raise InterruptedError

        FFMPEG.encode_growing(
            self.film.source, self.film.info, rendition, self.folder,
            with_audio=True, on_segments=on_segments,
        )  # fmt: skip

    def start(self) -> None:
        self.starts += 1
        assert self.storage.file(f"{KEY}/master.m3u8"), "players were told too early"
        assert self.storage.file(f"{KEY}/{PLAYLIST}")

    def look(self) -> None:
        if found := self.storage.file(f"{KEY}/{PLAYLIST}"):
            text = found.read_text()
            for name in ["init.mp4", *Growing(text).segments]:
                assert self.storage.file(f"{KEY}/{name}"), f"{name} is named and not there"
            self.playlists.append(text)

    @property
    def master(self) -> Path:
        found = self.storage.file(f"{KEY}/master.m3u8")
        assert found
        return found


@pytest.fixture
def watching(film: Made, storage: LocalStorage, tmp_path: Path) -> Watching:
    return Watching(film, storage, tmp_path / "work")


def test_a_playlist_only_grows_and_names_what_is_there(watching):
    watching.encode()
    named = [Growing(text).segments for text in watching.playlists]
    assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(named))
    assert named[-1] == SEGMENTS
    assert END not in watching.playlists[0], "it was all there at once"
    assert END in watching.playlists[-1]
    assert watching.starts == 1
    assert len(named[0]) >= 3, "Chromium fails with fewer"
    for text in watching.playlists:
        assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
        assert "#EXT-X-START:TIME-OFFSET=0" in text, "players would start near its end"
        assert "#EXT-X-TARGETDURATION:2\n" in text, "it must not change"


def test_what_was_published_early_plays_from_beginning_to_end(watching, film):
    watching.encode()
    command = [TOOLS.ffmpeg, "-v", "error", "-xerror", "-i", watching.master]
    subprocess.run([*command, "-map", "0", "-f", "null", "-"], check=True, timeout=60)
    playlist = watching.master.with_name(PLAYLIST)
    assert durations(playlist) == [2] * 20
    assert 'CODECS="avc1.' in watching.master.read_text()
    assert 'mp4a.40.2",RESOLUTION=320x180' in watching.master.read_text()
    single = watching.master.with_name("master-180p.m3u8")
    assert single.read_text() == watching.master.read_text()


def test_the_files_beside_it_are_those_of_any_encoding(watching, film):
    watching.encode()
    packets = ("-show_entries", "packet=pts_time,dts_time,flags:stream=width,height,duration")
    for name in ("180p.mp4", "audio.mp4"):
        assert ffprobe(watching.folder / name, *packets) == ffprobe(film.folder / name, *packets)


def test_who_takes_over_from_a_killed_worker_goes_on_where_it_ended(watching):
    with pytest.raises(InterruptedError):
        watching.encode(stop_when=bool)
    before = Growing(watching.playlists[-1])
    assert before.segments
    assert not before.has_ended
    first = watching.master.with_name("00000.m4s")
    written_at = first.stat().st_mtime_ns
    other = Watching(watching.film, watching.storage, watching.folder.with_name("elsewhere"))
    other.encode()
    assert other.starts == 1, "MongoDB may not have heard of it"
    named = [Growing(text).segments for text in (*watching.playlists, *other.playlists)]
    assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(named))
    assert END in other.playlists[-1]
    assert first.stat().st_mtime_ns == written_at, "it may be on its way to somebody"
    command = [TOOLS.ffmpeg, "-v", "error", "-xerror", "-i", watching.master]
    subprocess.run([*command, "-map", "0", "-f", "null", "-"], check=True, timeout=60)


def test_what_was_encoded_before_its_worker_was_killed_is_not_encoded_again(watching, film):
    """Killed after the file had been kept, and before its last segments were published."""
    with pytest.raises(InterruptedError):
        watching.encode(stop_when=bool)
    for name in ("180p.mp4", "audio.mp4"):
        (watching.folder / name).write_bytes((film.folder / name).read_bytes())
    before = (watching.folder / "180p.mp4").stat().st_mtime_ns
    watching.encode()
    assert (watching.folder / "180p.mp4").stat().st_mtime_ns == before
    assert Growing(watching.playlists[-1]).segments == SEGMENTS
    assert END in watching.playlists[-1]
    command = [TOOLS.ffmpeg, "-v", "error", "-xerror", "-i", watching.master]
    subprocess.run([*command, "-map", "0", "-f", "null", "-"], check=True, timeout=60)


# Through the whole pipeline


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, renditions=(180,))


def versions(settings: Settings, video_id: str) -> list[str]:
    folder = settings.media_root / playback_key(video_id)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_video_is_published_early_and_then_for_good(services, settings):
    video = services.seeding.upload(bikes()).video
    told: list[str] = []
    videos = services.catalogue.videos

    class Ear:
        def __call__(self, event: str, video) -> None:
            told.append(f"{event} {video.playback_version}")

    announcer = replace(services.transcoding.announcer, listeners=(Ear(),))
    steps = replace(services.transcoding.steps, announcer=announcer)
    assert replace(services.transcoding, steps=steps, announcer=announcer).run(video.id)
    assert told == ["playable v0", "playable v1", "ready v1"]
    ready = videos.get(video.id)
    assert ready.processing_status is ProcessingStatus.READY
    assert ready.published_at is not None
    assert versions(settings, video.id) == ["v0", "v1"]


def test_what_is_to_be_encrypted_or_is_over_at_once_is_not_published_early(
    services, settings, samples
):
    videos = services.catalogue.videos
    for path, is_secret in ((bikes(), True), (samples["short.mp4"], False)):
        video = services.seeding.upload(path).video
        change = {"$set": {"drm_enabled": is_secret}}
        videos.collection.update_one({"id": video.id}, change)
        services.transcoding.run(video.id)
        assert videos.get(video.id).processing_status is ProcessingStatus.READY
        assert versions(settings, video.id) == ["v1"]


def test_half_of_what_turns_out_to_be_damaged_is_taken_back(services, settings, samples):
    torn = samples.folder / "torn.mp4"
    content = hostile.half_overwritten(samples["faststart.mp4"].read_bytes())
    torn.write_bytes(content)
    video = services.seeding.upload(torn).video
    services.transcoding.run(video.id)
    failed = services.catalogue.videos.get(video.id)
    assert (failed.processing_status, failed.processing.error_code) == ("error", "damaged")
    assert (failed.playable, failed.playback_version, failed.renditions) == (False, None, ())
    assert versions(settings, video.id) == []


def test_a_damaged_file_is_damaged_either_way(samples, tmp_path, film):
    torn = samples.folder / "half.mp4"
    torn.write_bytes(hostile.half_overwritten(samples["faststart.mp4"].read_bytes()))
    with pytest.raises(BadMedia, match="damaged"):
        FFMPEG.encode_growing(
            torn, FFMPEG.inspect(torn), film.renditions[0], tmp_path,
            with_audio=True, on_segments=lambda *_: None,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_a_poster_that_was_chosen_in_haste_is_chosen_anew(services, settings, tmp_path):
    """What begins with ten seconds of black is shown by what follows them, once there is time."""
    film = tmp_path / "film.mp4"
    black = "-f lavfi -i color=black:s=160x90:r=25:d=30"
    white = "drawbox=c=white:t=fill:enable='gte(t,11)'"
    generate(f"{black} -vf {white} {X264} -g 25", film)
    video = services.seeding.upload(film).video
    brightness: list[tuple[int, ...]] = []

    class Ear:
        def __call__(self, *_: object) -> None:
            poster = services.storage.file(poster_key(video.id))
            brightness.append(first_colour(poster))

    announcer = replace(services.transcoding.announcer, listeners=(Ear(),))
    steps = replace(services.transcoding.steps, announcer=announcer)
    assert replace(services.transcoding, steps=steps, announcer=announcer).run(video.id)
    assert max(brightness[0]) < 10, "it plays before all of it could be looked at"
    assert min(brightness[-1]) > 100
