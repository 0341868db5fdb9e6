"""CLUTCH. `python app.py` starts everything; `python app.py ROLE` starts one part of it.

The parts import what they need only when they start: the supervisor needs none of it.
"""
# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import gc
import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from config import SettingError, Settings

if TYPE_CHECKING:
    from flask import Flask

    from services.container import Services

# A request makes some thousand short-lived objects; the default looks at them every 700.
GC_THRESHOLDS = (20_000, 20, 20)


def create_app(services: Services) -> Flask:
    """The API as a WSGI application: composition only."""
    import blueprints

    return blueprints.create(services)


def wsgi() -> Flask:
    """The API in one process of the HTTP server."""
    from services.adapters import lifeline, logs
    from services.container import build

    lifeline.die_with_parent()
    settings = Settings.from_env().checked()
    logs.start("api", settings.log_level)
    app = create_app(build(settings))
    # What is loaded now stays: without this, each full collection looks at all of it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    return app


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Start CLUTCH: with servers of its own, or with those MONGO_URL and REDIS_URL name."""
    if context.invoked_subcommand is None:
        from embedded.stack import run

        # What an earlier stack left behind, if it was killed, is not a configuration.
        sys.exit(run(Settings.from_env(find_running=False)))


@main.command()
def api() -> None:
    """The HTTP API, in API_PROCESSES processes."""
    from granian import Granian
    from granian.constants import Interfaces

    from services.container import build

    settings = Settings.from_env().checked()
    build(settings).prepare()
    _collect_metrics(settings)
    Granian(
        "app:wsgi",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.host,
        port=settings.port,
        workers=settings.api_processes,
        blocking_threads=settings.api_threads,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        log_access=False,
    ).serve()


@main.command()
def worker() -> None:
    """One worker: takes jobs from the queue and runs them, one at a time."""
    from services.adapters import logs
    from workers import runtime

    settings = Settings.from_env().checked()
    logs.start("worker", settings.log_level)
    runtime.run(settings.redis_url)


@main.command()
def scheduler() -> None:
    """What happens by the clock. Run as many as you like: one acts at a time."""
    from services.adapters import logs
    from workers import schedule

    settings = Settings.from_env().checked()
    logs.start("scheduler", settings.log_level)
    schedule.run(settings.sweep_seconds)


@main.command()
def realtime() -> None:
    """The WebSocket server."""
    from gevent import monkey

    monkey.patch_all()
    from blueprints.realtime import serve
    from services.adapters import logs
    from services.container import build

    settings = Settings.from_env().checked()
    logs.start("realtime", settings.log_level)
    serve(build(settings))


def _collect_metrics(settings: Settings) -> None:
    """Give the API's processes one place for their counters, empty at the start."""
    folder = settings.var_dir / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


if __name__ == "__main__":
    try:
        main()
    except SettingError as wrong:
        sys.exit(f"CLUTCH cannot start: {wrong}")
