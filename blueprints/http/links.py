"""Absolute URLs: on this CLUTCH as the caller reached it; media on its CDN where there is one."""

from __future__ import annotations

from contextvars import ContextVar

from flask import Flask

from blueprints.http.context import settings, this_request
from models.video import Video
from services.playback.playback import Stream

# A list holds a hundred links; their common beginning is worked out once per request.
_BASE: ContextVar[str] = ContextVar("base")
# The end of a UUIDv7 is the random part of it.
VERSION_LENGTH = 8


def start(app: Flask) -> None:
    app.before_request(_begin)


def _begin() -> None:
    asked = this_request()
    _BASE.set(f"{asked.scheme}://{asked.host}")


def link(path: str) -> str:
    return _BASE.get() + path


def thumbnail(video: Video, side: int | None = None) -> str:
    """A video's picture, ours and never its source's, whose address must not give an id away.

    Another picture has another address, so that nobody is shown one from a cache.
    """
    if video.external and video.external.thumbnail_url and not video.thumbnail:
        return video.external.thumbnail_url
    version = video.thumbnail.version[-VERSION_LENGTH:] if video.thumbnail else ""
    asked = {"v": version, "width": str(side) if side else ""}
    query = "&".join(f"{name}={value}" for name, value in asked.items() if value)
    return link(f"/api/videos/{video.id}/thumbnail" + (f"?{query}" if query else ""))


def thumbnails(video: Video) -> dict[str, str]:
    """The same by size, where its owner has chosen one."""
    sides = video.thumbnail.sides if video.thumbnail else ()
    return {str(side): thumbnail(video, side) for side in sides}


def avatar(url: str) -> str:
    """Somebody's picture, or the one for who has none."""
    return url or link("/static/avatar.svg")


def stream_url(stream: Stream) -> str:
    """001's `stream_url`: an embed elsewhere, or a granted master playlist here."""
    return stream.url or media_link(stream.path or "")


def media_link(path: str) -> str:
    """What a grant opens: on the CDN where there is one."""
    return (settings().cdn_base_url.rstrip("/") or _BASE.get()) + path
