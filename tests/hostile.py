"""Files that must not become videos, and the reason each has to be refused for."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.samples import Samples

PAGE = b"<!doctype html><html><body><video src='x.mp4'></video></body></html>"
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
MPD = (
    b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
    b"<BaseURL>%s</BaseURL></Period></MPD>"
)
SDP = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
HLS = (
    b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n%s/segment.ts\n#EXTINF:4,\n%s/segment2.ts\n"
    b"#EXT-X-ENDLIST\n"
)
FFCONCAT = b"ffconcat version 1.0\nfile %s\nfile sibling.mp4\n"


def chance() -> random.Random:
    return random.Random(7)  # noqa: S311 - the same accidents in each run


def archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as opened:
        opened.writestr("video.mp4", "not really")
    return target.getvalue()


# What is no video at all, whatever it is called.
WRITTEN: dict[str, bytes] = {
    "text.mp4": b"Once upon a time there was no video.\n" * 100,
    "page.mp4": PAGE,
    "document.mov": PDF,
    "archive.mkv": archive(),
    "random.mp4": chance().randbytes(200_000),
    "session.mp4": SDP,
    "one_byte.mp4": b"\0",
}


def linking(url: str) -> dict[str, bytes]:
    """Files that have a naive FFmpeg open `url`, or files beside them, or of this machine."""
    address = url.encode()
    return {
        "playlist.mp4": HLS % (address, address),
        "playlist.m3u8": HLS % (address, address),
        "local.m3u8": HLS % (b"file:///etc", b"file:///etc"),
        "joined.mp4": FFCONCAT % address,
        "joined.ffconcat": FFCONCAT % b"/etc/passwd",
        "dash.mp4": MPD % address,
        "dash.mpd": MPD % address,
    }


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(len(content) * share)]


def without_media(content: bytes) -> bytes:
    """The complete index, and not a byte of what it lists."""
    return content[: content.index(b"mdat") + 4]


def huge_header(content: bytes) -> bytes:
    """An AVI that claims a picture of 60000x60000."""
    changed = bytearray(content)
    changed[64:72] = struct.pack("<II", 60_000, 60_000)
    header = changed.index(b"strf") + 8
    changed[header + 4 : header + 12] = struct.pack("<ii", 60_000, 60_000)
    return bytes(changed)


def flipped(content: bytes) -> bytes:
    """The same with 3000 bits turned over, none of them in the index at its beginning."""
    changed, accident = bytearray(content), chance()
    start = content.index(b"mdat") + 4
    for _ in range(3000):
        changed[accident.randrange(start, len(changed))] ^= 1 << accident.randrange(8)
    return bytes(changed)


def overwritten(content: bytes) -> bytes:
    """The index is right, and everything it lists is noise."""
    start = content.index(b"mdat") + 4
    return content[:start] + chance().randbytes(len(content) - start)


def half_overwritten(content: bytes) -> bytes:
    half = len(content) // 2
    return content[:half] + overwritten(content)[half:]


# File name -> the sample it is made of, how, and why it has to be refused.
SPOILT: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "cut_faststart.mp4": ("faststart.mp4", cut(0.5), "truncated"),
    "cut_index_last.mp4": ("landscape.mp4", cut(0.8), "truncated"),
    "cut_at_once.mp4": ("landscape.mp4", cut(1e-5), "truncated"),
    "cut_before_media.mp4": ("faststart.mp4", without_media, "truncated"),
    "cut.mkv": ("h264_opus.mkv", cut(0.5), "truncated"),
    "cut.avi": ("mpeg4_mp3.avi", cut(0.5), "truncated"),
    "huge_header.avi": ("uncompressed.avi", huge_header, "damaged"),
}
# Samples that are sound files of their kind, which is one that is not accepted.
REFUSED = {
    "audio_only.mp4": "no_video_stream",
    "audio_only.m4a": "no_video_stream",
    "cover_art.mp4": "no_video_stream",
    "cover_art.mp3": "unsupported_format",
    "stream.ts": "unsupported_format",
    "flash.flv": "unsupported_format",
    "picture.png": "not_a_video",
    "huge_picture.mkv": "too_large_picture",
    "day_long.mkv": "too_long",
}


def spoil(samples: Samples, name: str) -> Path:
    original, change, _ = SPOILT[name]
    return written(samples, name, change(samples[original].read_bytes()))


def written(samples: Samples, name: str, content: bytes) -> Path:
    target = samples.folder / name
    target.write_bytes(content)
    return target
