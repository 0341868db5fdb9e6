"""What a file is found to be, and what is refused, with a reason its owner can act on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from models.errors import BadMedia
from services.adapters.media.confined import LimitReached, ToolFailed
from services.adapters.media.probing import inspect, probe
from services.adapters.media.refusals import MESSAGES, blame_limit
from services.adapters.media.scanning import scan
from services.adapters.media.streams import Picture, Streams
from services.processing.ladder import MediaInfo, frame_rate
from tests.hostile import REFUSED, SPOILT, WRITTEN, flipped, linking, spoil, written
from tests.pipeline import program
from tests.samples import TOOLS, Samples, big_buck_bunny, bikes

pytestmark = pytest.mark.media

FOUR_HOURS = 4 * 3600


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


def info(source: Path, max_seconds: float = FOUR_HOURS) -> MediaInfo:
    return inspect(TOOLS, source, max_seconds=max_seconds)


def reason(source: Path, max_seconds: float = FOUR_HOURS) -> str:
    with pytest.raises(BadMedia) as refused:
        info(source, max_seconds)
    assert str(source) not in refused.value.message
    assert refused.value.message.endswith(".")
    return refused.value.reason


def test_a_clip_with_sound_is_described():
    found = info(big_buck_bunny())
    assert (found.width, found.height, found.fps) == (1280, 720, 25)
    assert (found.video_codec, found.audio_codec, found.container) == ("h264", "aac", "mp4")
    assert found.duration_seconds == pytest.approx(5.31, abs=0.01)
    assert found.size_bytes == big_buck_bunny().stat().st_size
    assert (found.pixel_format, found.hdr, found.interlaced) == ("yuv420p", False, False)


def test_a_clip_without_sound_has_none():
    found = info(bikes())
    assert (found.width, found.height, found.has_audio) == (640, 272, False)


@pytest.mark.parametrize(
    ("name", "size", "codecs", "container"),
    [
        ("vp9_vorbis.webm", (640, 360), ("vp9", "vorbis"), "webm"),
        ("vp8_opus.webm", (640, 360), ("vp8", "opus"), "webm"),
        ("mpeg4_mp3.avi", (640, 360), ("mpeg4", "mp3"), "avi"),
        ("h264_b_frames.avi", (640, 360), ("h264", "mp3"), "avi"),
        ("h264_opus.mkv", (640, 360), ("h264", "opus"), "mkv"),
        ("pcm.mov", (640, 360), ("h264", "pcm_s16le"), "mov"),
        ("av1.mp4", (640, 360), ("av1", "aac"), "mp4"),
        ("ten_bit.mkv", (640, 360), ("hevc", "aac"), "mkv"),
        ("odd.mkv", (639, 271), ("ffv1", "aac"), "mkv"),
        ("fragmented.mp4", (640, 360), ("h264", "aac"), "mp4"),
    ],
)
def test_every_accepted_container_is_read(samples, name, size, codecs, container):
    found = info(samples[name])
    assert (found.width, found.height) == size
    assert (found.video_codec, found.audio_codec) == codecs
    assert found.container == container
    assert found.fps == 25


def test_a_picture_is_measured_as_it_is_shown(samples):
    upright = info(samples["portrait.mp4"])
    assert (upright.width, upright.height, upright.rotation_degrees) == (720, 1280, 270)
    wide = info(samples["anamorphic.mp4"])
    assert (wide.width, wide.height) == (1024, 576)


def test_hdr_and_interlacing_are_noticed(samples):
    assert info(samples["hdr.mp4"]).hdr
    assert not info(samples["ten_bit.mkv"]).hdr
    assert info(samples["interlaced.mkv"]).interlaced


def test_a_recording_without_a_duration_has_that_of_its_packets(samples):
    assert probe(TOOLS, samples["recorded.webm"]).declared_seconds == 0
    assert info(samples["recorded.webm"]).duration_seconds == pytest.approx(3, abs=0.05)


@pytest.mark.parametrize(
    ("name", "rate"),
    [("ntsc.mp4", "30000/1001"), ("sixty.mp4", "60"), ("vfr.mp4", "67/4"), ("one_frame.mp4", "25")],
)
def test_the_frame_rate_is_the_sources(samples, name, rate):
    assert str(frame_rate(info(samples[name]))) == rate


def test_sound_that_outlasts_the_picture_counts(samples):
    found = info(samples["slide_show.mp4"])
    assert found.duration_seconds == pytest.approx(5, abs=0.05)
    assert found.picture_seconds == pytest.approx(0.04)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_no_video_is_refused_whatever_it_is_called(samples, name):
    assert reason(written(samples, name, WRITTEN[name])) == "not_a_video"


def test_an_empty_file_is_refused(samples):
    assert reason(written(samples, "empty.mp4", b"")) == "empty"


@pytest.mark.parametrize("name", REFUSED)
def test_whole_media_of_the_wrong_kind_is_refused(samples, name):
    source, started = samples[name], time.monotonic()
    assert reason(source) == REFUSED[name]
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("name", SPOILT)
def test_spoilt_media_is_refused(samples, name):
    source, started = spoil(samples, name), time.monotonic()
    assert reason(source) == SPOILT[name][2]
    assert time.monotonic() - started < 10


def test_a_video_may_be_as_long_as_is_configured_and_no_longer(samples):
    assert info(samples["silent.mp4"], max_seconds=3).duration_seconds == 3
    assert reason(samples["silent.mp4"], max_seconds=2.9) == "too_long"
    assert reason(samples["recorded.webm"], max_seconds=2.5) == "too_long"


def test_flipped_bits_are_survived_or_refused(samples):
    source = written(samples, "flipped.mp4", flipped(samples["faststart.mp4"].read_bytes()))
    assert info(source).duration_seconds == pytest.approx(10, abs=0.1)


class Listener(BaseHTTPRequestHandler):
    requests: list[str] = []  # noqa: RUF012 - of the class, since a handler lives for one request

    def do_GET(self) -> None:
        self.requests.append(self.path)
        self.send_error(404)


@pytest.fixture(scope="module")
def listener() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Listener)
    thread = Thread(target=server.serve_forever)
    thread.start()
    with pytest.raises(HTTPError):  # so it would notice
        urlopen(f"http://127.0.0.1:{server.server_port}/control", timeout=5)
    assert Listener.requests.pop() == "/control"
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", linking(""))
def test_a_file_that_names_others_opens_none_of_them(samples, listener, name):
    source = written(samples, name, linking(listener)[name])
    assert reason(source) == "not_a_video"
    # Nor would it, had its first bytes been let through.
    with pytest.raises(BadMedia):
        probe(TOOLS, source)
    with pytest.raises(ToolFailed):
        scan(TOOLS, source, ("0:v",))
    assert Listener.requests == []


FLOOD = "yes | tr -d '\\n'"


@pytest.mark.parametrize(
    ("tool", "script", "error"),
    [
        ("ffprobe", FLOOD, BadMedia),
        ("ffprobe", "kill -SEGV $$", BadMedia),
        ("ffprobe", "kill -KILL $$", ToolFailed),
        ("ffprobe", "echo Cannot allocate memory >&2; exit 1", BadMedia),
        ("ffmpeg", FLOOD, BadMedia),
        ("ffmpeg", "kill -SEGV $$", BadMedia),
        ("ffmpeg", "kill -KILL $$", ToolFailed),
        ("ffmpeg", "exit 1", ToolFailed),
    ],
)
def test_a_file_is_blamed_only_for_what_it_did(samples, tmp_path, tool, script, error):
    broken = replace(TOOLS, **{tool: program(tmp_path / tool, script)})
    with pytest.raises(error):
        inspect(broken, samples["short.mp4"], max_seconds=FOUR_HOURS)


def test_time_that_ran_out_may_be_the_machines_and_work_without_end_is_the_files():
    assert isinstance(blame_limit(LimitReached("cpu_seconds")), BadMedia)
    assert isinstance(blame_limit(LimitReached("wall_seconds")), ToolFailed)


def stream(**facts) -> dict:
    disposition = {"default": 0, "attached_pic": 0, "timed_thumbnails": 0}
    return {"codec_type": "video", "codec_name": "h264", "disposition": disposition, **facts}


def test_nonsense_in_headers_is_read_as_nothing():
    odd = stream(width=640, height=360, sample_aspect_ratio="0:0", avg_frame_rate="0/0")
    streams = Streams({"streams": [odd], "format": {"duration": "nan"}})
    assert streams.declared_seconds == 0
    assert streams.picture.size == (640, 360)
    assert streams.picture.fps(counted=0) == 25
    assert streams.picture.fps(counted=12) == 12
    assert Streams({"format": {"duration": "soon"}}).declared_seconds == 0


def test_a_header_that_exaggerates_its_rate_is_not_believed():
    recorded = Picture(stream(avg_frame_rate="1000/1", r_frame_rate="1000/1"))
    assert recorded.fps(counted=29) == 29
    dropped = Picture(stream(avg_frame_rate="28/1", r_frame_rate="30/1"))
    assert dropped.fps(counted=28) == 30


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"width": 0, "height": 0}, "damaged"),
        ({"width": 60000, "height": 60000}, "too_large_picture"),
        ({"width": 640, "height": 360, "codec_name": "unknown"}, "unsupported_format"),
    ],
)
def test_a_picture_that_cannot_be_shown_is_refused(facts, why):
    with pytest.raises(BadMedia) as refused:
        assert Streams({"streams": [stream(**facts)]}).picture
    assert refused.value.reason == why


def test_of_several_pictures_the_default_is_taken():
    small, chosen = stream(width=2, height=2), stream(width=640, height=360)
    chosen["disposition"] = {**chosen["disposition"], "default": 1}
    assert Streams({"streams": [small, chosen]}).picture.size == (640, 360)


def test_every_reason_has_a_message_that_says_what_to_do():
    assert all("Please" in message for message in MESSAGES.values())
