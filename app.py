"""CLUTCH. `python app.py` starts everything; `python app.py ROLE` starts one part of it.

`python app.py users ...` and `storage ...` are tools for a shell (blueprints/commands). All parts
import what they need only when they start: the supervisor needs none of it.
"""
# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import gc
import importlib
import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from config import SettingError, Settings

if TYPE_CHECKING:
    from flask import Flask

    from services.container import Services

TOOLS = ("counters", "storage", "users")
# A request makes some thousand short-lived objects; the default looks at them every 700.
GC_THRESHOLDS = (20_000, 20, 20)
# Less than `docker stop` gives: requests that are being answered have as long to end.
STOP_SECONDS = 8


def create_app(services: Services | None = None) -> Flask:
    """The API as a WSGI application: composition only. `flask --app app` brings no services."""
    from blueprints import site

    app = site.create(services or _connected())
    for name in TOOLS:
        app.cli.add_command(_tool(name))
    return app


def _connected() -> Services:
    from flask.cli import NoAppException

    from blueprints.commands.tool import connect

    try:
        return connect()
    except (SettingError, click.ClickException) as refused:
        raise NoAppException(str(refused)) from refused


def wsgi() -> Flask:
    """The API in one process of the HTTP server."""
    from blueprints import site
    from blueprints.http.unread import ReadToTheEnd
    from services.adapters import lifeline, logs
    from services.container import build

    lifeline.die_with_parent()
    settings = Settings.from_env().checked()
    logs.start("api", settings.log_level)
    app = site.create(build(settings))
    app.wsgi_app = ReadToTheEnd(app.wsgi_app)
    _collect_rarely()
    return app


def _collect_rarely() -> None:
    """What is loaded now stays: without this, each full collection looks at all of it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


class Main(click.Group):
    """Tools are imported when they are asked for: nothing that is started needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *TOOLS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _tool(cmd_name) if cmd_name in TOOLS else super().get_command(ctx, cmd_name)


def _tool(name: str) -> click.Command:
    return getattr(importlib.import_module(f"blueprints.commands.{name}"), name)


@click.group(cls=Main, invoke_without_command=True)
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
    settings = Settings.from_env().checked()
    # First, as prometheus_client decides when it is imported whether processes count together.
    _collect_metrics(settings)
    from granian import Granian
    from granian.constants import Interfaces

    from blueprints import site  # noqa: F401 - its processes are forks, which share what is loaded
    from blueprints.commands.users import first_admin_of
    from services.container import build

    services = build(settings)
    services.prepare()
    first_admin_of(services)
    Granian(
        "app:wsgi",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.own_host,
        port=settings.api_port or settings.port,
        workers=settings.api_processes,
        blocking_threads=settings.api_threads,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        # A process that is told to stop while it still starts does not notice, and would be waited
        # for without end.
        workers_kill_timeout=STOP_SECONDS,
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
def webhooks() -> None:
    """Sends webhooks, and nothing else: receivers may be slow."""
    from services.adapters import logs
    from services.adapters.queue import WEBHOOK_QUEUE
    from workers import runtime

    settings = Settings.from_env().checked()
    logs.start("webhooks", settings.log_level)
    runtime.run(settings.redis_url, WEBHOOK_QUEUE)


@main.command()
def scheduler() -> None:
    """What happens by the clock. Run as many as you like: one acts at a time."""
    from services.adapters import logs
    from workers import schedule

    settings = Settings.from_env().checked()
    logs.start("scheduler", settings.log_level)
    schedule.run(settings.sweep_seconds)


@main.command()
def ingest() -> None:
    """Takes live streams in: run as many as there are hosts for them."""
    from services.adapters import logs
    from workers import ingest

    settings = Settings.from_env().checked()
    logs.start("ingest", settings.log_level)
    ingest.run(settings)


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
    services = build(settings)
    _collect_rarely()
    serve(services)


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
