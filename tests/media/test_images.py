"""The card that stands for a video without a picture."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.adapters.media.images import title_card


def opened(card: bytes) -> Image.Image:
    return Image.open(io.BytesIO(card))


@pytest.mark.parametrize(
    "title",
    [
        "Big Buck Bunny",
        "",
        " \n\t ",
        "\u65e5\u672c\u8a9e",
        "W" * 5000,
        "one word and another " * 240,
        "\ud800\0",
    ],
)
def test_any_title_gets_a_card(title):
    card = opened(title_card(title))
    assert (card.format, card.size) == ("JPEG", (1280, 720))


@given(st.text(max_size=300))
@settings(max_examples=30, deadline=None)
def test_any_text_at_all_gets_a_card(title):
    assert opened(title_card(title)).size == (1280, 720)


def test_a_card_shows_its_title():
    def white(title: str) -> int:
        return sum(opened(title_card(title)).convert("L").histogram()[230:])

    assert white("A long title of several words") > white("Short") > 1000
    # What the font lacks is left out, and a triangle stands for what it lacks altogether.
    assert white("\u65e5\u672c\u8a9e") == pytest.approx(white(""), rel=0.05)


def test_a_card_follows_from_its_title():
    assert title_card("One") == title_card("One")
    assert title_card("One") != title_card("Two")


def test_a_title_stays_inside_its_card():
    white = [0] * 230 + [255] * 26
    box = opened(title_card("WWWWWWWWWWWW " * 30)).convert("L").point(white).getbbox()
    assert box
    assert box[0] > 60
    assert box[1] > 60
    assert box[2] < 1220
    assert box[3] < 660
