"""Stands in for `app.py` and `seed_videos.py` where the stack itself is tested.

Environment: `STANDIN_BROKEN` names a role that ends at once, `STANDIN_DEAF` one that ignores
SIGTERM, `STANDIN_PARENT` one that starts a process of its own in its group, `STANDIN_SLOW` one that
takes its time to start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

# Behind nginx the API has a port of its own.
API = "API_PORT" if "API_PORT" in os.environ else "PORT"
PORT_SETTINGS = {"api": API, "realtime": "REALTIME_PORT", "ingest": "LIVE_PORT"}


class Ok(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"fine\n")


def main(role: str) -> None:
    print(f"{role} is here", flush=True)  # noqa: T201 - goes to the log
    if os.environ.get("STANDIN_BROKEN") == role:
        sys.exit(f"{role} does not feel well")
    if role in {"seed", "users"}:
        return
    if os.environ.get("STANDIN_DEAF") == role:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.environ.get("STANDIN_PARENT") == role:
        subprocess.Popen(["sleep", "300"])
    if os.environ.get("STANDIN_SLOW") == role:
        time.sleep(1.5)
    if role in PORT_SETTINGS:
        HTTPServer(("127.0.0.1", int(os.environ[PORT_SETTINGS[role]])), Ok).serve_forever()
    time.sleep(300)


main(sys.argv[1] if len(sys.argv) > 1 else "seed")
