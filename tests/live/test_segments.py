"""What players read of a live stream: names that say all, and the playlist made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.live.segments import (
    Segment,
    init_name,
    live_playlist,
    seconds_of,
    segments_among,
)
from services.live.version import stored_segments

MAP = "#EXT-X-MAP:URI="
DISCONTINUITY = "#EXT-X-DISCONTINUITY"


def part(number: int, count: int, seconds: float = 1.0) -> list[Segment]:
    return [Segment(number, n, seconds) for n in range(count)]


def said(text: str, tag: str) -> str:
    """The value of a tag that occurs once."""
    (value,) = [line.split(":", 1)[1] for line in text.splitlines() if line.startswith(f"{tag}:")]
    return value


def files(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_a_name_says_all_and_names_read_back_in_the_order_of_playing():
    made = [
        Segment(1, 0, 1.0),
        Segment(1, 1, 0.966667),
        Segment(1, 999_999, 2.0),
        Segment(1, 1_000_000, 1.000001),
        Segment(2, 0, 0.04),
        Segment(999, 7, 12.5),
        Segment(1000, 0, 3.2),
    ]
    names = [segment.name for segment in made]
    assert len(set(names)) == len(names)
    # As a store lists them: by name, or in no order at all.
    assert segments_among(sorted(names)) == segments_among(names[::-1]) == made


@pytest.mark.parametrize(
    "name",
    ["001-init.mp4", "master.m3u8", "v.m3u8", "1-000001-1.m4s", "001-000001-1.m4s.tmp", "x.m4s"],
)
def test_other_files_are_no_segments(name):
    assert segments_among([name, Segment(1, 0, 1.0).name]) == [Segment(1, 0, 1.0)]


def test_storage_is_the_record_of_what_was_sent(services, tmp_path):
    made = [*part(1, 3), *part(2, 2, 2.0)]
    for name in (*(segment.name for segment in made), "001-init.mp4", "video.m3u8"):
        Path(tmp_path, "made").write_bytes(b"x")
        services.storage.adopt(Path(tmp_path, "made"), f"playback/a-video/v0/{name}")
    assert stored_segments(services.storage, "a-video") == made
    assert stored_segments(services.storage, "another") == []
    assert seconds_of(made) == 7.0


def test_while_it_is_live_the_last_thirty_seconds_are_listed():
    text = live_playlist(part(1, 100), has_ended=False)
    assert files(text) == [segment.name for segment in part(1, 100)[70:]]
    assert said(text, "#EXT-X-MEDIA-SEQUENCE") == "70"
    assert "#EXT-X-ENDLIST" not in text
    assert "#EXT-X-PLAYLIST-TYPE" not in text


@pytest.mark.parametrize(("seconds", "listed"), [(1.0, 30), (2.0, 15), (4.0, 8), (7.0, 5)])
def test_the_window_holds_at_least_thirty_seconds_and_no_segment_too_many(seconds, listed):
    text = live_playlist(part(1, 60, seconds), has_ended=False)
    assert len(files(text)) == listed
    assert said(text, "#EXT-X-MEDIA-SEQUENCE") == str(60 - listed)


def test_what_is_shorter_than_the_window_is_listed_from_its_beginning():
    text = live_playlist(part(1, 12), has_ended=False)
    assert len(files(text)) == 12
    assert said(text, "#EXT-X-MEDIA-SEQUENCE") == "0"
    assert said(text, "#EXT-X-DISCONTINUITY-SEQUENCE") == "0"


def test_each_segment_comes_with_its_own_length_and_the_first_with_what_decodes_it():
    text = live_playlist([Segment(3, 0, 0.966667), Segment(3, 1, 1.04)], has_ended=False)
    head, body = text.split(MAP)
    assert head.splitlines()[:2] == ["#EXTM3U", "#EXT-X-VERSION:7"]
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in head
    assert body.splitlines() == [
        f'"{init_name(3)}"',
        *("#EXTINF:0.966667,", "003-000000-966667.m4s"),
        *("#EXTINF:1.040000,", "003-000001-1040000.m4s"),
    ]


def test_another_part_begins_with_a_discontinuity_and_another_init():
    text = live_playlist([*part(1, 3), *part(2, 3), *part(4, 1)], has_ended=False)
    lines = text.splitlines()
    changes = [n for n, line in enumerate(lines) if line == DISCONTINUITY]
    assert [lines[n + 1] for n in changes] == [f'{MAP}"{init_name(n)}"' for n in (2, 4)]
    assert [lines[n + 3] for n in changes] == ["002-000000-1000000.m4s", "004-000000-1000000.m4s"]
    assert sum(line.startswith(MAP) for line in lines) == 3
    assert said(text, "#EXT-X-DISCONTINUITY-SEQUENCE") == "0"


def changes_before(made: list[Segment]) -> list[tuple[int, str, int]]:
    """As it grows: what each playlist counts, the first that it lists, and its changes."""
    found = []
    for length in range(1, len(made) + 1):
        text = live_playlist(made[:length], has_ended=False)
        changes = text.splitlines().count(DISCONTINUITY)
        found.append((int(said(text, "#EXT-X-DISCONTINUITY-SEQUENCE")), files(text)[0], changes))
    return found


def test_a_change_that_has_left_the_window_is_counted_from_then_on():
    made = [*part(1, 5), *part(2, 40), *part(3, 40)]
    of_part = {segment.name: segment.part for segment in made}
    for counted, first, changes in changes_before(made):
        # A change that leaves with its segment is counted in the same moment: each segment has one
        # number for as long as it is listed.
        assert counted == of_part[first] - 1
        assert counted + changes <= 2
    assert changes_before(made)[-1][0] == 2


def test_parts_of_which_nothing_was_stored_are_not_counted():
    text = live_playlist([*part(1, 5), *part(7, 40)], has_ended=False)
    assert said(text, "#EXT-X-DISCONTINUITY-SEQUENCE") == "1"


@pytest.mark.parametrize(
    ("lengths", "target"),
    [((1.0, 1.0), 1), ((1.0, 1.49), 1), ((1.0, 1.5), 2), ((0.3,), 1), ((4.0, 1.0), 4), ((), 1)],
)
def test_no_segment_is_longer_than_the_target_duration(lengths, target):
    made = [Segment(1, n, seconds) for n, seconds in enumerate(lengths)]
    assert said(live_playlist(made, has_ended=False), "#EXT-X-TARGETDURATION") == str(target)


def test_the_target_duration_does_not_shrink_when_the_longest_has_left_the_window():
    made = [Segment(1, 0, 6.0), *(Segment(1, n, 1.0) for n in range(1, 100))]
    text = live_playlist(made, has_ended=False)
    assert "001-000000-6000000.m4s" not in text
    assert said(text, "#EXT-X-TARGETDURATION") == "6"


def test_at_its_end_all_of_it_is_listed():
    made = [*part(1, 50), *part(2, 50)]
    text = live_playlist(made, has_ended=True)
    assert files(text) == [segment.name for segment in made]
    assert text.endswith("#EXT-X-ENDLIST\n")
    assert said(text, "#EXT-X-MEDIA-SEQUENCE") == "0"
    assert said(text, "#EXT-X-DISCONTINUITY-SEQUENCE") == "0"
    assert text.splitlines().count(DISCONTINUITY) == 1
