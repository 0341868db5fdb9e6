"""Subtitle files as people have them, and what becomes of what is in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadMedia
from services.adapters.media.subtitles import Cue, read, until, webvtt

SRT = "1\n00:00:01,000 --> 00:00:02,500\nCafé €: ça va\n\n2\n00:00:03,000 --> 00:00:04,000\nzwei\n"
CUES = (Cue(1000, 2500, "Café €: ça va"), Cue(3000, 4000, "zwei"))


def text_of(markup: str) -> str:
    return read(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{markup}\n".encode())[0].text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_subrip_is_read_in_every_encoding_that_people_use(encoding, line_end):
    assert read(SRT.replace("\n", line_end).encode(encoding)) == CUES


def test_big_endian_utf_16_is_read_by_its_mark():
    assert read(b"\xfe\xff" + SRT.encode("utf-16-be")) == CUES


def test_webvtt_is_read_without_its_names_notes_styles_and_settings():
    file = (
        "WEBVTT - A title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\n"
        "NOTE 00:00.000 --> 00:01.000 is no cue\n\n"
        "intro\n00:01.000 --> 00:02.000 line:0 align:start\nFirst\nSecond\n\n"
        "01:00:00.500 --> 01:00:01.000\nLate\n"
    )
    assert read(file.encode()) == (
        Cue(1000, 2000, "First\nSecond"),
        Cue(3600500, 3601000, "Late"),
    )


def test_what_is_written_is_read_again_as_it_was():
    written = webvtt(CUES)
    assert written.startswith("WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n")
    assert read(written.encode()) == CUES


def test_cues_are_put_in_order_and_may_overlap():
    file = "WEBVTT\n\n00:05.000 --> 00:09.000\nb\n\n00:01.000 --> 00:06.000\na\n"
    assert read(file.encode()) == (Cue(1000, 6000, "a"), Cue(5000, 9000, "b"))


def test_cues_without_a_text_or_with_times_that_run_backwards_are_left_out():
    file = (
        "WEBVTT\n\n00:01.000 --> 00:02.000\n\n00:03.000 --> 00:02.000\nback\n\n"
        "00:04.000 --> 00:04.000\nnever\n\n00:05.000 --> 00:06.000\n<b> </b>\n\n"
        "00:07.000 --> 00:08.000\nseen\n"
    )
    assert read(file.encode()) == (Cue(7000, 8000, "seen"),)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<b>bold</b> <i>on", "<b>bold</b> <i>on</i>"),
        ("<b onclick=alert(1)>x</b>", "<b>x</b>"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("<img src=x onerror=alert(1)>x", "x"),
        ("&lt;img src=x&gt; &amp;", "&lt;img src=x&gt; &amp;"),
        ("I <3 you & me", "I &lt;3 you &amp; me"),
        ("<v Roger Bingham>Hi</v>", "<v Roger Bingham>Hi</v>"),
        ("<v.loud Ann>Hi", "<v Ann>Hi</v>"),
        ("<font color='red'>red</font>", "red"),
        (r"{\an8}on top", "on top"),
        ("one <00:00:01.500>two", "one two"),
        ("<b><i>x</b></i>", "<b><i>x</i></b>"),
        ("a &#10;&#10; --> b", "a\n--&gt; b"),
        ("nul\x00l", "null"),
        ("<ruby>漢<rt>kan</rt></ruby>", "<ruby>漢<rt>kan</rt></ruby>"),
    ],
)
def test_only_markup_that_webvtt_has_survives(markup, text):
    assert text_of(markup) == text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not_subtitles"),
        (b"Just a text.\n", "not_subtitles"),
        (bytes(range(256)) * 8, "not_subtitles"),
        (b"WEBVTT\n\nNOTE nothing\n", "no_cues"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\n", "no_cues"),
    ],
)
def test_what_is_no_subtitle_file_is_refused_with_a_reason(content, reason):
    with pytest.raises(BadMedia) as refused:
        read(content)
    assert refused.value.reason == reason


@pytest.mark.parametrize("opening", ["{\\", "<a", "<1:", "<b>", "<", "&lt"])
def test_marks_that_never_close_are_read_once(opening):
    """Looked at anew from each mark on, half a megabyte of them takes many minutes."""
    length = 500_000
    letters = opening * (length // len(opening))
    one = opening + opening[-1] * length
    for text in (letters, one):
        with pytest.raises(BadMedia):
            read(f"1\n00:00:01,000 --> 00:00:02,000\nseen {text}\n".encode())


def test_a_text_that_fills_books_is_no_caption():
    book = "WEBVTT\n\n00:01.000 --> 00:02.000\n" + "word " * 100_000
    with pytest.raises(BadMedia) as refused:
        read(book.encode())
    assert refused.value.reason == "no_cues"
    (kept,) = read(f"{book}\n\n00:03.000 --> 00:04.000\nseen\n".encode())
    assert kept == Cue(3000, 4000, "seen")


def test_nothing_is_shown_after_the_end_of_the_video():
    assert until(CUES, 3.5) == (CUES[0], Cue(3000, 3500, "zwei"))
    assert until(CUES, 2) == (Cue(1000, 2000, "Café €: ça va"),)
    with pytest.raises(BadMedia) as refused:
        until(CUES, 1)
    assert refused.value.reason == "beyond_the_end"


@given(st.text(alphabet="<>&!-[]/abiv:.0 \n{}\\;#", max_size=80))
def test_whatever_is_between_two_times_comes_out_well_formed(text):
    try:
        cues = read(f"00:01.000 --> 00:02.000\n{text}".encode())
    except BadMedia:
        return
    for cue in cues:
        assert "-->" not in cue.text
        assert "\n\n" not in cue.text
    assert read(webvtt(cues).encode()) == cues
