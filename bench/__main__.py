"""`python -m bench`: requests/s beside a bare view, logins, uploads, and playback beside FFmpeg."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from bench import accounts, pipeline, requests, uploads


def main() -> None:
    if not (shutil.which("wrk") and shutil.which("hey")):
        sys.exit("The load comes from wrk and hey: apt-get install wrk hey")
    with tempfile.TemporaryDirectory(prefix="clutch-bench-") as folder:
        only = sys.argv[1:] or ["requests", "accounts", "pipeline", "uploads"]
        if "requests" in only:
            requests.run(Path(folder) / "requests")
        if "accounts" in only:
            accounts.run(Path(folder) / "accounts")
        if "pipeline" in only:
            pipeline.run(Path(folder) / "pipeline")
        if "uploads" in only:
            uploads.run(Path(folder) / "uploads")


if __name__ == "__main__":
    main()
