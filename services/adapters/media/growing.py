"""HLS that can be played while it is still being encoded: what FFmpeg writes, and how it is read.

One encoding goes to three places at once: the picture and the sound, each as a file for Packager,
and both together in segments, for as long as there is nothing better.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.processing.ladder import Rendition

PLAYLIST = "media.m3u8"
INIT = "init.mp4"
# Short, because players want three of them before they begin: Chromium's own fails with fewer.
SEGMENT_SECONDS = 2
ENOUGH_SEGMENTS = 3
AUDIO_KBPS = 128
END = "#EXT-X-ENDLIST"
# Without this, players take what still grows for a live stream, and start near its end.
FROM_THE_BEGINNING = "#EXT-X-START:TIME-OFFSET=0,PRECISE=YES"
HLS = ":".join(
    [
        "f=hls:fflags=+bitexact",
        f"hls_time={SEGMENT_SECONDS}:hls_playlist_type=event:hls_segment_type=fmp4",
        f"hls_flags=independent_segments+temp_file:hls_fmp4_init_filename={INIT}",
    ]
)
SEGMENTS = "%05d.m4s"


def everywhere(files: Sequence[str], folder: str) -> str:
    """For FFmpeg's tee, by names relative to where it runs: picture, then sound if there is any."""
    kinds = zip("va", files, strict=False)
    apart = [f"[select={kind}:f=mp4:fflags=+bitexact]{name}" for kind, name in kinds]
    hls = f"[{HLS}:hls_segment_filename={folder}/{SEGMENTS}]{folder}/{PLAYLIST}"
    return "|".join([*apart, hls])


def only_segments() -> tuple[str, ...]:
    """For FFmpeg, to write the same segments from files that are encoded already."""
    options = (option.partition("=") for option in HLS.split(":"))
    return (
        *(word for name, _, value in options for word in (f"-{name}", value)),
        *("-hls_segment_filename", SEGMENTS, PLAYLIST),
    )


@dataclass(frozen=True, slots=True)
class Growing:
    """A media playlist as it is now."""

    text: str

    @classmethod
    def read(cls, playlist: Path) -> Growing:
        """As FFmpeg has written it, which is whole or not at all; empty before it has."""
        return cls(playlist.read_text() if playlist.is_file() else "")

    @property
    def segments(self) -> list[str]:
        return re.findall(r"^[^#\s].*$", self.text, re.MULTILINE)

    @property
    def can_be_played(self) -> bool:
        return self.has_ended or len(self.segments) >= ENOUGH_SEGMENTS

    @property
    def has_ended(self) -> bool:
        return END in self.text

    @property
    def published(self) -> str:
        """What players get of it."""
        if FROM_THE_BEGINNING in self.text:
            return self.text
        return self.text.replace("#EXT-X-MAP", f"{FROM_THE_BEGINNING}\n#EXT-X-MAP", 1)


def master(rendition: Rendition, init: bytes, *, has_audio: bool) -> str:
    """A master playlist of this one rendition. `init` tells what its codec is called (RFC 6381)."""
    start = init.index(b"avcC") + len(b"avcC") + 1
    codecs = [f"avc1.{init[start : start + 3].hex()}", *(["mp4a.40.2"] if has_audio else [])]
    kbps = rendition.max_bitrate_kbps + AUDIO_KBPS * has_audio
    return (
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        f'#EXT-X-STREAM-INF:BANDWIDTH={kbps}000,CODECS="{",".join(codecs)}"'
        f",RESOLUTION={rendition.width}x{rendition.height}\n{PLAYLIST}\n"
    )
