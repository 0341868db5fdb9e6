"""Cursors: where a page ended, opaque and signed, so that nobody builds on what is inside."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import cast

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer

from blueprints.http.context import settings
from models.documents import After
from models.errors import Invalid

TIME = "t"
NUMBER = "n"


def to_cursor(order: str, end: After | None) -> str | None:
    """A cursor that goes on after `end` in the list named `order`."""
    return None if end is None else _signed(_signer(), order, end)


@lru_cache(maxsize=1024)
def _signed(signer: URLSafeSerializer, order: str, end: After) -> str:
    """Remembered: everybody's first page ends where everybody else's does."""
    is_time = isinstance(end.value, datetime)
    value = round(end.value.timestamp() * 1000) if is_time else end.value
    return str(signer.dumps([order, TIME if is_time else NUMBER, value, end.oid]))


def from_cursor(order: str, cursor: str | None) -> After | None:
    """The inverse. Raises `Invalid` for a cursor that is not ours, or of another list."""
    if not cursor:
        return None
    try:
        made_for, kind, value, oid = _signer().loads(cursor)
    except BadData as bad:
        raise _refused() from bad
    if made_for != order:
        raise _refused()
    return After(datetime.fromtimestamp(value / 1000, UTC) if kind == TIME else value, oid)


def _refused() -> Invalid:
    return Invalid("This cursor is not valid here.", fields={"cursor": ["Not valid."]})


def _signer() -> URLSafeSerializer:
    known = current_app.extensions
    if "clutch.cursors" not in known:
        # The last of them signs.
        secrets = [settings().jwt_secret_key_previous, settings().jwt_secret_key]
        known["clutch.cursors"] = URLSafeSerializer([s for s in secrets if s], salt="cursor")
    return cast("URLSafeSerializer", known["clutch.cursors"])
