"""Encodings that are resumed, interrupted, killed, or given what cannot be encoded."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import BadMedia
from services.adapters.media.confined import ToolFailed
from services.adapters.media.encoding import Job
from services.adapters.media.packager import Packager
from services.adapters.media.probing import probe
from tests import hostile
from tests.media.test_confined import ROOT, eventually, is_alive
from tests.pipeline import FFMPEG, Made, encode, make, program
from tests.samples import TOOLS, Samples, big_buck_bunny

pytestmark = pytest.mark.media


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def bunny(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(big_buck_bunny(), tmp_path_factory.mktemp("bunny"), (180, 240, 360))


def test_progress_rises_to_one(bunny):
    assert bunny.progress == sorted(bunny.progress)
    assert len(set(bunny.progress)) >= 2
    assert bunny.progress[-1] == 1
    assert all(0 <= done <= 1 for done in bunny.progress)


def test_what_is_there_is_not_made_again(bunny):
    before = {path: path.stat().st_mtime_ns for path in bunny.folder.glob("*.mp4")}
    progress: list[float] = []
    FFMPEG.encode(
        bunny.source, bunny.info, bunny.renditions, bunny.folder,
        with_audio=True, on_progress=progress.append,
    )  # fmt: skip
    assert progress == [1]
    assert before == {path: path.stat().st_mtime_ns for path in bunny.folder.glob("*.mp4")}


def test_only_what_is_missing_is_made(bunny, tmp_path):
    (tmp_path / "180p.mp4").write_text("kept")
    FFMPEG.encode(
        bunny.source, bunny.info, bunny.renditions[:2], tmp_path,
        with_audio=True, on_progress=lambda _: None,
    )  # fmt: skip
    assert (tmp_path / "180p.mp4").read_text() == "kept"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["180p.mp4", "240p.mp4", "audio.mp4"]


def test_leftovers_of_a_killed_worker_are_swept(samples, tmp_path):
    (tmp_path / "unfinished-before").mkdir()
    (tmp_path / "unfinished-before" / "180p.mp4").write_text("half")
    encode(samples["short.mp4"], tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["180p.mp4", "audio.mp4"]


def children_of(folder: Path) -> list[int]:
    """Processes that write into `folder`."""
    found = []
    for command_line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in command_line.read_bytes():
                found.append(int(command_line.parent.name))
        except OSError:
            continue  # it has just ended
    return [pid for pid in found if is_alive(pid)]


def test_a_listener_that_raises_ends_the_encoding(tmp_path):
    seen: list[int] = []

    def on_progress(_: float) -> None:
        seen.extend(children_of(tmp_path))
        raise LookupError("lost the lease")

    with pytest.raises(LookupError, match="lost the lease"):
        encode(big_buck_bunny(), tmp_path, on_progress=on_progress)
    assert seen
    assert not children_of(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_worker_leaves_no_ffmpeg(tmp_path):
    worker = (
        "from pathlib import Path\n"
        "from tests.samples import big_buck_bunny\n"
        "from tests.pipeline import FFMPEG, ladder\n"
        "source = big_buck_bunny()\n"
        "info = FFMPEG.inspect(source)\n"
        f"FFMPEG.encode(source, info, ladder(info, (720,)), Path({str(tmp_path)!r}),"
        " with_audio=True, on_progress=print)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", worker], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        eventually(lambda: len(children_of(tmp_path)) == 2)  # the worker and its child
    finally:
        parent.kill()
        parent.communicate()
    eventually(lambda: not children_of(tmp_path))
    assert not list(tmp_path.glob("*.mp4"))


def test_a_picture_that_is_all_noise_is_damaged(samples, tmp_path):
    content = hostile.overwritten(samples["faststart.mp4"].read_bytes())
    source = hostile.written(samples, "noise.mp4", content)
    info = FFMPEG.inspect(source)
    with pytest.raises(BadMedia, match="damaged"):
        FFMPEG.poster(source, info, tmp_path / "poster.jpg", seconds=60)
    with pytest.raises(BadMedia, match="damaged"):
        encode(source, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_turns_to_noise_is_damaged(samples, tmp_path):
    content = hostile.half_overwritten(samples["faststart.mp4"].read_bytes())
    with pytest.raises(BadMedia, match="damaged"):
        encode(hostile.written(samples, "half_noise.mp4", content), tmp_path)


def test_a_picture_with_flipped_bits_is_still_played(samples, tmp_path):
    content = hostile.flipped(samples["faststart.mp4"].read_bytes())
    made = make(hostile.written(samples, "flipped.mp4", content), tmp_path)
    found = probe(TOOLS, tmp_path / f"{made.renditions[0].name}.mp4")
    assert found.declared_seconds == pytest.approx(10, abs=0.1)


def test_a_failure_of_ours_is_not_called_damage(samples, tmp_path):
    wrong = replace(FFMPEG, effort=replace(FFMPEG.effort, preset="nonsense"))
    with pytest.raises(ToolFailed, match="ended with"):
        encode(samples["short.mp4"], tmp_path, wrong)
    (tmp_path / "full").mkdir()
    job = Job(
        tools=TOOLS, effort=FFMPEG.effort, source=samples["short.mp4"],
        info=FFMPEG.inspect(samples["short.mp4"]),
    )  # fmt: skip
    with pytest.raises(ToolFailed, match="No space left"):
        job.run("-f", "lavfi", "-i", "color=d=1", "-f", "rawvideo", "/dev/full")


def test_a_short_encoding_is_quick(samples, tmp_path):
    started = time.monotonic()
    encode(samples["short.mp4"], tmp_path)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "script", ["yes | tr -d '\\n'", "exit 1", "touch master.m3u8 manifest.mpd extra.m4s"]
)
def test_a_packager_that_fails_leaves_no_package(bunny, tmp_path, script):
    broken = replace(TOOLS, packager=program(tmp_path / "packager", script))
    with pytest.raises(ToolFailed):
        Packager(broken).package(bunny.renditions, bunny.folder, False, tmp_path / "v1")
    assert [path.name for path in tmp_path.iterdir()] == ["packager"]


def test_an_encoder_that_floods_us_is_ended(samples, tmp_path):
    flooding = replace(TOOLS, ffmpeg=program(tmp_path / "ffmpeg", "yes | tr -d '\\n'"))
    with pytest.raises(BadMedia, match="far more work"):
        encode(samples["short.mp4"], tmp_path, replace(FFMPEG, tools=flooding))


def test_an_encoder_that_is_killed_from_outside_is_started_again(samples, tmp_path):
    killed = replace(TOOLS, ffmpeg=program(tmp_path / "ffmpeg", "kill -KILL $$"))
    with pytest.raises(ToolFailed, match="ended with -9"):
        encode(samples["short.mp4"], tmp_path, replace(FFMPEG, tools=killed))
