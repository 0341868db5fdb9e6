"""A source is encoded on the word of its headers while all of it is still being read."""

from __future__ import annotations

import struct
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from config import Settings
from models.announcements import VideoEvent
from models.errors import BadMedia
from models.video import ProcessingStatus, Video
from services.adapters.media import ffmpeg, scanning
from services.adapters.media.boxes import is_whole
from services.adapters.media.probing import Look
from services.adapters.media.refusals import refusal
from services.policies import Actor
from services.processing.inspection import BrokenPromise
from services.videos.keys import playback_key
from tests.pipeline import FFMPEG, ffprobe
from tests.samples import AAC, TOOLS, X264, Samples, big_buck_bunny, bikes, generate, picture, sound

pytestmark = pytest.mark.media

PROMISING = ["short.mp4", "silent.mp4", "vfr.mp4", "ntsc.mp4", "sixty.mp4", "four_thirds.mp4"]
PROMISING += ["anamorphic.mp4", "hdr.mp4", "pcm.mov", "one_frame.mp4", "portrait.mp4", "av1.mp4"]
NOT_PROMISING = ["fragmented.mp4", "slide_show.mp4", "odd.mkv", "mpeg4_mp3.avi", "recorded.webm"]
SECONDS = 14


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to be shown before it is encoded."""
    target = tmp_path_factory.mktemp("film") / "film.mp4"
    generate(f"{picture('320x180', SECONDS)} {sound(SECONDS)} {X264} {AAC}", target)
    return target


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, renditions=(90, 180), chunk_seconds=4, chunk_from_seconds=8)


def look(path: Path) -> Look:
    return Look(TOOLS, path, max_seconds=3600)


@pytest.mark.parametrize("name", PROMISING)
def test_what_honest_headers_promise_is_kept(samples, name):
    with FFMPEG.inspecting(samples[name]) as inspection:
        found = inspection.found()
        assert inspection.promised is not None
        inspection.check()
    assert found == FFMPEG.inspect(samples[name])
    assert inspection.promised.duration_seconds == found.duration_seconds


def test_what_cameras_and_phones_write_is_believed():
    for clip in (bikes(), big_buck_bunny()):
        with FFMPEG.inspecting(clip) as inspection:
            inspection.found()
            assert inspection.promised is not None
            inspection.check()


@pytest.mark.parametrize("name", NOT_PROMISING)
def test_other_headers_are_not_relied_on(samples, name):
    assert look(samples[name]).promised() is None


def test_what_was_cut_off_promises_nothing(film, tmp_path):
    cut = tmp_path / "cut.mp4"
    content = fast_started(film, tmp_path).read_bytes()
    for length in (len(content) // 2, len(content) - 1):
        cut.write_bytes(content[:length])
        assert not is_whole(cut)
        assert look(cut).promised() is None
    cut.write_bytes(content)
    assert is_whole(cut)
    assert look(cut).promised() is not None


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (b"", True),
        (b"\0\0\0\x08free", True),
        (b"\0\0\0\x08freeMORE", False),
        (b"\0\0\0\x09free", False),
        (b"\0\0\0\x00mdat and all that follows", True),
        (b"\0\0\0\x01mdat" + struct.pack(">Q", 18) + b"ab", True),
        (b"\0\0\0\x01mdat" + struct.pack(">Q", 19) + b"ab", False),
        (b"\0\0\0\x01mdat" + struct.pack(">Q", 0) + b"ab", False),
        (b"\0\0\0\x04free" * 100, False),
        (b"\0\0\0\x08free" * 1000, False),
    ],
)
def test_a_file_is_whole_if_its_boxes_are(tmp_path, content, whole):
    path = tmp_path / "boxes"
    path.write_bytes(content)
    assert is_whole(path) is whole


def test_who_begins_something_else_keeps_nobody_reading(samples, monkeypatch):
    """A file may take many minutes to read, of which a worker that was told to stop has none."""
    ended = threading.Event()

    def endless(*_, is_wanted, **__):
        while is_wanted():
            time.sleep(0.01)
        ended.set()
        raise scanning.NotWanted

    monkeypatch.setattr("services.adapters.media.probing.scan", endless)
    with pytest.raises(InterruptedError), FFMPEG.inspecting(samples["short.mp4"]):
        raise InterruptedError
    assert ended.is_set()


def test_reading_ends_when_nobody_wants_it(samples):
    asked: list[bool] = []

    def is_wanted() -> bool:
        asked.append(True)
        return len(asked) < 10

    with pytest.raises(scanning.NotWanted):
        look(samples["short.mp4"]).found(is_wanted=is_wanted)
    assert len(asked) == 10


# A whole run


class Slow:
    """Reads a file's packets not before it is told to; then it may find something else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told, self.failure = threading.Event(), None
        monkeypatch.setattr("services.adapters.media.probing.scan", self)

    def __call__(self, *args, **kwargs):
        assert self.told.wait(60)
        if self.failure:
            raise self.failure
        return scanning.scan(*args, **kwargs)


@pytest.fixture
def slow(monkeypatch) -> Slow:
    return Slow(monkeypatch)


def seen_by(services, video_id: str, do) -> None:
    """Run a video's processing; `do(video)` when it begins to play, which is waited for."""
    told: list[str] = []

    class Ear:
        def __call__(self, event: str, video: Video) -> None:
            if not told:
                do(video)
            told.append(event)

    announcer = replace(services.transcoding.announcer, listeners=(Ear(),))
    steps = replace(services.transcoding.steps, announcer=announcer)
    replace(services.transcoding, steps=steps, announcer=announcer).run(video_id)
    assert told, "nobody was told anything"


def test_a_video_plays_before_all_of_it_was_read(services, film, slow):
    video = services.seeding.upload(film).video
    seen: list[tuple[bool, str | None, int]] = []

    def on_playable(now: Video) -> None:
        pieces = services.turns.chunks.of_video(video.id)
        seen.append((now.playable, now.playback_version, len(pieces)))
        slow.told.set()

    seen_by(services, video.id, on_playable)
    assert seen == [(True, "v0", 0)], "pieces are planned by what is known, and not before"
    assert services.turns.chunks.of_video(video.id)
    while services.turns.order():
        services.turns.take()
    ready = services.catalogue.videos.get(video.id)
    assert ready.processing_status is ProcessingStatus.READY
    assert ready.duration_seconds == pytest.approx(SECONDS, abs=0.05)


def test_what_turns_out_to_be_bad_is_taken_back(services, settings, film, slow):
    video = services.seeding.upload(film).video
    slow.failure = refusal("truncated")
    seen_by(services, video.id, lambda _: slow.told.set())
    failed = services.catalogue.videos.get(video.id)
    assert (failed.processing_status, failed.processing.error_code) == ("error", "truncated")
    assert (failed.playable, failed.playback_version) == (False, None)
    assert not failed.has_poster, "it was removed"
    assert not (settings.media_root / playback_key(video.id)).exists()
    assert list(settings.scratch_dir.iterdir()) == []


@pytest.mark.parametrize("is_late", [False, True], ids=["while it is encoded", "afterwards"])
def test_what_is_not_as_promised_is_begun_again(
    services, settings, film, tmp_path, monkeypatch, is_late
):
    """The header of this one says that there is half of what there is."""
    liar = halved(film, tmp_path)
    with FFMPEG.inspecting(liar) as inspection:
        assert inspection.promised
        assert inspection.promised.duration_seconds == pytest.approx(SECONDS / 2, abs=0.1)
        assert inspection.found().duration_seconds == pytest.approx(SECONDS, abs=0.1)
        with pytest.raises(BrokenPromise):
            inspection.check()
    monkeypatch.setattr("services.processing.steps.FROM_SECONDS", SECONDS / 4)
    slow = Slow(monkeypatch)
    video = services.seeding.upload(liar).video
    if is_late:
        encoded = ffmpeg.Ffmpeg.encode_growing

        def then_tell(*args, **kwargs):
            encoded(*args, **kwargs)
            slow.told.set()

        monkeypatch.setattr(ffmpeg.Ffmpeg, "encode_growing", then_tell)
        services.transcoding.run(video.id)
    else:
        seen_by(services, video.id, lambda _: slow.told.set())
    assert not (settings.media_root / playback_key(video.id) / "v0").exists()
    if not is_late:  # nobody listened, so that nothing was told yet
        _, told = services.catalogue.videos.to_tell(video.id)
        assert [one.event for one in told].count(VideoEvent.PUBLISHED) == 1
    while services.turns.order():
        services.turns.take()
    ready = services.catalogue.videos.get(video.id)
    assert ready.processing_status is ProcessingStatus.READY
    assert ready.duration_seconds == pytest.approx(SECONDS, abs=0.1)
    (seconds,) = ffprobe(
        services.storage.file(ready.progressive), "-show_entries", "format=duration"
    )
    assert float(seconds) == pytest.approx(SECONDS, abs=0.1)


def test_what_was_taken_back_is_published_by_the_next_try(services, film, slow):
    video = services.seeding.upload(film).video
    slow.failure = refusal("truncated")
    seen_by(services, video.id, lambda _: slow.told.set())
    failed = services.catalogue.videos.get(video.id)
    assert failed.published_at is not None
    author = Actor(id=video.author_id)
    services.processing.retry(author, video.id)
    assert services.catalogue.videos.get(video.id).published_at is None
    slow.failure = None
    while services.turns.order():
        services.turns.take()
    assert services.catalogue.videos.get(video.id).published_at > failed.published_at


def test_both_ways_find_the_same_wrong(film, tmp_path):
    cut = tmp_path / "cut.mp4"
    content = fast_started(film, tmp_path).read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadMedia) as alone:
        FFMPEG.inspect(cut)
    with FFMPEG.inspecting(cut) as inspection, pytest.raises(BadMedia) as beside:
        inspection.found()
    assert alone.value.reason == beside.value.reason == "truncated"


def fast_started(film: Path, folder: Path) -> Path:
    target = folder / "fast.mp4"
    generate(f"-i {film} -c copy -movflags +faststart", target)
    return target


def halved(film: Path, folder: Path) -> Path:
    """The same film, whose headers (all in whole milliseconds or samples) say half its length."""
    content, target = bytearray(film.read_bytes()), folder / "halved.mp4"
    at = content.find(b"mdhd")
    while at >= 0:
        (units,) = struct.unpack_from(">I", content, at + 20)
        struct.pack_into(">I", content, at + 20, units // 2)
        at = content.find(b"mdhd", at + 4)
    target.write_bytes(content)
    return target
