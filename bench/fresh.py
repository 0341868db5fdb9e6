"""CLUTCH over servers that are started for one bench and are gone after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config import Settings
from embedded.servers import temporary
from services.container import Services, build


@contextmanager
def fresh(folder: Path, **settings: Any) -> Iterator[Services]:
    """The use-cases over an empty MongoDB and Redis in `folder`, for as long as the block lasts.

    Passwords are cheap, and no limit is in the way; `settings` are what a bench wants otherwise.
    """
    with temporary(folder) as servers:
        yield prepared(
            Settings(
                mongo_url=servers.mongo_url,
                redis_url=servers.redis_url,
                var_dir=folder,
                jwt_secret_key="bench " * 8,
                bcrypt_rounds=4,
                rate_limit_general="1000000000/hour",
                **{"log_level": "ERROR", **settings},
            )
        )


def prepared(settings: Settings) -> Services:
    services = build(settings)
    services.prepare()
    return services
