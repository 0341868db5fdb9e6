"""From a file to what players load: posters, renditions, segments and the one-file MP4."""

from __future__ import annotations

import re
import subprocess

import pytest
from PIL import Image

from services.adapters.media.confined import ToolFailed
from services.adapters.media.packager import Packager
from services.processing.ladder import fit
from tests.pipeline import FFMPEG, Made, durations, ffprobe, first_colour, key_frames, make, onset
from tests.samples import TOOLS, Samples, big_buck_bunny, corpus, generate

pytestmark = pytest.mark.media

PLAYABLE = (
    "portrait.mp4", "vfr.mp4", "ntsc.mp4", "odd.mkv", "anamorphic.mp4", "ten_bit.mkv", "av1.mp4",
    "hdr.mp4", "rgb.mkv", "interlaced.mkv", "vp9_vorbis.webm", "recorded.webm", "mpeg4_mp3.avi",
    "h264_b_frames.avi", "h264_opus.mkv", "pcm.mov", "fragmented.mp4", "one_frame.mp4",
    "slide_show.mp4", "late_picture.mkv", "late_sound.mp4", "small.mp4", "tiny.mkv",
    "no_key_frame_first.mkv",
)  # fmt: skip


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def bunny(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(big_buck_bunny(), tmp_path_factory.mktemp("bunny"), (180, 240, 360))


def test_every_rendition_is_what_was_asked_for(bunny):
    for rendition in bunny.renditions:
        path = bunny.folder / f"{rendition.name}.mp4"
        facts = ffprobe(
            path, "-select_streams", "v",
            "-show_entries", "stream=codec_name,width,height,sample_aspect_ratio,pix_fmt,"
            "color_range,color_space,r_frame_rate",
        )  # fmt: skip
        size = f"{rendition.width},{rendition.height}"
        assert facts == [f"h264,{size},1:1,yuv420p,tv,bt709,25/1"]


def test_key_frames_are_at_the_same_multiples_of_two_seconds_in_every_rendition(bunny):
    for rendition in bunny.renditions:
        assert key_frames(bunny.folder / f"{rendition.name}.mp4") == [0, 2, 4]


def test_renditions_are_made_of_the_same_frames(bunny):
    times = {
        tuple(sorted(ffprobe(bunny.folder / f"{r.name}.mp4", "-show_entries", "packet=pts_time")))
        for r in bunny.renditions
    }
    assert len(times) == 1


def test_a_rendition_made_later_fits_those_made_before(bunny, tmp_path):
    """The lowest is published while the others are still being made."""
    encode_alone = {"with_audio": False, "on_progress": lambda _: None}
    FFMPEG.encode(bunny.source, bunny.info, bunny.renditions[:1], tmp_path, **encode_alone)
    packets = ("-show_entries", "packet=pts_time,dts_time,flags")
    name = f"{bunny.renditions[0].name}.mp4"
    assert ffprobe(tmp_path / name, *packets) == ffprobe(bunny.folder / name, *packets)


def test_sound_is_aac_stereo_at_48_khz(bunny):
    entries = ("-show_entries", "stream=codec_name,sample_rate,channels")
    assert ffprobe(bunny.folder / "audio.mp4", *entries) == ["aac,48000,2"]


def test_segments_are_four_seconds_and_add_up_to_the_source(bunny):
    for rendition in bunny.renditions:
        segments = durations(bunny.packaged / f"{rendition.name}.m3u8")
        assert segments[0] == 4
        assert sum(segments) == pytest.approx(bunny.info.duration_seconds, abs=bunny.frame_seconds)
    audio = sum(durations(bunny.packaged / "audio.m3u8"))
    assert audio == pytest.approx(bunny.info.duration_seconds, abs=bunny.frame_seconds)


def test_a_package_has_what_its_playlists_name(bunny):
    packaged = bunny.packaged
    assert (packaged / "360p" / "init.mp4").is_file()
    assert (packaged / "360p" / "00001.m4s").is_file()
    assert (packaged / "audio" / "00001.m4s").is_file()
    master = (packaged / "master.m3u8").read_text()
    assert re.findall(r"RESOLUTION=(\w+),FRAME-RATE", master) == ["320x180", "426x240", "640x360"]
    assert "360p_iframes.m3u8" in master
    assert 'URI="audio.m3u8"' in master
    assert "DEFAULT=YES" in master
    manifest = (packaged / "manifest.mpd").read_text()
    assert 'media="360p/$Number%05d$.m4s"' in manifest
    every_text = master + manifest + (packaged / "360p.m3u8").read_text()
    assert str(bunny.folder) not in every_text
    assert not list(bunny.folder.glob("unfinished-*"))


def test_a_package_plays_from_beginning_to_end(bunny):
    command = [TOOLS.ffmpeg, "-v", "error", "-xerror", "-i", bunny.packaged / "master.m3u8"]
    subprocess.run([*command, "-map", "0", "-f", "null", "-"], check=True, timeout=60)


def test_a_package_that_breaks_off_leaves_no_folder(bunny, tmp_path):
    with pytest.raises(ToolFailed):
        Packager(TOOLS).package(bunny.renditions, tmp_path, has_audio=True, target=tmp_path / "v1")
    assert list(tmp_path.iterdir()) == []


def test_picture_and_sound_stay_together_through_everything(samples, tmp_path):
    made = make(samples["beep.mp4"], tmp_path)
    FFMPEG.progressive(tmp_path / "180p.mp4", tmp_path / "audio.mp4", tmp_path / "p.mp4")
    for path in (tmp_path / "p.mp4", made.packaged / "master.m3u8"):
        heard = onset(path, "-vn", "-af", "silencedetect=d=0.05:n=-30dB")
        seen = onset(path, "-an", "-vf", "blackdetect=d=0.1:pix_th=0.5")
        assert heard == pytest.approx(3, abs=0.01)
        assert seen == pytest.approx(3, abs=0.001)


@pytest.mark.parametrize("name", PLAYABLE)
def test_every_kind_of_source_becomes_a_package_of_its_own_length(samples, tmp_path, name):
    made = make(samples[name], tmp_path)
    with Image.open(tmp_path / "poster.jpg") as poster:
        assert poster.size == fit(made.info.width, made.info.height, 720)
    for rendition in made.renditions:
        total = sum(durations(made.packaged / f"{rendition.name}.m3u8"))
        # A playlist is written in milliseconds.
        assert abs(total - made.info.duration_seconds) <= made.frame_seconds + 0.001
    assert (made.packaged / "audio").exists() == made.info.has_audio


@pytest.mark.parametrize("source", corpus(), ids=lambda path: path.name)
def test_the_corpus_becomes_packages(tmp_path, source):
    made = make(source, tmp_path)
    for rendition in made.renditions:
        total = sum(durations(made.packaged / f"{rendition.name}.m3u8"))
        assert abs(total - made.info.duration_seconds) <= made.frame_seconds + 0.001


@pytest.mark.parametrize("kind", ["gbrp", "yuvj420p", "yuv420p"])
def test_colours_stay_what_they_were(tmp_path, kind):
    source = tmp_path / "red.mkv"
    generate(f"-f lavfi -i color=0xC04020:s=320x180:d=0.2 -c:v ffv1 -pix_fmt {kind}", source)
    make(source, tmp_path)
    for path in (tmp_path / "180p.mp4", tmp_path / "poster.jpg"):
        assert first_colour(path) == pytest.approx((0xC0, 0x40, 0x20), abs=6)


def test_the_poster_is_not_the_black_beginning(samples, tmp_path):
    source = tmp_path / "fade.mp4"
    generate(
        "-f lavfi -i testsrc2=s=320x180:r=25:d=8 -vf drawbox=t=fill:c=black:enable='lt(t,2)'"
        " -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25",
        source,
    )
    FFMPEG.poster(source, FFMPEG.inspect(source), tmp_path / "poster.jpg", seconds=60)
    assert sum(first_colour(tmp_path / "poster.jpg")) > 150


def test_the_one_file_mp4_has_its_index_first(bunny, tmp_path):
    target = tmp_path / "progressive.mp4"
    FFMPEG.progressive(bunny.folder / "360p.mp4", bunny.folder / "audio.mp4", target)
    content = target.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert ffprobe(target, "-show_entries", "stream=codec_name") == ["h264", "aac"]
    FFMPEG.progressive(bunny.folder / "360p.mp4", None, target)
    assert ffprobe(target, "-show_entries", "stream=codec_name") == ["h264"]
    with pytest.raises(ToolFailed):
        FFMPEG.progressive(bunny.source.parent.parent / "__init__.py", None, target)


def test_an_encoding_tells_nobody_where_it_was_filmed(samples, tmp_path):
    source = tmp_path / "tagged.mp4"
    generate(
        f"-i {samples['short.mp4']} -c copy -metadata title=Secret"
        " -metadata location=+52.5200+013.4050/",
        source,
    )
    assert b"Secret" in source.read_bytes()
    make(source, tmp_path)
    FFMPEG.progressive(tmp_path / "180p.mp4", tmp_path / "audio.mp4", tmp_path / "p.mp4")
    for path in tmp_path.glob("[!t]*.mp4"):
        assert b"Secret" not in path.read_bytes()
        assert b"+52.5" not in path.read_bytes()
