"""Captions and further sounds, from a file to what manifests name; old manifests go on working."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from config import Settings
from models.errors import Conflict, Invalid
from models.tracks import AudioTrack, TextKind, TrackState
from models.video import Video
from services import container
from services.adapters.media import storyboard
from services.adapters.queue import Job
from services.container import Services
from services.policies import Actor
from services.processing.grid import KEY_FRAME_SECONDS
from services.uploads.uploads import Upload
from services.videos.editing import Change
from services.videos.keys import playback_key, tracks_key
from tests.conftest import Clock
from tests.embedded_starts import eventually
from tests.pipeline import ffprobe
from tests.s3 import S3Bucket, s3_bucket, s3_server
from tests.samples import TOOLS, X264, generate, picture
from tests.tracks import SRT, VTT, film, member, tone, upload, video_of

__all__ = ["s3_bucket", "s3_server"]

pytestmark = pytest.mark.media

SIZE, SECONDS = "320x180", 6
ENGLISH, GERMAN = {"language": "en", "label": "English"}, {"language": "de", "label": "Deutsch"}


@pytest.fixture(scope="module")
def settings(base_settings: Settings, schema: None, wipe, tmp_path_factory) -> Settings:
    """Of this whole module: what is processed once is looked at by several tests."""
    wipe()  # a video of somebody else's test that still waits would come before ours
    folder = tmp_path_factory.mktemp("tracks")
    return replace(base_settings, var_dir=folder, renditions=(90, 180))


@pytest.fixture(scope="module")
def services(settings: Settings) -> Services:
    return container.build(settings)


@pytest.fixture(scope="module")
def ann(services: Services) -> Actor:
    return member(services)


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    silent = folder / "silent.mp4"
    generate(f"{picture(SIZE, SECONDS)} {X264}", silent)
    tones = [(300, "ger", ""), (600, "eng", "Original"), (900, "und", "")]
    return {
        "three.mkv": film(folder / "three.mkv", SECONDS, tones, size=SIZE),
        "silent.mp4": silent,
    }


@pytest.fixture(scope="module")
def three(services: Services, ann: Actor, films) -> str:
    """A processed video with three sounds, and captions from before it was processed."""
    video_id = upload(services, ann, films["three.mkv"])
    add_captions(services, ann, video_id, SRT, ENGLISH)
    services.transcoding.run(video_id)
    return video_id


@pytest.fixture(scope="module")
def silent(services: Services, ann: Actor, films) -> str:
    video_id = upload(services, ann, films["silent.mp4"])
    services.transcoding.run(video_id)
    return video_id


def add_captions(
    services: Services, owner: Actor, video_id: str, text: str, said: dict[str, Any]
) -> str:
    file = services.storage.incoming() / "captions"
    file.write_text(text)
    return services.captions.add(owner, video_id, file, **said).caption.id


def add_sound(
    services: Services, owner: Actor, video_id: str, arguments: str, language: str = "fr"
) -> AudioTrack:
    """Upload a sound, and have the job look at it."""
    file = services.storage.incoming() / f"sound-{language}.m4a"
    generate(arguments, file)
    added = services.audio_tracks.add(owner, video_id, file, language=language)
    services.presenting.run(video_id)
    [kept] = [t for t in video_of(services, video_id).audio_tracks if t.id == added.id]
    return kept


def file_of(services: Services, video: Video, name: str) -> Path:
    found = services.storage.file(f"{playback_key(video.id)}/{name}")
    assert found, name
    return found


def master_of(services: Services, video: Video) -> str:
    return file_of(services, video, f"{video.manifests}/master.m3u8").read_text()


def hertz(path: Path) -> float:
    """How high a tone is, by counting how often it crosses zero in a second."""
    command = [TOOLS.ffmpeg, "-v", "error", "-ss", "2", "-t", "1", "-i", path, "-map", "0:a"]
    pcm = subprocess.run(
        [*command, "-ac", "1", "-ar", "16000", "-f", "s8", "-"],
        capture_output=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    signs = [byte < 128 for byte in pcm if byte not in {0, 255, 1}]
    return sum(a != b for a, b in pairwise(signs)) / 2 / (len(pcm) / 16000)


# Captions


def test_captions_from_before_processing_are_in_what_plays_afterwards(services, three):
    video = video_of(services, three)
    assert video.manifests == f"t{video.tracks.revision}-v2"
    assert 'LANGUAGE="en",NAME="English",DEFAULT=NO' in master_of(services, video)
    assert video.tracks.due_at is None
    for name in ("manifest.mpd", "master-90p.m3u8", "master-180p.m3u8"):
        assert "c-" in file_of(services, video, f"{video.manifests}/{name}").read_text()


def test_what_is_said_after_the_end_is_cut_off(services, three):
    video = video_of(services, three)
    whole = file_of(services, video, f"c-{video.captions[0].id}/captions.vtt").read_text()
    assert "Hello &amp; <i>welcome</i>" in whole
    assert "After the end" not in whole


def test_segments_of_text_count_time_from_where_pictures_do(services, three):
    """Else every caption would come a tenth of a second late."""
    video = video_of(services, three)
    folder = f"c-{video.captions[0].id}"
    playlist = file_of(services, video, f"{folder}/captions.m3u8").read_text()
    assert "captions/00001.vtt" in playlist
    segment = file_of(services, video, f"{folder}/captions/00001.vtt").read_text()
    assert "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n" in segment
    assert "00:00:01.000 --> 00:00:05.500" in segment


def test_a_change_makes_new_manifests_and_who_watches_by_the_old_goes_on(services, ann, three):
    before = video_of(services, three)
    old_master = master_of(services, before)
    caption_id = add_captions(services, ann, three, VTT, GERMAN)
    services.presenting.run(three)
    with_two = video_of(services, three)
    assert [c.label for c in with_two.captions] == ["English", "Deutsch"]
    assert 'NAME="Deutsch"' in master_of(services, with_two)

    services.captions.change(ann, three, caption_id, label="German", is_default=True)
    services.presenting.run(three)
    assert 'NAME="German",DEFAULT=YES' in master_of(services, video_of(services, three))

    services.captions.remove(ann, three, caption_id)
    services.presenting.run(three)
    after = video_of(services, three)
    assert "German" not in master_of(services, after)
    assert file_of(services, before, f"{before.manifests}/master.m3u8").read_text() == old_master
    # Whoever reads them at this moment is not cut off.
    assert file_of(services, with_two, f"c-{caption_id}/captions.m3u8")
    assert services.storage.size(f"{tracks_key(three)}/{caption_id}.vtt") == 0


def test_without_tracks_there_is_nothing_but_what_was_packaged(services, ann, silent):
    caption_id = add_captions(services, ann, silent, SRT, ENGLISH)
    services.presenting.run(silent)
    assert video_of(services, silent).manifests != "v2"
    services.captions.remove(ann, silent, caption_id)
    services.presenting.run(silent)
    assert video_of(services, silent).manifests == "v2"


def test_captions_of_a_video_that_is_shorter_than_all_of_them_are_refused(services, ann, silent):
    with pytest.raises(Invalid) as refused:
        add_captions(services, ann, silent, "WEBVTT\n\n01:00.000 --> 01:01.000\nlate\n", GERMAN)
    assert "later than the end" in refused.value.message
    assert services.storage.size(tracks_key(silent)) == 0


def test_captions_for_the_deaf_are_told_from_subtitles(services, ann, silent):
    said = {**ENGLISH, "kind": TextKind.CAPTIONS}
    caption_id = add_captions(services, ann, silent, SRT, said)
    services.presenting.run(silent)
    assert "transcribes-spoken-dialog" in master_of(services, video_of(services, silent))
    services.captions.remove(ann, silent, caption_id)


def test_of_many_changes_at_once_none_is_lost(services, ann, silent):
    numbers = range(5)

    def add(number: int) -> str:
        file = services.storage.incoming() / f"captions-{number}"
        file.write_text(VTT)
        said = {"language": "de", "label": f"Nr. {number}", "is_default": True}
        return services.captions.add(ann, silent, file, **said).caption.id

    with ThreadPoolExecutor(5) as pool:
        ids = set(pool.map(add, numbers))
    services.presenting.run(silent)
    video = video_of(services, silent)
    assert {caption.id for caption in video.captions} == ids
    assert sum(caption.is_default for caption in video.captions) == 1
    assert master_of(services, video).count("TYPE=SUBTITLES") == len(ids)
    for caption_id in ids:
        services.captions.remove(ann, silent, caption_id)


def test_two_captions_of_one_name_are_a_conflict(services, ann, three):
    with pytest.raises(Conflict):
        add_captions(services, ann, three, VTT, ENGLISH)
    assert len(video_of(services, three).captions) == 1


# Work that is left undone


def test_what_nobody_is_at_is_queued_again(services, settings, ann, three):
    caption_id = add_captions(services, ann, three, VTT, GERMAN)
    clock = Clock()
    later = container.build(settings, now=clock)
    # A worker took it, and was killed.
    now = services.presenting.now()
    assert services.catalogue.videos.claim_tracks(three, now=now, until=later.presenting.now())
    clock.forward(hours=2)
    later.presenting.sweep()
    assert services.queue.is_waiting(Job.PACKAGE_TRACKS, three)
    later.presenting.run(three)
    video = video_of(services, three)
    assert 'NAME="Deutsch"' in master_of(services, video)
    assert video.tracks.due_at is None
    services.captions.remove(ann, three, caption_id)
    later.presenting.run(three)


def test_doing_it_again_changes_nothing(services, three):
    before = video_of(services, three)
    services.presenting.run(three)
    services.presenting.present(three)
    after = video_of(services, three)
    assert replace(after, tracks=replace(after.tracks, tidy_at=before.tracks.tidy_at)) == before


def test_what_changes_while_manifests_are_written_is_in_the_next_ones(services, ann, three):
    """The renditions changed as well: what was written over the old ones is not pointed at."""
    read = video_of(services, three)
    services.catalogue.videos.change_tracks(read, services.presenting.now())
    assert services.catalogue.videos.present(read, None, tidy_at=None) is False
    services.presenting.present(three)
    assert video_of(services, three).presentation is not None


def test_what_nobody_can_be_watching_any_more_goes(services, settings, ann, silent):
    add_captions(services, ann, silent, SRT, ENGLISH)
    caption_id = add_captions(services, ann, silent, VTT, GERMAN)
    services.presenting.run(silent)
    services.captions.remove(ann, silent, caption_id)
    services.presenting.run(silent)
    clock = Clock()
    later = container.build(settings, now=clock)
    clock.forward(hours=1)
    later.tidying.sweep()
    assert services.storage.size(f"{playback_key(silent)}/c-{caption_id}") > 0
    clock.forward(hours=1)
    later.tidying.sweep()
    video = video_of(services, silent)
    entries = services.storage.entries(f"{playback_key(silent)}/")
    folders = {entry.key.split("/")[2] for entry in entries}
    kept = {f"c-{video.captions[0].id}", video.manifests}
    assert {folder for folder in folders if re.match("[act]", folder)} == kept
    assert {folder for folder in folders if folder.startswith("v")} == {"v2"}
    assert [step.findings for step in later.library_check.check() if step.findings] == []
    assert video.tracks.tidy_at is None
    services.captions.remove(ann, silent, video.captions[0].id)


# Sounds


def test_every_sound_of_the_source_is_there_its_default_first(services, three):
    video = video_of(services, three)
    assert [(s.language, s.label, s.is_main, s.state) for s in video.audio_tracks] == [
        ("en", "Original", True, TrackState.READY),
        ("de", "de", False, TrackState.READY),
        ("", "Audio 3", False, TrackState.READY),
    ]
    master = master_of(services, video)
    assert master.count("TYPE=AUDIO") == 3
    assert re.search(r'v2/audio.m3u8".*NAME="Original",DEFAULT=YES', master)


def test_each_sound_is_the_one_that_its_name_says(services, three):
    video = video_of(services, three)
    for sound, expected in zip(video.audio_tracks, (600, 300, 900), strict=True):
        name = "v2/audio.m3u8" if sound.is_main else f"a-{sound.id}/audio.m3u8"
        assert hertz(file_of(services, video, name)) == pytest.approx(expected, abs=20)


def test_the_one_file_mp4_has_the_default_sound_alone(services, three):
    progressive = services.storage.file(video_of(services, three).progressive)
    assert ffprobe(progressive, "-show_entries", "stream=codec_type") == ["video", "audio"]
    assert hertz(progressive) == pytest.approx(600, abs=20)


def test_a_sound_that_is_added_is_as_long_as_the_video(services, ann, three):
    added = add_sound(services, ann, three, f"{tone(1200, SECONDS - 1.5)} -c:a aac")
    video = video_of(services, three)
    assert added.state is TrackState.READY
    playlist = file_of(services, video, f"a-{added.id}/audio.m3u8")
    seconds = sum(map(float, re.findall(r"#EXTINF:([0-9.]+)", playlist.read_text())))
    assert seconds == pytest.approx(SECONDS, abs=0.1)
    assert hertz(playlist) == pytest.approx(1200, abs=20)
    assert 'LANGUAGE="fr",NAME="fr"' in master_of(services, video)
    # The upload was only kept until then.
    assert services.storage.size(f"{tracks_key(three)}/{added.id}") == 0
    services.audio_tracks.remove(ann, three, added.id)
    services.presenting.run(three)
    assert 'LANGUAGE="fr"' not in master_of(services, video_of(services, three))


def test_who_encodes_a_sound_says_so_and_is_followed_soon_after_a_kill(
    services, settings, ann, silent, tmp_path
):
    def due() -> datetime:
        found = video_of(services, silent).tracks.due_at
        assert found
        return found

    class Killed:
        def encode(self, *_: object) -> None:
            claimed = due()
            eventually(lambda: due() > claimed)
            raise SystemExit

    file = tmp_path / "sound.m4a"
    generate(f"{tone(500, SECONDS)} -c:a aac", file)
    added = services.audio_tracks.add(ann, silent, file, language="fr")
    began = services.presenting.now()
    with pytest.raises(SystemExit):
        replace(services.presenting, sounds=Killed(), beat_seconds=0.05).run(silent)
    clock = Clock()
    clock.forward(minutes=2)
    assert began < due() < clock()
    container.build(settings, now=clock).presenting.run(silent)
    assert video_of(services, silent).audio_tracks == (replace(added, state=TrackState.READY),)
    services.audio_tracks.remove(ann, silent, added.id)
    services.presenting.run(silent)


def test_a_silent_video_is_heard_once_it_has_a_sound(services, ann, silent):
    added = add_sound(services, ann, silent, f"{tone(500, SECONDS)} -c:a aac")
    video = video_of(services, silent)
    master = master_of(services, video)
    assert re.search(r'NAME="fr",DEFAULT=YES', master)
    assert re.search(r'CODECS="avc1[^"]*,mp4a.40.2".*AUDIO="audio"', master)
    heard = file_of(services, video, f"{video.manifests}/master.m3u8")
    assert hertz(heard) == pytest.approx(500, abs=20)
    services.audio_tracks.remove(ann, silent, added.id)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (f"{tone(500, SECONDS + 4)} -c:a aac", "wrong_length"),
        (f"{tone(500, 2)} -c:a aac", "wrong_length"),
        (f"{picture('160x90', 1)} {X264} -f mp4", "not_a_sound"),
    ],
)
def test_a_sound_that_does_not_fit_fails_with_a_reason(services, ann, three, arguments, reason):
    before = master_of(services, video_of(services, three))
    added = add_sound(services, ann, three, arguments, reason[:3])
    assert (added.state, added.error_code) == (TrackState.FAILED, reason)
    assert added.error_message
    assert master_of(services, video_of(services, three)).count("TYPE=AUDIO") == before.count(
        "TYPE=AUDIO"
    )
    services.audio_tracks.remove(ann, three, added.id)
    services.presenting.run(three)


def test_the_sound_of_the_picture_cannot_be_taken_from_it(services, ann, three):
    main = video_of(services, three).audio_tracks[0]
    with pytest.raises(Conflict):
        services.audio_tracks.remove(ann, three, main.id)


def test_the_sounds_of_an_encrypted_video_are_encrypted(services, ann, films):
    video_id = upload(services, ann, films["three.mkv"], drm_enabled=True)
    services.transcoding.run(video_id)
    added = add_sound(services, ann, video_id, f"{tone(500, SECONDS)} -c:a aac")
    video = video_of(services, video_id)
    assert master_of(services, video).count("TYPE=AUDIO") == 4
    for folder in ("v2", "a-s0-1", f"a-{added.id}"):
        assert b"cbcs" in file_of(services, video, f"{folder}/audio/init.mp4").read_bytes()
        playlist = file_of(services, video, f"{folder}/audio.m3u8")
        assert "METHOD=SAMPLE-AES" in playlist.read_text()
    manifest = file_of(services, video, f"{video.manifests}/manifest.mpd").read_text()
    assert manifest.count('value="cbcs"') >= 4


# Small pictures


def test_a_storyboard_has_a_picture_for_each_interval(services, three):
    video = video_of(services, three)
    assert video.storyboard == "v2/storyboard.vtt"
    vtt = file_of(services, video, video.storyboard).read_text()
    where = re.findall(r"^(storyboard-\d+\.jpg)#xywh=(\d+),(\d+),(\d+),(\d+)$", vtt, re.MULTILINE)
    assert len(where) == SECONDS / KEY_FRAME_SECONDS
    with Image.open(file_of(services, video, f"v2/{where[0][0]}")) as sheet:
        for _, x, y, width, height in where:
            assert int(x) + int(width) <= sheet.width
            assert int(y) + int(height) <= sheet.height
        tiles = {sheet.crop((x, 0, x + 160, 90)).tobytes() for x in (0, 160, 320)}
    assert len(tiles) == 3


def test_sounds_of_the_content_before_are_not_heard_with_new_content(services, ann, films):
    video_id = upload(services, ann, films["three.mkv"])
    services.transcoding.run(video_id)
    assert len(video_of(services, video_id).audio_tracks) == 3
    path = services.storage.incoming() / "silent"
    path.write_bytes(films["silent.mp4"].read_bytes())
    new = Upload(path=path, filename="silent.mp4")
    services.replacing.update(ann, video_id, Change(), new)
    services.transcoding.run(video_id)
    services.presenting.run(video_id)
    video = video_of(services, video_id)
    assert (video.audio_tracks, video.processing.edition) == ((), 1)
    assert "TYPE=AUDIO" not in master_of(services, video)


@pytest.mark.parametrize("seconds", [0.04, 2, 6, 39, 200, 999, 1001, 3600, 4 * 3600])
def test_a_storyboard_covers_the_video_on_few_sheets(seconds):
    planned = storyboard.plan(seconds)
    assert planned.interval_seconds % KEY_FRAME_SECONDS == 0
    assert planned.interval_seconds * planned.pictures >= seconds
    assert planned.interval_seconds * (planned.pictures - 1) < seconds
    sheets = -(-planned.pictures // (planned.columns * planned.rows))
    assert sheets <= storyboard.MOST_SHEETS
    assert planned.columns <= 10
    assert planned.rows <= 10


def test_a_portrait_has_a_portrait_storyboard(tmp_path):
    source = tmp_path / "portrait.mp4"
    generate(f"{picture('180x320', 4)} {X264} -g 50", source)
    maker = storyboard.Storyboards(TOOLS)
    maker.make(source, (180, 320), 4, tmp_path / "storyboard")
    sheets = storyboard.read(tmp_path / "storyboard" / "storyboard.vtt")
    assert (sheets.tile_width, sheets.tile_height, sheets.columns) == (90, 160, 2)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["portrait.mp4", "storyboard"]


# In a bucket


def test_tracks_are_kept_in_a_bucket_as_well(settings, s3_bucket: S3Bucket, films):
    services = container.build(s3_bucket.settings(settings))
    owner = member(services)
    video_id = upload(services, owner, films["silent.mp4"])
    add_captions(services, owner, video_id, SRT, ENGLISH)
    services.transcoding.run(video_id)
    add_captions(services, owner, video_id, VTT, GERMAN)
    added = add_sound(services, owner, video_id, f"{tone(500, SECONDS)} -c:a aac")
    video = video_of(services, video_id)
    folder = f"{playback_key(video_id)}/{video.manifests}"
    with services.storage.local(f"{folder}/master.m3u8") as found:
        assert found.read_text().count("TYPE=SUBTITLES") == 2
    stored = s3_bucket.keys()
    names = {key.removeprefix(f"{playback_key(video_id)}/") for key in stored}
    for caption in video.captions:
        assert f"c-{caption.id}/captions/00001.vtt" in names
    assert {"v2/storyboard.vtt", "v2/storyboard-001.jpg", f"a-{added.id}/audio.m3u8"} <= names
