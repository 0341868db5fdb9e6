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
    comments,
    counters,
    kills,
    live,
    pipeline,
    playable,
    requests,
    social,
    sockets,
    uploads,
)

# In the order in which they run.
BENCHES = (
    *(requests, accounts, sockets, catalogue, comments, counters, social),
    *(pipeline, playable, chunks, kills, uploads, live),
)


def main() -> None:
    if not (shutil.which("wrk") and shutil.which("hey")):
        sys.exit("The load comes from wrk and hey: apt-get install wrk hey")
    with tempfile.TemporaryDirectory(prefix="clutch-bench-") as folder:
        only = sys.argv[1:] or [
            *(
                "requests",
                "accounts",
                "sockets",
                "pipeline",
                "playable",
                "chunks",
                "uploads",
                "catalogue",
            ),
            *("counters", "social"),
            *("comments", "live"),
        ]
        for bench in BENCHES:
            name = bench.__name__.rpartition(".")[2]
            if name in only:
                bench.run(Path(folder) / name)


if __name__ == "__main__":
    main()
