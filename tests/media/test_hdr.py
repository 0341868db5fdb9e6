"""What was filmed in HDR is shown on screens that are not: as BT.709, and neither pale nor dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline import FFMPEG, ffprobe, first_colour, make
from tests.samples import Samples, generate

pytestmark = pytest.mark.media

LABELS = "stream=pix_fmt,color_range,color_space,color_transfer,color_primaries"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


def grey(samples: Samples, transfer: str, signal: float) -> Path:
    """One second of even grey, at this share of the signal's range."""
    target = samples.folder / f"{transfer}-{signal}.mp4"
    luma = round(64 + signal * (940 - 64))
    source = f"color=s=64x64:r=25:d=1,format=yuv420p10le,geq=lum={luma}:cb=512:cr=512"
    generate(
        f"-f lavfi -i {source} -c:v libx265 -preset ultrafast -x265-params"
        f" log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc -tag:v hvc1",
        target,
    )
    return target


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_becomes_sdr(samples, tmp_path, transfer):
    source = grey(samples, transfer, 0.5)
    assert FFMPEG.inspect(source).hdr
    made = make(source, tmp_path, (64,))
    path = tmp_path / f"{made.renditions[0].name}.mp4"
    labels = ffprobe(path, "-select_streams", "v", "-show_entries", LABELS)
    assert labels == ["yuv420p,tv,bt709,bt709,bt709"]


@pytest.mark.parametrize(
    ("transfer", "signal", "darkest", "brightest"),
    [
        # In PQ half of the signal is the light of a bright white page, 92 candelas.
        ("smpte2084", 0.5, 150, 235),
        ("smpte2084", 0.1, 0, 40),
        ("smpte2084", 0.9, 235, 255),
        ("arib-std-b67", 0.0, 0, 5),
        ("arib-std-b67", 1.0, 225, 255),
    ],
)
def test_light_is_where_it_was(samples, tmp_path, transfer, signal, darkest, brightest):
    made = make(grey(samples, transfer, signal), tmp_path, (64,))
    colour = first_colour(tmp_path / f"{made.renditions[0].name}.mp4")
    assert max(colour) - min(colour) <= 3, "grey stays grey"
    assert darkest <= colour[1] <= brightest
