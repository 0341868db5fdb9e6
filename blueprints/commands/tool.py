"""A group of commands over the services: it connects, and says in one line why it cannot."""

from __future__ import annotations

from typing import Any

import click

from config import SettingError, Settings
from models.errors import ClutchError
from services.container import OUTAGES, Services, build


class Tool(click.Group):
    """Commands that end with a message where CLUTCH refuses, or a server does not answer."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OUTAGES as lost:
            said = lost.message if isinstance(lost, ClutchError) else type(lost).__name__
            whose = "MongoDB or Redis does not answer, or the media store"
            raise click.ClickException(f"{whose} ({said}).") from lost
        except ClutchError as refused:
            raise click.ClickException(refused.message) from refused
        except SettingError as wrong:
            raise click.ClickException(str(wrong)) from wrong


def connect() -> Services:
    """The use-cases, at the servers of the CLUTCH that runs here, or of MONGO_URL."""
    settings = Settings.from_env()
    if settings.embedded:
        raise click.ClickException(
            "CLUTCH is not running here. Start it with `make run`, or set MONGO_URL and REDIS_URL."
        )
    services = build(settings.checked())
    services.prepare()
    return services
