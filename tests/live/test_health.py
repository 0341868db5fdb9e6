"""Whether a container that takes live streams in does its work, as Docker asks it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services import container
from services.adapters.media.tools import find_tools
from services.adapters.rtmp import Lobby
from tests.stack import wait_for
from workers import ingest

PROGRAM = Path(__file__).parents[2] / "deploy/health.py"
SECONDS = 60


@pytest.fixture
def health(settings) -> Callable[..., tuple[int, str]]:
    """How the check ends, and what it says."""

    def check(**environment: str) -> tuple[int, str]:
        env = {
            **{name: text for name, text in os.environ.items() if not name.startswith("LIVE_")},
            "VAR_DIR": str(settings.var_dir),
            **environment,
        }
        done = subprocess.run(
            [sys.executable, PROGRAM, "ingest"],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    return check


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Somebody who listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_who_is_called_is_well_while_they_listen(health, server):
    port = str(server.getsockname()[1])
    assert health(LIVE_PORT=port) == (0, "")
    server.close()
    code, said = health(LIVE_PORT=port)
    assert code != 0
    assert "ingest" in said


def test_who_fetches_is_well_while_they_look_and_there_is_a_server(
    health, server, settings, services
):
    url = f"rtmp://127.0.0.1:{server.getsockname()[1]}/live"
    assert health(LIVE_RTMP_URL=url)[0] != 0, "nobody has ever looked"
    alive = settings.live_dir / f"alive.{socket.gethostname()}"
    fetching = ingest.Ingest(
        services=container.build(replace(settings, live_rtmp_url=url)),
        tools=find_tools(settings),
        folder=settings.live_dir,
        places=threading.Semaphore(1),
        lobby=Lobby(places=1, per_address=1),
    )
    thread = threading.Thread(target=fetching.fetch, args=(url,))
    thread.start()
    try:
        wait_for(alive.exists, SECONDS)
        assert health(LIVE_RTMP_URL=url) == (0, "")
    finally:
        fetching.stop.set()
        thread.join()
    long_ago = time.time() - 3600
    os.utime(alive, (long_ago, long_ago))
    code, said = health(LIVE_RTMP_URL=url)
    assert (code != 0, "Nobody looks" in said) == (True, True)
    os.utime(alive)
    assert health(LIVE_RTMP_URL=url)[0] == 0
    server.close()
    assert health(LIVE_RTMP_URL=url)[0] != 0, "there is nothing to fetch from"
