"""`users`: accounts, roles and passwords from a shell; and the first administrator."""

from __future__ import annotations

import os
import stat
import sys

import click

from blueprints.commands.tool import Tool, connect
from models.errors import ClutchError
from models.user import Role
from services.container import Services
from services.people.operating import generated_password
from services.policies import OPERATOR

ROLES = tuple(role.value for role in Role)


@click.group(cls=Tool)
@click.pass_context
def users(context: click.Context) -> None:
    """Make accounts, give roles, reset passwords: where `python app.py` runs, or at MONGO_URL."""
    context.obj = connect()


@users.command("create")
@click.argument("username")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@click.option("--password", default="", help="Asked for, or generated, where it is not given.")
@click.pass_obj
def create_user(services: Services, username: str, email: str, role: str, password: str) -> None:
    """Make an account, whatever the registration mode."""
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
    for user in services.administration.everybody(OPERATOR, Role(role) if role else None):
        state = "" if user.is_active else "  (deactivated)"
        click.echo(f"{user.id}  {user.role:<8} {user.username} <{user.email}>{state}")


@users.command("first-admin")
@click.pass_obj
def first_admin(services: Services) -> None:
    """Make an admin where there is none, as ADMIN_USERNAME, _EMAIL and _PASSWORD say."""
    _make_first_admin(services)


def first_admin_of(services: Services) -> None:
    """003: at its start the API makes an admin where there is none."""
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
