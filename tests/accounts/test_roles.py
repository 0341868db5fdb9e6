"""The roles of app.py as containers run them: a process each, and what says that it is well."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import simple_websocket

import app
from embedded.ports import Ports
from tests import nginx
from tests.embedded_starts import eventually
from tests.nginx import Behind, ask

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ports() -> Iterator[Ports]:
    ports = Ports()
    yield ports
    ports.close()


@pytest.fixture
def environment(settings, ports, tmp_path) -> dict[str, str]:
    return {
        **os.environ,
        "MONGO_URL": settings.mongo_url,
        "REDIS_URL": settings.redis_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "VAR_DIR": str(tmp_path),
        "PORT": str(ports.of("PORT")),
        "REALTIME_PORT": str(ports.of("REALTIME_PORT")),
        "LIVE_PORT": str(ports.of("LIVE_PORT")),
        "SWEEP_SECONDS": "1",
    }


@contextmanager
def started(role: str, environment: dict[str, str]) -> Iterator[None]:
    """`python app.py ROLE` runs until the block ends, and ends when it is told to."""
    process = subprocess.Popen([sys.executable, ROOT / "app.py", role], env=environment)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(timeout=30) in {0, -signal.SIGTERM}


@pytest.mark.parametrize("role", sorted(app.main.commands.keys() - {"users"}))
def test_the_health_of_each_role_is_seen(role, environment):
    def health() -> int:
        command = [sys.executable, ROOT / "deploy" / "health.py", role]
        return subprocess.run(
            command, env=environment, capture_output=True, timeout=30, check=False
        ).returncode

    assert health() == 1
    with started(role, environment):
        eventually(lambda: health() == 0)
    eventually(lambda: health() == 1)


def test_the_processes_of_the_api_count_together(environment, ports):
    port = ports.of("PORT")

    def counted() -> float:
        lines = ask(port, "/metrics").body.decode().splitlines()
        feeds = [line for line in lines if 'route="/videos/feed"' in line and "_total{" in line]
        return sum(float(line.rpartition(" ")[2]) for line in feeds)

    def is_up() -> bool:
        try:
            return ask(port, "/readyz").status == 200
        except OSError:
            return False

    with started("api", environment | {"API_PROCESSES": "2"}):
        eventually(is_up)
        for _ in range(20):
            assert ask(port, "/videos/feed").status == 200
        assert [counted() for _ in range(5)] == [20.0] * 5


@pytest.mark.skipif(not nginx.NGINX, reason="nginx is not installed")
def test_sockets_pass_through_nginx_without_compression(environment, ann, ports, tmp_path):
    front, realtime = ports.of("NGINX"), ports.of("REALTIME_PORT")
    behind = Behind(api_port=nginx.NOBODY, realtime_port=realtime, media=tmp_path, secret="x")
    with started("realtime", environment), nginx.running(tmp_path / "nginx", front, behind):
        eventually(lambda: ask(front, "/ws").status != 503)
        client = simple_websocket.Client(f"ws://127.0.0.1:{front}/ws?token={ann.token}")
        client.send('{"type": "ping"}')
        assert json.loads(client.receive(timeout=10) or "null") == {"type": "pong"}
        client.close()
        for port in (realtime, front):
            assert "sec-websocket-extensions" not in handshake(port).lower()


def handshake(port: int) -> str:
    """What is answered to a client that would like its messages compressed."""
    with socket.create_connection(("127.0.0.1", port), timeout=nginx.ANSWER_SECONDS) as connection:
        connection.sendall(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        )
        answered = connection.recv(4096).decode()
    assert answered.startswith("HTTP/1.1 101 ")
    return answered
