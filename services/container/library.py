"""Wiring: all stored media at once."""

from __future__ import annotations

from functools import partial
from typing import Any

from services.container import storages
from services.container.parts import Parts
from services.library.checking import CheckService
from services.library.moving import MoveService


def library(parts: Parts) -> dict[str, Any]:
    """All of it, by the names that `Services` has for it."""
    check = CheckService(
        videos=parts.videos, uploads=parts.uploads, storage=parts.storage, now=parts.now
    )
    move = MoveService(
        store=partial(storages.storage, parts.settings),
        configured=parts.settings.storage_backend,
    )
    return {"library_check": check, "library_move": move}
