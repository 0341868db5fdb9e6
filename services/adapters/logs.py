"""Logs: one JSON object a line on standard error, whichever library speaks."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

# On each line that is written while a request is served.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)

_role = "clutch"


def start(role: str, level: str) -> None:
    """Send all of `logging` through structlog, with this process's role on each line."""
    global _role  # noqa: PLW0603 - a process has one role, and says so once
    _role = role
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            _situated,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def line(event: str, **facts: Any) -> None:
    """Write one line of level info, straight away: there is one for each request."""
    if logging.getLogger().isEnabledFor(logging.INFO):
        entry = _situated(None, "", {"event": event, "level": "info", **facts})
        sys.stderr.write(_dumps(entry) + "\n")


def _situated(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {"timestamp": datetime.now(UTC), "role": _role, "request_id": REQUEST_ID.get(), **event}


def _dumps(event: Any, **_options: Any) -> str:
    return orjson.dumps(event, default=repr).decode()
