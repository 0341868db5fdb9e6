"""CLUTCH. `python app.py` starts everything; `python app.py ROLE` starts one part of it.

`python app.py users ...` makes accounts, gives roles and resets passwords, from a shell. All parts
import what they need only when they start: the supervisor needs none of it.
"""
# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import gc
import os
import shutil
import stat
import sys
from typing import TYPE_CHECKING, Any

import click

from config import SettingError, Settings

if TYPE_CHECKING:
    from flask import Flask

    from services.container import Services

ROLES = ("viewer", "creator", "staff", "admin")
# A request makes some thousand short-lived objects; the default looks at them every 700.
GC_THRESHOLDS = (20_000, 20, 20)
# Less than `docker stop` gives: requests that are being answered have as long to end.
STOP_SECONDS = 8


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
    services = build(settings)
    services.prepare()
    _first_admin_of(services)
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


class Commands(click.Group):
    """Commands that end with a message where CLUTCH refuses, or a server does not answer."""

    def invoke(self, ctx: click.Context) -> Any:
        from models.errors import ClutchError
        from services.container import OUTAGES

        try:
            return super().invoke(ctx)
        except OUTAGES as lost:
            name = type(lost).__name__
            raise click.ClickException(f"MongoDB or Redis does not answer ({name}).") from lost
        except ClutchError as refused:
            raise click.ClickException(refused.message) from refused


@main.group(cls=Commands)
@click.pass_context
def users(context: click.Context) -> None:
    """Make accounts, give roles, reset passwords: where `python app.py` runs, or at MONGO_URL."""
    from services.container import build

    settings = Settings.from_env()
    if settings.embedded:
        raise click.ClickException(
            "CLUTCH is not running here. Start it with `make run`, or set MONGO_URL and REDIS_URL."
        )
    context.obj = build(settings.checked())
    context.obj.prepare()


@users.command("create")
@click.argument("username")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@click.option("--password", default="", help="Asked for, or generated, where it is not given.")
@click.pass_obj
def create_user(services: Services, username: str, email: str, role: str, password: str) -> None:
    """Make an account, whatever the registration mode."""
    from models.user import Role

    chosen, is_generated = _password(password)
    user = services.operating.create(username, email, chosen, Role(role))
    click.echo(f"{user.id}  {user.username} <{user.email}>  {user.role}")
    _show(chosen if is_generated else None)


@users.command("role")
@click.argument("who")
@click.argument("role", type=click.Choice(ROLES))
@click.pass_obj
def change_role(services: Services, who: str, role: str) -> None:
    """Give WHO (username, e-mail address or id) a role, at once in all their sessions."""
    from models.user import Role
    from services.policies import OPERATOR

    user = services.operating.find(who)
    changed = services.administration.change_role(OPERATOR, user.id, Role(role))
    click.echo(f"{changed.username} is {changed.role} now.")


@users.command("reset-password")
@click.argument("who")
@click.option("--password", default="", help="Asked for, or generated, where it is not given.")
@click.pass_obj
def reset_password(services: Services, who: str, password: str) -> None:
    """Give WHO a new password, and sign all their devices out."""
    chosen, is_generated = _password(password)
    user = services.operating.reset_password(who, chosen)
    click.echo(f"{user.username} has a new password and is signed out everywhere.")
    _show(chosen if is_generated else None)


@users.command("list")
@click.option("--role", type=click.Choice(ROLES))
@click.pass_obj
def list_users(services: Services, role: str | None) -> None:
    """Show all accounts, the newest first."""
    from models.user import Role
    from services.policies import OPERATOR

    for user in services.administration.everybody(OPERATOR, Role(role) if role else None):
        state = "" if user.is_active else "  (deactivated)"
        click.echo(f"{user.id}  {user.role:<8} {user.username} <{user.email}>{state}")


@users.command("first-admin")
@click.pass_obj
def first_admin(services: Services) -> None:
    """Make an admin where there is none, as ADMIN_USERNAME, _EMAIL and _PASSWORD say."""
    _make_first_admin(services)


def _first_admin_of(services: Services) -> None:
    """003: at its start the API makes an admin where there is none."""
    from models.errors import ClutchError

    if stat.S_ISREG(os.fstat(2).st_mode) and not services.settings.admin_password:
        return  # a password does not belong into a log file
    try:
        _make_first_admin(services, err=True)
    except ClutchError as refused:
        click.echo(f"There is no administrator yet: {refused.message}", err=True)


def _make_first_admin(services: Services, *, err: bool = False) -> None:
    settings = services.settings
    made = services.operating.first_admin(
        settings.admin_username, settings.admin_email, settings.admin_password
    )
    if made is not None:
        click.echo(f"The first administrator is {made.user.username} <{made.user.email}>.", err=err)
        _show(made.password, err=err)


def _password(given: str) -> tuple[str, bool]:
    """A password, and whether it was generated: nobody is there to ask, or nothing was typed."""
    from services.people.operating import generated_password

    if not given and sys.stdin.isatty():
        given = click.prompt(
            "Password (nothing: one is generated)",
            default="",
            show_default=False,
            hide_input=True,
            confirmation_prompt=True,
        )
    return given or generated_password(), not given


def _show(password: str | None, *, err: bool = False) -> None:
    """Print a generated password, once."""
    if password is not None:
        click.echo(f"The password, shown this once: {password}", err=err)


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
