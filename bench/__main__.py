"""`python -m bench`: all that is measured; with names, those only."""

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
    starts,
    uploads,
)

# In the order in which they run.
BENCHES = (
    *(starts, requests, accounts, sockets, catalogue, comments, counters, social),
    *(pipeline, playable, chunks, kills, uploads, live),
)


def main() -> None:
    if not (shutil.which("wrk") and shutil.which("hey")):
        sys.exit("The load comes from wrk and hey: apt-get install wrk hey")
    only, named = sys.argv[1:], {bench.__name__.rpartition(".")[2]: bench for bench in BENCHES}
    if unknown := set(only) - set(named):
        sys.exit(f"No bench is called {', '.join(unknown)}. There are: {', '.join(named)}")
    with tempfile.TemporaryDirectory(prefix="clutch-bench-") as folder:
        for name in only or named:
            named[name].run(Path(folder) / name)


if __name__ == "__main__":
    main()
