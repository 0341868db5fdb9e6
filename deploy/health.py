#!/usr/bin/env python3
"""The health check of a container: whether the role it runs does its work.

health.py [ROLE]: ends with 0 if so, else with a reason. Without ROLE it is that of process 1.
"""

from __future__ import annotations

import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError
from rq import Worker

# Run as a file, so that the folder searched for modules is this one.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from config import Settings

ANSWER_SECONDS = 5.0
# A scheduler looks each second what is due, and a long sweep outlasts its turn.
SWEEP_SECONDS = 3.0
RTMP_PORT = 1935
# Who fetches live streams looks twice a second (workers/ingest.py), if MongoDB answers at once.
SILENCE_SECONDS = 60.0


def api(settings: Settings) -> None:
    _get(settings.port, "/readyz")


def realtime(settings: Settings) -> None:
    _get(settings.realtime_port, "/healthz")


def worker(settings: Settings) -> None:
    """RQ forgets a worker that has not been heard of for some minutes."""
    here = socket.gethostname()
    if not any(known.hostname == here for known in Worker.all(connection=_redis(settings))):
        sys.exit("No worker of this container is known to RQ.")


def scheduler(settings: Settings) -> None:
    """Each sweep is noted in Redis until the next one is due (services/adapters/clock.py)."""
    redis, deadline = _redis(settings), time.monotonic() + SWEEP_SECONDS
    while not redis.exists("task:sweep"):
        if time.monotonic() > deadline:
            sys.exit("Nobody sweeps.")
        time.sleep(0.2)


def ingest(settings: Settings) -> None:
    """It can be called; or it fetches, looks all the time, and there is a server to fetch from."""
    at = urlsplit(settings.live_rtmp_url)
    port = at.port if at.hostname else settings.live_port
    where = (at.hostname or "127.0.0.1", port or RTMP_PORT)
    if at.hostname:
        alive = settings.live_dir / f"alive.{socket.gethostname()}"
        if time.time() - alive.stat().st_mtime > SILENCE_SECONDS:
            sys.exit("Nobody looks for live streams.")
    socket.create_connection(where, timeout=ANSWER_SECONDS).close()


ROLES: dict[str, Callable[[Settings], None]] = {
    "api": api,
    "realtime": realtime,
    "worker": worker,
    "webhooks": worker,
    "scheduler": scheduler,
    "ingest": ingest,
}


def main(arguments: list[str]) -> None:
    role = arguments[0] if arguments else _role_of_process_1()
    try:
        ROLES[role](Settings.from_env())
    except (OSError, RedisError) as failure:
        sys.exit(f"{role}: {failure}")


def _get(port: int, path: str) -> None:
    """Raise `OSError` unless this is answered with 200: HTTP's failures are a kind of it."""
    url = f"http://127.0.0.1:{port}{path}"
    urllib.request.urlopen(url, timeout=ANSWER_SECONDS).close()


def _redis(settings: Settings) -> Redis:
    return Redis.from_url(settings.redis_url, socket_timeout=ANSWER_SECONDS)


def _role_of_process_1() -> str:
    """`python app.py ROLE`, with or without an init in front."""
    return Path("/proc/1/cmdline").read_text().rstrip("\0").split("\0")[-1]


if __name__ == "__main__":
    main(sys.argv[1:])
