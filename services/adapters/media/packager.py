"""Shaka Packager: renditions become CMAF segments, named by one HLS master and one DASH manifest.

    master.m3u8   master-720p.m3u8 ...   manifest.mpd
    720p.m3u8   720p_iframes.m3u8 ...   audio.m3u8
    720p/init.mp4   720p/00001.m4s   720p/00002.m4s ...   audio/init.mp4   audio/00001.m4s ...

Every URI is relative, so that a playlist's own URL may carry a grant in its path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.adapters.media.confined import LimitReached, Limits, ToolFailed, run
from services.adapters.media.tools import Tools
from services.adapters.media.unfinished import keep, unfinished
from services.processing.ladder import Rendition

LIMITS = Limits(cpu_seconds=1800, memory_bytes=2 * 1024**3, file_bytes=1024**3, wall_seconds=3600)
SEGMENT_SECONDS = 4
MASTER = "master.m3u8"
MANIFEST = "manifest.mpd"
AUDIO = "audio"
OUTPUTS = (
    *("--segment_duration", str(SEGMENT_SECONDS), "--hls_playlist_type", "VOD"),
    *("--hls_master_playlist_output", MASTER, "--mpd_output", MANIFEST),
    *("--generate_static_live_mpd", "--quiet"),
)
# A rendition's entry in a master playlist: its line and the next, or its key frames' one line.
VARIANT = re.compile(
    r'^#EXT-X-(?:STREAM-INF:.*\n(.+)|I-FRAME-STREAM-INF:.*URI="([^"]+)".*)\n', re.MULTILINE
)
QUOTED_URI = re.compile(r'URI="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Packager:
    tools: Tools

    def package(
        self,
        renditions: tuple[Rendition, ...],
        encoded_folder: Path,
        has_audio: bool,  # noqa: FBT001 - a fact about the media, always named by the caller
        target: Path,
    ) -> None:
        """Write `target` from what `Ffmpeg.encode` left: if the folder is there, it is complete.

        Raises `ToolFailed`: these are files of our own making, so no upload is to blame.
        """
        with unfinished(target.parent) as aside:
            folder = aside / target.name
            folder.mkdir()
            # A comma in a path would end it for Packager, so it gets nothing but `../../720p.mp4`.
            encoded = os.path.relpath(encoded_folder, folder)
            streams = [_video(encoded, rendition.name) for rendition in renditions]
            self._run([*streams, *([_audio(encoded)] if has_audio else [])], folder)
            _choose_sound(folder / MASTER)
            _check(folder)
            for rendition in renditions:
                _offer_alone(rendition.name, folder)
            keep(folder, target)

    def _run(self, streams: list[str], folder: Path) -> None:
        try:
            finished = run([self.tools.packager, *streams, *OUTPUTS], LIMITS, cwd=folder)
        except LimitReached as reached:
            raise ToolFailed(f"packager: {reached}") from reached
        if finished.returncode != 0:
            raise ToolFailed(f"packager ended with {finished.returncode}: {finished.stderr_tail}")


def _video(encoded: str, name: str) -> str:
    return f"{_stream(encoded, name, 'video')},iframe_playlist_name={name}_iframes.m3u8"


def _audio(encoded: str) -> str:
    # Without `lang`: nobody said which it is, and Packager refuses `und`.
    return f"{_stream(encoded, AUDIO, 'audio')},hls_group_id=audio,hls_name=Default"


def _stream(encoded: str, name: str, kind: str) -> str:
    return (
        f"in={encoded}/{name}.mp4,stream={kind},init_segment={name}/init.mp4"
        f",segment_template={name}/$Number%05d$.m4s,playlist_name={name}.m3u8"
    )


def _choose_sound(master: Path) -> None:
    """Of an unnamed language, the only sound is no player's default unless this is said."""
    master.write_text(master.read_text().replace("DEFAULT=NO", "DEFAULT=YES"))


def single_master(rendition: str) -> str:
    """The master playlist that offers one rendition alone, beside the one that offers all."""
    return f"master-{rendition}.m3u8"


def _offer_alone(name: str, folder: Path) -> None:
    """Write a master playlist without the other renditions; what they share stays."""
    own = {f"{name}.m3u8", f"{name}_iframes.m3u8"}
    every = (folder / MASTER).read_text()
    alone = VARIANT.sub(lambda entry: entry[0] if own & {entry[1], entry[2]} else "", every)
    (folder / single_master(name)).write_text(alone)


def _check(folder: Path) -> None:
    """Players ask for what playlists name, so that is what has to be there, and nothing else."""
    there = {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()}
    named = {MASTER, MANIFEST, *(uri for text in _playlists(folder) for uri in _uris(text))}
    if there != named:
        raise ToolFailed(f"packaged, but not as named: {sorted(there ^ named)[:5]}")


def _playlists(folder: Path) -> Iterator[str]:
    return (playlist.read_text() for playlist in folder.glob("*.m3u8"))


def _uris(playlist: str) -> Iterator[str]:
    for line in playlist.splitlines():
        if line.startswith("#"):
            yield from QUOTED_URI.findall(line)
        elif line:
            yield line
