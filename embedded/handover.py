"""What the stack tells its processes: where the servers are, and the secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from config import Settings
from embedded.files import write_private
from embedded.keys import keys_for
from embedded.ports import Ports
from embedded.servers import mongo_url, redis_url


def secrets_for(settings: Settings) -> dict[str, str]:
    """The secrets by the names of their settings; raises `SettingError` if settings do not suffice.

    They are generated for the embedded stack only. Where all servers are configured, the secrets
    are as well, and the processes read them where this one did.
    """
    secrets = keys_for(settings) if settings.embedded else {}
    replace(settings, **{name.lower(): value for name, value in secrets.items()}).checked()
    return secrets


def addresses(settings: Settings, ports: Ports) -> dict[str, str]:
    """Where everything listens, by the names of the settings."""
    mongo, redis = settings.mongo_url, settings.redis_url
    return {
        "MONGO_URL": mongo or mongo_url(ports.of("MONGO_PORT"), settings.database),
        "REDIS_URL": redis or redis_url(ports.of("REDIS_PORT")),
        "PORT": str(ports.of("PORT")),
        "REALTIME_PORT": str(ports.of("REALTIME_PORT")),
    }


def environment(settings: Settings, values: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that is to see `values`."""
    # Unbuffered: the log of a process that dies has its last words.
    var_dir = {"VAR_DIR": str(settings.var_dir), "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **values, **var_dir}


def run_file(settings: Settings) -> Path:
    """Where `config.py`, in another shell, finds the servers of a running stack."""
    return settings.var_dir / "run.env"


def write_run_file(settings: Settings, values: Mapping[str, str]) -> None:
    lines = (f"{name}={_quoted(value)}\n" for name, value in values.items())
    write_private(run_file(settings), "".join(lines))


def _quoted(value: str) -> str:
    """`value` as python-dotenv reads it back."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
