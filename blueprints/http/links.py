"""Absolute URLs: on this CLUTCH as the caller reached it; media on its CDN where there is one."""

from __future__ import annotations

from contextvars import ContextVar

from flask import Flask, request

from blueprints.http.context import settings
from services.playback.playback import Stream

# A list holds a hundred links; their common beginning is worked out once per request.
_BASE: ContextVar[str] = ContextVar("base")


def start(app: Flask) -> None:
    app.before_request(_begin)


def _begin() -> None:
    _BASE.set(f"{request.scheme}://{request.host}")


def link(path: str) -> str:
    return _BASE.get() + path


def avatar(url: str) -> str:
    """Somebody's picture, or the one for who has none."""
    return url or link("/static/avatar.svg")


def stream_url(stream: Stream) -> str:
    """001's `stream_url`: an embed elsewhere, or a granted master playlist here."""
    return stream.url or (settings().cdn_base_url.rstrip("/") or _BASE.get()) + (stream.path or "")
