"""`python -m bench`: requests beside a bare view, logins, uploads, lists, playback."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from bench import (
    accounts,
    catalogue,
    chunks,
    kills,
    pipeline,
    playable,
    requests,
    uploads,
)


def main() -> None:
    if not (shutil.which("wrk") and shutil.which("hey")):
        sys.exit("The load comes from wrk and hey: apt-get install wrk hey")
    with tempfile.TemporaryDirectory(prefix="clutch-bench-") as folder:
        only = sys.argv[1:] or [
            *("requests", "accounts", "pipeline", "playable", "chunks", "uploads", "catalogue"),
        ]
        if "requests" in only:
            requests.run(Path(folder) / "requests")
        if "accounts" in only:
            accounts.run(Path(folder) / "accounts")
        if "catalogue" in only:
            catalogue.run(Path(folder) / "catalogue")
        if "pipeline" in only:
            pipeline.run(Path(folder) / "pipeline")
        if "playable" in only:
            playable.run(Path(folder) / "playable")
        if "chunks" in only:
            chunks.run(Path(folder) / "chunks")
        if "kills" in only:
            kills.run(Path(folder) / "kills")
        if "uploads" in only:
            uploads.run(Path(folder) / "uploads")


if __name__ == "__main__":
    main()
