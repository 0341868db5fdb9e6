"""What a view may ask of the current request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask import Request, current_app, request
from flask.globals import request_ctx

from config import Settings
from services.accounts.sessions import Device
from services.container import Services
from services.policies import Place

USER_AGENT_LENGTH = 300


def services() -> Services:
    return cast("Services", current_app.extensions["clutch"])


def settings() -> Settings:
    return services().settings


def this_request() -> Request:
    """What `request` stands for: for who asks it many things, for each request that there is."""
    proxy: Any = request
    return cast("Request", proxy._get_current_object())  # noqa: SLF001 - Flask documents it


def requested_view() -> Callable[..., Any] | None:
    """The view that this request is for; None where there is none at its address."""
    # One look through Flask's proxies rather than several: this is asked again and again.
    here: Any = request_ctx._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask documents it
    return here.app.view_functions.get(here.request.endpoint or "")


def place() -> Place:
    """Where this request comes from. A country is believed only from behind a trusted proxy."""
    asked = settings()
    header = asked.geo_country_header if asked.trusted_proxies else ""
    country = request.headers.get(header, "") if header else ""
    return Place(request.remote_addr or "", country)


def device(name: str = "") -> Device:
    """Where this login comes from."""
    return Device(
        name=name,
        user_agent=request.headers.get("User-Agent", "")[:USER_AGENT_LENGTH],
        address=request.remote_addr or "",
    )
