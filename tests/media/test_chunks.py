"""Long videos, encoded in pieces: the same as in one go, whoever encodes which piece."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config import Settings
from models.chunks import Chunk
from models.errors import BadMedia, Unavailable
from models.video import Phase, ProcessingStatus
from services.adapters.media.confined import ToolFailed
from services.adapters.media.ffmpeg import Ffmpeg
from services.adapters.media.packager import Packager
from services.processing.grid import Piece, can_be_cut, frames_of, pieces
from services.processing.ladder import MediaInfo, Rendition, frame_rate, ladder
from tests import hostile
from tests.pipeline import FFMPEG, durations, ffprobe, key_frames
from tests.samples import AAC, TOOLS, X264, Samples, bikes, generate, picture, sound
from tests.stack import wait_for
from tests.tracks import member, upload
from tests.wire import stored_files

HEIGHTS = (90, 180)
FACTS = (
    "codec_name,profile,level,width,height,pix_fmt,color_space,color_range"
    ",r_frame_rate,duration,nb_frames,time_base"
)
INFO = MediaInfo(
    duration_seconds=600, width=640, height=360, fps=25, video_codec="h264", audio_codec=None,
    pixel_format="yuv420p", hdr=False, interlaced=False, container="mp4", rotation_degrees=0,
    size_bytes=1, picture_seconds=600, longest_gap_seconds=0.04,
)  # fmt: skip


# Where the pieces lie


@example(duration_seconds=600.0125, fps=24, seconds=60)
@example(duration_seconds=300.311, fps=23.976, seconds=60)
@given(
    duration_seconds=st.floats(300, 20_000),
    fps=st.sampled_from([23.976, 24, 25, 29.97, 30, 50, 59.94, 60, 12.5, 28.03, 7.3]),
    seconds=st.integers(2, 200),
)
def test_pieces_follow_each_other_from_the_first_frame_to_the_last(duration_seconds, fps, seconds):
    info = replace(
        INFO, duration_seconds=duration_seconds, picture_seconds=duration_seconds, fps=fps
    )
    cut = pieces(info, seconds=seconds, from_seconds=300)
    assert [piece.number for piece in cut] == list(range(len(cut)))
    next_frame = 0
    for piece in cut:
        assert piece.first_frame == next_frame
        assert piece.frames > 0
        next_frame += piece.frames
    assert next_frame in {0, frames_of(info)}
    rate, length = frame_rate(info), seconds - seconds % 2
    for piece in cut:
        late = piece.starts_at(rate) - piece.number * length
        assert 0 <= late < 1 / rate, "it does not begin with a key frame of the whole"


@pytest.mark.parametrize(
    "why",
    [
        {"duration_seconds": 299.0},
        {"container": "avi"},
        {"longest_gap_seconds": 3.0},
        {"longest_gap_seconds": None},
        {"picture_seconds": 500.0},
        {"picture_seconds": None},
    ],
    ids=str,
)
def test_what_cannot_be_entered_anywhere_is_not_cut(why):
    assert pieces(INFO, seconds=60, from_seconds=300)
    assert pieces(replace(INFO, **why), seconds=60, from_seconds=300) == ()


# What is made of them


@dataclass(frozen=True)
class Both:
    """One source, encoded in one go and in pieces of two seconds."""

    info: MediaInfo
    renditions: tuple[Rendition, ...]
    cut: tuple[Piece, ...]
    whole: Path
    joined: Path

    def files(self, rendition: Rendition) -> tuple[Path, Path]:
        name = f"{rendition.name}.mp4"
        return self.whole / name, self.joined / name


def encode_both_ways(source: Path, folder: Path) -> Both:
    info = FFMPEG.inspect(source)
    both = Both(
        info, ladder(info, HEIGHTS), pieces(info, seconds=2, from_seconds=1),
        folder / "whole", folder / "joined",
    )  # fmt: skip
    for made in (both.whole, both.joined):
        made.mkdir()
    quiet = {"on_progress": lambda _: None}
    FFMPEG.encode(source, info, both.renditions, both.whole, with_audio=info.has_audio, **quiet)
    for piece in both.cut:
        apart = both.joined / str(piece.number)
        apart.mkdir()
        FFMPEG.encode_piece(source, info, piece, both.renditions, apart, **quiet)
    for rendition in both.renditions:
        made = [(p, both.joined / str(p.number) / f"{rendition.name}.mp4") for p in both.cut]
        FFMPEG.join(made, info, rendition, both.joined)
    return both


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


def worst_likeness(one: Path, other: Path) -> float:
    """PSNR of the pair of frames that differ most, in decibels."""
    command = [TOOLS.ffmpeg, "-v", "error", "-i", one, "-i", other, "-lavfi"]
    answer = subprocess.run(
        [*command, "psnr=stats_file=-", "-f", "null", "-"],
        capture_output=True, check=True, timeout=60, text=True,
    )  # fmt: skip
    return min(float(found) for found in re.findall(r"psnr_avg:(\S+)", answer.stdout))


@pytest.mark.media
@pytest.mark.parametrize(
    "name",
    [
        "landscape.mp4", "ntsc.mp4", "vfr.mp4", "portrait.mp4", "fragmented.mp4", "recorded.webm",
        "late_picture.mkv", "interlaced_long.mkv", "ten_bit_long.mkv", "hdr_long.mp4",
    ],
)  # fmt: skip
def test_joined_pieces_are_what_one_encoding_would_have_been(name, samples, tmp_path):
    both = encode_both_ways(_long(samples, name), tmp_path)
    assert len(both.cut) > 1
    for rendition in both.renditions:
        whole, joined = both.files(rendition)
        shown = ("-select_streams", "v", "-show_entries", "packet=pts,duration")
        assert sorted(ffprobe(joined, *shown)) == sorted(ffprobe(whole, *shown))
        facts = ("-show_entries", f"stream={FACTS}")
        assert ffprobe(joined, *facts) == ffprobe(whole, *facts)
        assert key_frames(joined) == key_frames(whole)
        # The next or the last frame of a moving test picture is below 23 somewhere.
        assert worst_likeness(whole, joined) > 25


def _long(samples: Samples, name: str) -> Path:
    """Some samples are shorter than two pieces."""
    target = samples.folder / name
    arguments = {
        "interlaced_long.mkv": f"{picture('360x288', 5, fps='50')} -vf tinterlace=4"
        " -c:v mpeg2video -b:v 2M -flags +ilme+ildct",
        "ten_bit_long.mkv": f"{picture('320x180', 5)} -c:v libx265 -preset ultrafast"
        " -x265-params log-level=none -pix_fmt yuv420p10le",
        "hdr_long.mp4": f"{picture('320x180', 5)} -c:v libx265 -preset ultrafast -pix_fmt"
        " yuv420p10le -x265-params log-level=none:colorprim=bt2020:transfer=arib-std-b67"
        ":colormatrix=bt2020nc -tag:v hvc1",
    }
    if name in arguments and not target.exists():
        generate(arguments[name], target)
    return target if name in arguments else samples[name]


@pytest.mark.media
def test_sound_stays_in_step_and_segments_are_the_same(samples, tmp_path):
    """Picture and sound of one moment: a white flash and a beep at three seconds."""
    both = encode_both_ways(samples["beep.mp4"], tmp_path)
    sound = both.whole / "audio.mp4"
    (both.joined / "audio.mp4").write_bytes(sound.read_bytes())
    for made in (both.whole, both.joined):
        Packager(TOOLS).package(both.renditions, made, True, made / "v2")
    for rendition in both.renditions:
        playlists = [made / "v2" / f"{rendition.name}.m3u8" for made in (both.whole, both.joined)]
        assert durations(playlists[0]) == durations(playlists[1]) == [4, 2]
        lit = [_first_lit_frame(path) for path in both.files(rendition)]
        assert lit == [75, 75]


def _first_lit_frame(path: Path) -> int:
    command = [TOOLS.ffmpeg, "-i", path, "-vf", "blackdetect=d=0.5:pix_th=0.3", "-f", "null", "-"]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=30, text=True)
    found = re.search(r"black_end:([0-9.]+)", answer.stderr)
    assert found
    return round(float(found[1]) * 25)


@pytest.mark.media
def test_a_piece_with_a_frame_too_few_is_not_taken(samples, tmp_path):
    source = samples["landscape.mp4"]
    info = FFMPEG.inspect(source)
    beyond = Piece(number=1, first_frame=100, frames=10_000)
    with pytest.raises(BadMedia, match="damaged"):
        FFMPEG.encode_piece(
            source, info, beyond, ladder(info, (90,)), tmp_path, on_progress=lambda _: None
        )


@pytest.mark.media
def test_pieces_that_do_not_add_up_are_not_joined(samples, tmp_path):
    both = encode_both_ways(samples["landscape.mp4"], tmp_path)
    (tmp_path / "wrong").mkdir()
    made = [
        (replace(p, frames=p.frames + 1), both.joined / str(p.number) / "90p.mp4") for p in both.cut
    ]
    with pytest.raises(ToolFailed, match="frames instead of"):
        FFMPEG.join(made, both.info, both.renditions[0], tmp_path / "wrong")
    assert list((tmp_path / "wrong").iterdir()) == []


# Through the whole pipeline


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, renditions=HEIGHTS, chunk_seconds=4, chunk_from_seconds=8)


def finish(services, video_id: str):
    """Take turns until there is nothing to do; answers the video."""
    videos = services.catalogue.videos
    for _ in range(20):
        video = videos.get(video_id)
        if video.processing_status in {ProcessingStatus.READY, ProcessingStatus.ERROR}:
            return video
        services.turns.take()
    raise AssertionError(f"no end of it: {videos.get(video_id).processing}")


@pytest.mark.media
def test_one_worker_alone_finishes_a_long_video(services, settings):
    """Nobody blocks a worker's place waiting for pieces."""
    video = services.seeding.upload(bikes()).video
    services.turns.take()
    waiting = services.catalogue.videos.get(video.id)
    assert (waiting.playback_version, waiting.processing.phase) == ("v1", Phase.CHUNKS)
    assert len(services.turns.chunks.of_video(video.id)) == 3
    assert list(settings.scratch_dir.iterdir()) == []
    ready = finish(services, video.id)
    assert ready.processing_status is ProcessingStatus.READY
    assert [rendition.name for rendition in ready.renditions] == ["90p", "180p"]
    assert ready.processing.percent == 100
    assert services.turns.chunks.of_video(video.id) == []
    kept = {path.relative_to(settings.media_root).parts[0] for path in stored_files(settings)}
    assert kept == {"playback", "posters", "progressive"}
    assert list(settings.scratch_dir.iterdir()) == []
    files = [f for step in services.library_check.check() for f in step.findings]
    assert files == []


@pytest.mark.media
def test_a_piece_that_was_lost_with_its_worker_is_encoded_by_another(services, clock):
    video = services.seeding.upload(bikes()).video
    services.turns.take()
    first, *_ = services.turns.chunks.of_video(video.id)
    now = services.turns.now()
    services.turns.chunks.claim(
        first.id, "dead", now=now, until=now + services.turns.pieces.lease_lifetime
    )
    services.turns.take()
    assert services.catalogue.videos.get(video.id).processing.phase is Phase.CHUNKS
    assert services.turns.order() == [], "the rest is done, and that one is held"
    clock.forward(seconds=31)
    assert finish(services, video.id).processing_status is ProcessingStatus.READY


@pytest.mark.media
def test_versions_that_were_published_on_the_way_go_when_nobody_can_be_watching(services, clock):
    video = finish(services, services.seeding.upload(bikes()).video.id)

    def versions() -> set[str]:
        found = services.storage.entries(f"playback/{video.id}/")
        return {entry.key.split("/")[2] for entry in found}

    assert versions() == {"v0", "v1", "v2"}
    clock.forward(seconds=2 * video.duration_seconds + 3600)
    services.tidying.sweep()
    assert versions() == {"v0", "v1", "v2"}, "somebody may have a grant"
    clock.forward(minutes=11)
    services.tidying.sweep()
    assert versions() == {"v2"}
    assert [f for step in services.library_check.check() for f in step.findings] == []


@pytest.mark.media
def test_no_version_goes_of_what_is_being_processed(services, clock):
    video_id = services.seeding.upload(bikes()).video.id
    services.turns.take()
    videos = services.catalogue.videos
    videos.collection.update_one({"id": video_id}, {"$set": {"tracks.tidy_at": clock()}})
    clock.forward(hours=9)
    services.tidying.sweep()
    assert services.storage.size(f"playback/{video_id}/v0") > 0
    video = finish(services, video_id)
    assert (video.playback_version, video.tracks.tidy_at is not None) == ("v2", True)


@dataclass(frozen=True)
class Store:
    """Where a source is fetched from, as `fetch` does it."""

    fetch: Callable[[], Path]

    @contextmanager
    def shared(self, _key: str) -> Iterator[Path]:
        yield self.fetch()


@pytest.fixture
def planned(services) -> Chunk:
    """A piece that nobody is at."""
    video = services.seeding.upload(bikes()).video
    chunks = services.turns.chunks
    whole = services.turns.pieces
    assert whole.plan(video, whole.encoder.inspect(bikes()))
    return chunks.of_video(video.id)[0]


@pytest.mark.media
def test_a_store_that_is_away_costs_a_piece_none_of_its_attempts(services, planned):
    def away() -> Path:
        raise Unavailable("The media store does not answer.")

    with pytest.raises(Unavailable):
        replace(services.turns.pieces, storage=Store(away)).run(planned.id)
    left = services.turns.chunks.get(planned.id)
    assert (left.lease, left.attempts) == (None, 0)


@pytest.mark.media
def test_nobody_else_takes_a_piece_whose_source_is_long_on_its_way(services, planned, clock):
    pieces, chunks = services.turns.pieces, services.turns.chunks

    def slow() -> Path:
        clock.forward(seconds=pieces.lease_lifetime.total_seconds() - 5)
        until = pieces.now() + pieces.lease_lifetime
        wait_for(lambda: chunks.get(planned.id).lease_until >= until, 10)
        raise FileNotFoundError("the end of this test")

    replace(pieces, storage=Store(slow)).run(planned.id)
    assert chunks.get(planned.id).attempts == 1


@pytest.mark.media
def test_nobody_goes_on_with_pieces_of_what_was_deleted(services, monkeypatch):
    """A film takes hours, in which others would wait for their turn."""
    owner = member(services)
    video_id = upload(services, owner, bikes())
    services.turns.take()
    assert services.turns.chunks.of_video(video_id)
    encoding = threading.Event()

    def endless(*_args, on_progress, **_kwargs):
        encoding.set()
        for _ in range(3000):
            on_progress(0.1)
            time.sleep(0.01)
        pytest.fail("it was encoded although nobody wants it")

    with monkeypatch.context() as patched, ThreadPoolExecutor(1) as worker:
        patched.setattr(Ffmpeg, "encode_piece", endless)
        work = worker.submit(services.turns.take)
        assert encoding.wait(10)
        services.removal.delete(owner, video_id)
        work.result(60)
    assert services.turns.chunks.of_video(video_id) == []
    assert services.turns.order() == []
    services.removal.restore(owner, video_id)
    services.turns.pieces.sweep()
    assert finish(services, video_id).processing_status is ProcessingStatus.READY


@pytest.mark.media
def test_what_does_not_work_in_pieces_is_encoded_as_a_whole(services, settings):
    video = services.seeding.upload(bikes()).video
    services.turns.take()
    chunks = services.turns.chunks
    last = chunks.of_video(video.id)[-1]
    # As if its source had turned out shorter than it was found to be.
    chunks.collection.update_one({"id": last.id}, {"$inc": {"frames": 500}})
    services.turns.take()
    assert chunks.of_video(video.id) == []
    whole = services.catalogue.videos.get(video.id)
    assert (whole.processing.whole, whole.processing.phase) == (True, Phase.REST)
    assert services.storage.size(f"chunks/{video.id}") == 0
    ready = finish(services, video.id)
    assert (ready.processing_status, len(ready.renditions)) == (ProcessingStatus.READY, 2)


@pytest.mark.media
def test_the_rest_waits_while_others_have_no_first_rendition(services, samples):
    """And what was encoded by then is there for whoever does the rest, on whichever host."""
    long = services.seeding.upload(samples["small.mp4"]).video
    other = services.seeding.upload(samples["short.mp4"]).video
    services.transcoding.run(long.id)
    videos = services.catalogue.videos
    assert videos.get(long.id).processing.phase is Phase.REST
    assert services.storage.file(f"kept/{long.id}/e0/90p.mp4")
    assert services.storage.file(f"kept/{long.id}/e0/audio.mp4")
    assert [work.kind for work in services.turns.order()] == ["first", "rest"]
    services.turns.take()
    assert videos.get(other.id).playable
    assert finish(services, long.id).processing_status is ProcessingStatus.READY
    assert finish(services, other.id).processing_status is ProcessingStatus.READY
    assert services.storage.size(f"kept/{long.id}") == 0


@pytest.mark.media
def test_a_long_file_that_is_damaged_ends_as_damaged(services, samples):
    noise = samples.folder / "noise.mp4"
    noise.write_bytes(hostile.half_overwritten(samples["faststart.mp4"].read_bytes()))
    video = services.seeding.upload(noise).video
    failed = finish(services, video.id)
    assert (failed.processing_status, failed.processing.error_code) == ("error", "damaged")
    assert services.turns.chunks.of_video(video.id) == []
    assert services.storage.size(f"chunks/{video.id}") == 0


@pytest.mark.media
def test_rates_are_exact(samples, tmp_path):
    """A thousandth off would be a frame within a minute or two."""
    source = tmp_path / "film.mp4"
    generate(f"{picture('160x90', 9, fps='24000/1001')} {sound(9)} {X264} {AAC}", source)
    both = encode_both_ways(source, tmp_path)
    _, joined = both.files(both.renditions[0])
    (first,) = ffprobe(joined, "-show_entries", "stream=time_base,duration_ts")
    time_base, ticks = first.split(",")
    assert Fraction(time_base) * int(ticks) == Fraction(frames_of(both.info)) / Fraction(
        24000, 1001
    )


@pytest.mark.media
def test_a_source_that_stands_still_is_left_whole(samples):
    info = FFMPEG.inspect(samples["slide_show.mp4"])
    assert not can_be_cut(info)


@pytest.mark.media
def test_pieces_of_what_was_replaced_meanwhile_are_not_mixed_with_new_ones(services, samples):
    video = services.seeding.upload(bikes()).video
    services.turns.take()
    old = services.turns.chunks.of_video(video.id)
    services.turns.pieces.run(old[0].id)
    videos, pieces = services.catalogue.videos, services.turns.pieces
    videos.collection.update_one({"id": video.id}, {"$set": {"processing.edition": 1}})
    replaced = videos.get(video.id)
    assert pieces.described(replaced) is None
    info = FFMPEG.inspect(samples["faststart.mp4"])
    assert pieces.plan(replaced, info)
    new = services.turns.chunks.of_video(video.id)
    assert {chunk.edition for chunk in new} == {1}
    assert not {chunk.id for chunk in old} & {chunk.id for chunk in new}
    assert pieces.described(replaced) == info
    assert services.storage.size(f"chunks/{video.id}") == 0
