"""Pictures that people upload, made harmless: decoded within bounds, and written anew as JPEGs.

Nothing of the file itself is kept. What a camera noted beside the picture (where and with what it
was taken) goes with it; how it was held, and what its colours mean, is applied first.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from threading import Lock

from PIL import Image, ImageCms, ImageOps

from models.errors import Invalid, TooLarge, UnsupportedFormat

ACCEPTED = "JPEG, PNG or WebP"
FORMATS = ("JPEG", "PNG", "WEBP")
# The longest side of each picture that is kept; smaller ones are not enlarged.
SIDES = (320, 640, 1280)
# 200 MB of memory where a file makes the most of it (a progressive JPEG without subsampling).
MAX_PIXELS = 32_000_000
MAX_SIDE = 16_000
QUALITY = 85
HEAD_BYTES = 12
# What Pillow raises for a file that is damaged, or made to be.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, TypeError, struct.error, zlib.error)

# One at a time in each process, so that several together do not take that memory several times.
_DECODING = Lock()


def is_accepted_picture(head: bytes) -> bool:
    """Whether a file begins as JPEG, PNG or WebP do. Its name says nothing."""
    is_jpeg, is_png = head.startswith(b"\xff\xd8\xff"), head.startswith(b"\x89PNG\r\n\x1a\n")
    return is_jpeg or is_png or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def thumbnails(path: Path) -> dict[int, bytes]:
    """JPEGs of a picture, by the length of their longest side, the smallest first.

    Raises `UnsupportedFormat` for what is no such picture, `TooLarge` for one with too many pixels,
    and `Invalid` for one that cannot be decoded.
    """
    with path.open("rb") as opened:
        if not is_accepted_picture(opened.read(HEAD_BYTES)):
            raise _unsupported()
    try:
        with _DECODING, Image.open(path, formats=FORMATS) as image:
            _check_size(image)
            plain = _plain(image)
    except (Image.UnidentifiedImageError, Image.DecompressionBombError, *DAMAGE) as broken:
        raise Invalid(
            "This picture is damaged and cannot be read. Save it anew and upload that.",
            fields={"file": ["Damaged."]},
        ) from broken
    longest = max(plain.size)
    sides = [side for side in SIDES if side < longest][: len(SIDES) - 1]
    return {side: _jpeg(plain, side) for side in [*sides, min(longest, SIDES[-1])]}


def _check_size(image: Image.Image) -> None:
    """From the header, before anything is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise TooLarge(
            f"This picture has {width}x{height} pixels; {MAX_PIXELS // 1_000_000} million are"
            f" accepted, and {MAX_SIDE} on a side."
        )


def _plain(image: Image.Image) -> Image.Image:
    """Red, green and blue as a screen takes them, the right way up, no larger than is kept."""
    largest = (SIDES[-1], SIDES[-1])
    # A JPEG can be decoded at a fraction of its size.
    image.draft("RGB", largest)
    image.load()
    upright = ImageOps.exif_transpose(image)
    profile = upright.info.get("icc_profile")
    upright.thumbnail(largest, Image.Resampling.LANCZOS)
    return _flat(_as_srgb(upright, profile))


def _as_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """With the colours that its profile means; a profile that says nothing is left aside."""
    if not profile or image.mode not in {"RGB", "RGBA", "L", "CMYK"}:
        return image
    target = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, srgb, outputMode=target)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image


def _flat(image: Image.Image) -> Image.Image:
    """Without transparency: what can be seen through is black, as the page of a player is."""
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    ground = Image.new("RGBA", clear.size, "black")
    return Image.alpha_composite(ground, clear).convert("RGB")


def _jpeg(image: Image.Image, side: int) -> bytes:
    small, target = image.copy(), io.BytesIO()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    # Only pixels go on: `info` is what Pillow would write beside them.
    small.info = {}
    small.save(target, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return target.getvalue()


def _unsupported() -> UnsupportedFormat:
    return UnsupportedFormat(
        f"This is not a picture that is accepted here. Upload {ACCEPTED}.",
        fields={"file": [f"Not {ACCEPTED}."]},
    )
