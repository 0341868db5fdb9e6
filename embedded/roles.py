"""CLUTCH's own processes as children of the stack: `python app.py api`, `realtime`, and so on."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from config import Settings
from embedded.children import Child, Running
from embedded.errors import NotReady
from embedded.ports import LOOPBACK, Ports, check_listening

ANSWER_SECONDS = 2.0
SETTLED_SECONDS = 0.5  # how long a process without a port must live to count as started
OK = 200
SHOWN_BODY_BYTES = 300
WILDCARDS = {"0.0.0.0": LOOPBACK, "": LOOPBACK, "::": "::1"}  # noqa: S104 - read, not bound


def own_processes(
    settings: Settings, app: Path, env: Mapping[str, str], ports: Ports
) -> list[Child]:
    """One child per process, in the order in which they are told to stop."""
    has_front = "API_PORT" in env

    def child(name: str, role: str, is_ready: Callable[[Running], None], port: str = "") -> Child:
        return Child(
            name=name,
            command=(sys.executable, str(app), role),
            env=env,
            log=settings.var_dir / "logs" / f"{name}.log",
            is_ready=is_ready,
            host=LOOPBACK if has_front else settings.host,
            port=ports.of(port) if port else 0,
            port_setting=port,
        )

    ingest = (
        child("ingest", "ingest", has_settled)
        if settings.live_rtmp_url
        else replace(child("ingest", "ingest", accepts_calls, "LIVE_PORT"), host=settings.host)
    )
    return [
        child("api", "api", answers("/readyz"), "API_PORT" if has_front else "PORT"),
        child("realtime", "realtime", answers("/healthz"), "REALTIME_PORT"),
        ingest,
        child("scheduler", "scheduler", has_settled),
        child("webhooks", "webhooks", has_settled),
        *(child(name, "worker", has_settled) for name in _numbered(settings.worker_processes)),
    ]


def _numbered(count: int) -> list[str]:
    return ["worker"] if count == 1 else [f"worker-{number}" for number in range(1, count + 1)]


def reachable(host: str) -> str:
    """An address at which a server that listens on `host` can be reached from this machine."""
    return WILDCARDS.get(host, host)


def answers(path: str) -> Callable[[Running], None]:
    """Ready once GET `path` on the child's port is answered with 200."""

    def check(running: Running) -> None:
        where = running.child
        connection = http.client.HTTPConnection(
            reachable(where.host), where.port, timeout=ANSWER_SECONDS
        )
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read(SHOWN_BODY_BYTES).decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException) as error:
            raise NotReady(f"GET {path}: {error!r}") from error
        finally:
            connection.close()
        if answer.status != OK:
            raise NotReady(f"GET {path} is answered with {answer.status}: {body}")

    return check


def accepts_calls(running: Running) -> None:
    """Ready once somebody listens at its port."""
    check_listening(running.child.port, reachable(running.child.host))


def has_settled(running: Running) -> None:
    if running.age_seconds < SETTLED_SECONDS:
        raise NotReady("it has only just started")
