"""Pictures that CLUTCH draws itself: the card of a video that has no picture of its own."""

from __future__ import annotations

import colorsys
import hashlib
import io
import textwrap
import unicodedata

from PIL import Image, ImageDraw, ImageFont, ImageOps

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

WIDTH, HEIGHT = 1280, 720
TEXT_WIDTH = 1060
FONT_SIZES = (96, 80, 64, 48)
LINES = 4
# No more than this is looked at: a card is not a page.
CHARACTERS = 400
# What a font draws for a character that it lacks.
MISSING = "\U0010ffff"
DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212", "------")
TRIANGLE = ((590, 280), (590, 440), (720, 360))


def title_card(title: str) -> bytes:
    """A 1280x720 JPEG: the title over colours that follow from it. Any text will do."""
    card = _background(title)
    draw = ImageDraw.Draw(card)
    if text := _drawable(title):
        lines, font = _fitted(text)
        draw.multiline_text(
            (WIDTH / 2, HEIGHT / 2), lines, "white", font, anchor="mm", align="center", spacing=20
        )
    else:
        draw.polygon(TRIANGLE, "white")
    target = io.BytesIO()
    card.save(target, "JPEG", quality=85)
    return target.getvalue()


def _background(title: str) -> Image.Image:
    """A slope between two dark colours, so that white text can be read on it."""
    digest = hashlib.sha256(title.encode(errors="replace")).digest()
    first, second = _dark(digest[0] / 256, 0.45), _dark(digest[1] / 256, 0.2)
    slope = Image.linear_gradient("L").rotate(30).crop((48, 48, 208, 208))
    return ImageOps.colorize(slope.resize((WIDTH, HEIGHT)), first, second)


def _dark(hue: float, brightness: float) -> str:
    red, green, blue = (round(part * 255) for part in colorsys.hsv_to_rgb(hue, 0.7, brightness))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _drawable(title: str) -> str:
    """What Pillow's own font has of a title: Latin letters, with their accents taken off.

    Nothing, where that would leave the reader with fragments.
    """
    font = ImageFont.load_default(FONT_SIZES[-1])
    missing = _glyph(font, MISSING)
    plain = unicodedata.normalize("NFKD", title[:CHARACTERS]).translate(DASHES)
    wanted = [c for c in plain if not unicodedata.combining(c)]
    drawn = [c for c in wanted if c.isspace() or _glyph(font, c) != missing]
    return " ".join("".join(drawn).split()) if 2 * len(drawn) >= len(wanted) else ""


def _glyph(font: Font, character: str) -> bytes:
    image = Image.new("L", (2 * FONT_SIZES[-1], 2 * FONT_SIZES[-1]))
    ImageDraw.Draw(image).text((0, 0), character, 255, font)
    return image.tobytes()


def _fitted(text: str) -> tuple[str, Font]:
    """The text in lines, in the largest font in which it fits; else what fits of it."""
    for size in FONT_SIZES:
        font = ImageFont.load_default(size)
        lines = textwrap.wrap(text, int(TEXT_WIDTH / font.getlength("n")))
        if len(lines) <= LINES and all(font.getlength(line) <= TEXT_WIDTH for line in lines):
            return "\n".join(lines), font
    font = ImageFont.load_default(FONT_SIZES[-1])
    columns = int(TEXT_WIDTH / font.getlength("W"))
    return textwrap.fill(text, columns, max_lines=LINES, placeholder="..."), font
