"""Who is calling: read from the access token, before any body is.

Every route asks for a valid token unless its view is marked here. A test lists the marked ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast

from flask import g, request

from blueprints.http.context import device, place, requested_view, services
from models.errors import ClutchError, SecondFactorMissing, Unauthorized
from services.adapters.register import Visits
from services.policies import VISITOR, Actor

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC, OPTIONAL, REQUIRED = "public", "optional", "required"
ENROL = "Your role needs a second factor. Set one up before anything else."


def public(view: View) -> View:
    """For everybody: no token is looked at, so that a stale one cannot be in the way."""
    view.access = PUBLIC  # type: ignore[attr-defined]  # functions take attributes
    return view


def for_visitors_too(view: View) -> View:
    """For everybody, and more for who signs in. A token that is sent must be valid."""
    view.access = OPTIONAL  # type: ignore[attr-defined]  # functions take attributes
    return view


def before_enrolment(view: View) -> View:
    """Also for who must set up a second factor first: what that takes, and leaving."""
    view.is_open_before_enrolment = True  # type: ignore[attr-defined]  # functions take attributes
    return view


def access_of(view: Callable[..., Any] | None) -> str:
    return getattr(view, "access", REQUIRED)


def caller() -> Actor:
    """Whoever sent the current request."""
    return cast("Actor", g.get("actor", VISITOR))


def identify(counted: Callable[[str], Visits | None]) -> None:
    """Read the token. A bad one is judged in `admit`, after the rate limits have counted it.

    A good one is counted under `counted` of its user's id, on the way.
    """
    g.refusal = None
    token = _bearer_token()
    if token is None or access_of(requested_view()) == PUBLIC:
        return
    try:
        admission = services().sessions.authenticate(token, counted, device)
    except ClutchError as refused:
        g.refusal = refused
        return
    g.actor, g.visits = replace(admission.actor, place=place()), admission.visits


def admit() -> None:
    """Raise unless this caller may come in."""
    view = requested_view()
    if view is None or request.method == "OPTIONS":
        return
    if g.refusal is not None:
        raise g.refusal
    if access_of(view) == REQUIRED and caller() is VISITOR:
        raise Unauthorized("Token is missing")
    if caller().must_enrol and not getattr(view, "is_open_before_enrolment", False):
        raise SecondFactorMissing(ENROL)


def _bearer_token() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        return None
    # 001: the header without "Bearer" is a mistake worth an answer, not a visitor.
    return token.strip() if scheme.lower() == "bearer" else ""
