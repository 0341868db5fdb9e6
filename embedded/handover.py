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


def addresses(settings: Settings, ports: Ports, *, has_front_door: bool) -> dict[str, str]:
    """Where everything listens, by the names of the settings."""
    mongo, redis = settings.mongo_url, settings.redis_url
    behind = {"API_PORT": str(ports.of("API_PORT"))} if has_front_door else {}
    live = {} if settings.live_rtmp_url else {"LIVE_PORT": str(ports.of("LIVE_PORT"))}
    return {
        **behind,
        **live,
        "MONGO_URL": mongo or mongo_url(ports.of("MONGO_PORT"), settings.database),
        "REDIS_URL": redis or redis_url(ports.of("REDIS_PORT")),
        "PORT": str(ports.of("PORT")),
        "REALTIME_PORT": str(ports.of("REALTIME_PORT")),
    }


def edge_values(settings: Settings) -> dict[str, str]:
    """What nginx shares with the API, by the names of the settings."""
    return {
        "EDGE_SECRET": settings.edge_key,
        "EDGE_SECRET_PREVIOUS": settings.previous_edge_key,
        "MEDIA_STORAGE_BACKEND": settings.storage_backend,
    }


def behind_nginx(settings: Settings, nginx: Path | None) -> dict[str, str]:
    """What the API must know if nginx stands before it."""
    if nginx is None:
        return {}
    # What is not on this disk the API fetches by itself.
    is_on_disk = str(settings.storage_backend == "local").lower()
    hops = str(settings.trusted_proxies + 1)
    # This nginx passes on what a client says of its country: only one before it may know.
    unknown = {} if settings.trusted_proxies else {"GEO_COUNTRY_HEADER": ""}
    return {"X_ACCEL_REDIRECT": is_on_disk, "TRUSTED_PROXIES": hops, **unknown}


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
