"""Files that are either complete or not there: written aside, flushed, then given their name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

PREFIX = "unfinished-"


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """A folder inside `folder` for what is being written, in place of any a killed worker left.

    Its name is new each time: a worker that lost its lease may not have noticed yet, and must not
    write into the files of the next one.
    """
    for left_behind in folder.glob(f"{PREFIX}*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    with TemporaryDirectory(dir=folder, prefix=PREFIX, ignore_cleanup_errors=True) as name:
        yield Path(name)


def keep(made: Path, target: Path) -> None:
    """Give a complete file, or a folder of files, its name.

    Flushed before, so that a power cut does not leave the name on something empty.
    """
    for path in [made] if made.is_file() else made.rglob("*"):
        if path.is_file():
            with path.open("rb") as opened:
                os.fsync(opened.fileno())
    made.replace(target)
