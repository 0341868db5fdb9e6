"""Which renditions, at which size, bit rate and frame rate."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.processing.ladder import MediaInfo, Rendition, fit, frame_rate, ladder

HEIGHTS = (360, 480, 720, 1080)


def source(width: int, height: int, fps: float = 25) -> MediaInfo:
    return MediaInfo(
        duration_seconds=10,
        width=width,
        height=height,
        fps=fps,
        video_codec="h264",
        audio_codec=None,
        pixel_format="yuv420p",
        hdr=False,
        interlaced=False,
        container="mp4",
        rotation_degrees=0,
        size_bytes=1,
    )


def sizes(width: int, height: int, heights: tuple[int, ...] = HEIGHTS) -> dict[str, str]:
    found = ladder(source(width, height), heights)
    return {rendition.name: f"{rendition.width}x{rendition.height}" for rendition in found}


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1280, 720, {"360p": "640x360", "480p": "854x480", "720p": "1280x720"}),
        (1080, 1920, {"360p": "360x640", "480p": "480x854", "720p": "720x1280",
                      "1080p": "1080x1920"}),
        (1920, 800, {"360p": "640x266", "480p": "854x356", "720p": "1280x534",
                     "1080p": "1920x800"}),
        (640, 272, {"360p": "640x272"}),
        (639, 271, {"360p": "638x270"}),
        (852, 480, {"360p": "640x360", "480p": "852x480"}),
        (1918, 1078, {"360p": "640x360", "480p": "854x480", "720p": "1280x720",
                      "1080p": "1918x1078"}),
        (640, 480, {"360p": "480x360", "480p": "640x480"}),
        (720, 720, {"360p": "360x360", "480p": "480x480", "720p": "720x720"}),
        (320, 240, {"240p": "320x240"}),
        (426, 240, {"240p": "426x240"}),
        (240, 426, {"240p": "240x426"}),
        (1, 1, {"2p": "2x2"}),
    ],
)  # fmt: skip
def test_a_source_gets_every_rung_it_reaches(width, height, expected):
    assert sizes(width, height) == expected


def test_8k_gets_no_more_than_what_is_configured():
    assert sizes(7680, 4320) == sizes(1920, 1080)
    assert sizes(7680, 4320, (2160,)) == {"2160p": "3840x2160"}


def test_heights_may_be_given_in_any_order_and_twice():
    assert sizes(1280, 720, (720, 360, 720)) == sizes(1280, 720, (360, 720))


@given(
    width=st.integers(1, 8192),
    height=st.integers(1, 8192),
    heights=st.sets(st.integers(2, 2160), min_size=1, max_size=6),
)
def test_any_source_gets_an_even_ladder_that_rises_and_never_enlarges(width, height, heights):
    found = ladder(source(width, height), tuple(heights))
    assert found
    assert [r.nominal_height for r in found] == sorted({r.nominal_height for r in found})
    assert len({r.name for r in found}) == len(found)
    for rendition in found:
        assert rendition.width % 2 == rendition.height % 2 == 0
        assert rendition.width <= max(2, width)
        assert rendition.height <= max(2, height)
        assert rendition.max_bitrate_kbps >= 100


def test_a_picture_keeps_its_aspect():
    for width, height in ((1920, 1080), (1440, 1080), (2560, 1080), (1080, 2340)):
        fitted_width, fitted_height = fit(width, height, 480)
        assert fitted_width / fitted_height == pytest.approx(width / height, rel=0.01)


def bitrate(rendition: Rendition) -> int:
    return rendition.max_bitrate_kbps


def test_bit_rates_are_those_of_the_rungs():
    found = ladder(source(3840, 2160), (360, 480, 720, 1080, 1440, 2160))
    assert [bitrate(r) for r in found] == [800, 1400, 2800, 5000, 9000, 16000]


def test_a_smaller_picture_than_its_rung_takes_fewer_bits():
    (wide,) = ladder(source(1280, 534), (720,))
    assert 1400 < bitrate(wide) < 2800
    (small,) = ladder(source(320, 240), HEIGHTS)
    assert 200 < bitrate(small) < 300


def test_fast_motion_takes_half_as_many_bits_again():
    (slow,) = ladder(source(1280, 720, fps=30), (720,))
    (fast,) = ladder(source(1280, 720, fps=60), (720,))
    assert bitrate(fast) == 1.5 * bitrate(slow)


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (23.976, "24000/1001"),
        (24, "24"),
        (25.05, "25"),
        (29.97, "30000/1001"),
        (29.999, "30"),
        (59.94, "60000/1001"),
        (120, "60"),
        (119.88, "60"),
        (12.5, "25/2"),
        (28.0282, "7007/250"),
        (15, "15"),
        (0.1, "1"),
        (0, "1"),
    ],
)
def test_the_frame_rate_is_constant_and_a_sane_one(fps, rate):
    assert frame_rate(source(640, 360, fps)) == Fraction(rate)
