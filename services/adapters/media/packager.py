"""Shaka Packager: renditions become CMAF segments, named by one HLS master and one DASH manifest.

    master.m3u8   master-720p.m3u8 ...   manifest.mpd
    720p.m3u8   720p_iframes.m3u8 ...   audio.m3u8
    720p/init.mp4   720p/00001.m4s   720p/00002.m4s ...   audio/init.mp4   audio/00001.m4s ...
    360p_trick/...   key frames alone, for seeking and for playing fast; only DASH names them
    storyboard.vtt   storyboard-001.jpg ...   if there is one (storyboard.py)

Tracks that come later are packaged each on its own: `package_sound`, `package_text`. Every URI is
relative, so that a playlist's own URL may carry a grant in its path.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.adapters.media import manifests, storyboard
from services.adapters.media.confined import LimitReached, Limits, ToolFailed, run
from services.adapters.media.encryption import Encryption
from services.adapters.media.manifests import MANIFEST, MASTER, single_master
from services.adapters.media.tools import Tools
from services.adapters.media.unfinished import keep, unfinished
from services.processing.ladder import Rendition

LIMITS = Limits(cpu_seconds=1800, memory_bytes=2 * 1024**3, file_bytes=1024**3, wall_seconds=3600)
SEGMENT_SECONDS = 4
# Text is small: an hour of it in 60 files instead of 900 (RFC 8216, 6.2.4, allows it).
TEXT_SEGMENT_SECONDS = 60
AUDIO = "audio"
TEXT = "captions"
OUTPUTS = (
    *("--hls_playlist_type", "VOD", "--generate_static_live_mpd", "--quiet"),
    *("--hls_master_playlist_output", MASTER, "--mpd_output", MANIFEST),
    # Where pictures begin. By itself Packager has text begin 0.1 s later.
    *("--transport_stream_timestamp_offset_ms", "0"),
)
# A segment of text says where its times count from (RFC 8216, 3.5).
HEADER = "WEBVTT\n"
FROM_ZERO = f"{HEADER}X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n"
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
        encryption: Encryption | None = None,
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
            streams.append(_trick_play(encoded, renditions[0].name))
            self._run(
                [*streams, *([_audio(encoded)] if has_audio else [])], folder, encryption=encryption
            )
            _choose_sound(folder / MASTER)
            _check(folder)
            for rendition in renditions:
                _offer_alone(rendition.name, folder)
            _show_storyboard(encoded_folder / storyboard.FOLDER, folder)
            keep(folder, target)

    def package_sound(
        self, audio: Path, target: Path, encryption: Encryption | None = None
    ) -> None:
        """Write `target` from the MP4 of one more sound: `audio.m3u8` and what it names.

        Its master playlist and manifest say of it what `manifests.py` needs to know.
        """
        with unfinished(target.parent) as aside:
            folder = aside / target.name
            folder.mkdir()
            shutil.copy(audio, aside / f"{AUDIO}.mp4")
            self._run([_audio("..")], folder, encryption=encryption)
            _check(folder)
            keep(folder, target)

    def package_text(self, vtt: Path, target: Path) -> None:
        """Write `target` from a WebVTT file: `captions.m3u8` and its segments, and all in one."""
        whole = f"{TEXT}.vtt"
        with unfinished(target.parent) as aside:
            folder = aside / target.name
            folder.mkdir()
            shutil.copy(vtt, aside / whole)
            self._run([_text("..")], folder, TEXT_SEGMENT_SECONDS)
            _check(folder)
            for named_alone in (MASTER, MANIFEST):
                (folder / named_alone).unlink()
            for segment in folder.glob(f"{TEXT}/*.vtt"):
                segment.write_text(f"{FROM_ZERO}{segment.read_text().removeprefix(HEADER)}")
            shutil.copy(vtt, folder / whole)
            keep(folder, target)

    def _run(
        self,
        streams: list[str],
        folder: Path,
        segment_seconds: int = SEGMENT_SECONDS,
        encryption: Encryption | None = None,
    ) -> None:
        segments = ("--segment_duration", str(segment_seconds))
        secret = _written(encryption, folder.parent) if encryption else ()
        command = [self.tools.packager, *streams, *segments, *OUTPUTS, *secret]
        try:
            finished = run(command, LIMITS, cwd=folder)
        except LimitReached as reached:
            raise ToolFailed(f"packager: {reached}") from reached
        if finished.returncode != 0:
            raise ToolFailed(f"packager ended with {finished.returncode}: {finished.stderr_tail}")
        if encryption:
            encryption.correct(folder)


def _written(encryption: Encryption, folder: Path) -> tuple[str, ...]:
    """The key in a file of ours alone, in a folder that is removed: `ps` must not show it."""
    file = folder / "encryption.flags"
    file.touch(mode=0o600)
    file.write_text(encryption.flags())
    return ("--flagfile", f"../{file.name}")


def _video(encoded: str, name: str) -> str:
    return f"{_stream(encoded, name, 'video')},iframe_playlist_name={name}_iframes.m3u8"


def _trick_play(encoded: str, name: str) -> str:
    """In an HLS master it would be a variant like the others, and players start with it."""
    folder = f"{name}_trick"
    return (
        f"in={encoded}/{name}.mp4,stream=video,init_segment={folder}/init.mp4"
        f",segment_template={folder}/$Number%05d$.m4s,trick_play_factor=1,dash_only=1"
    )


def _text(encoded: str) -> str:
    return (
        f"in={encoded}/{TEXT}.vtt,stream=text,segment_template={TEXT}/$Number%05d$.vtt"
        f",playlist_name={TEXT}.m3u8"
    )


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


def _offer_alone(name: str, folder: Path) -> None:
    """Write a master playlist without the other renditions; what they share stays."""
    own = {f"{name}.m3u8", f"{name}_iframes.m3u8"}
    every = (folder / MASTER).read_text()
    alone = VARIANT.sub(lambda entry: entry[0] if own & {entry[1], entry[2]} else "", every)
    (folder / single_master(name)).write_text(alone)


def _show_storyboard(made: Path, folder: Path) -> None:
    """Put small pictures beside the renditions, and name them in the DASH manifest."""
    if not made.is_dir():
        return
    for file in made.iterdir():
        shutil.copy(file, folder)
    sheets = storyboard.read(folder / storyboard.VTT)
    manifest = folder / MANIFEST
    manifest.write_text(manifests.with_storyboard(manifest.read_text(), sheets))


def _check(folder: Path) -> None:
    """Players ask for what playlists name, so that is what has to be there, and nothing else."""
    there = {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()}
    named = {MASTER, MANIFEST, *(uri for text in _playlists(folder) for uri in _uris(text))}
    named.update(manifests.files(folder.joinpath(MANIFEST).read_text()))
    if there != named:
        raise ToolFailed(f"packaged, but not as named: {sorted(there ^ named)[:5]}")


def _playlists(folder: Path) -> Iterator[str]:
    return (playlist.read_text() for playlist in folder.glob("*.m3u8"))


def _uris(playlist: str) -> Iterator[str]:
    for line in playlist.splitlines():
        if line.startswith("#EXT-X-KEY:"):
            continue  # a licence is not among the files
        if line.startswith("#"):
            yield from QUOTED_URI.findall(line)
        elif line:
            yield line
