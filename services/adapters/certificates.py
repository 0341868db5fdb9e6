"""Whose certificates are believed: those of this host, read once."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def trusted() -> ssl.SSLContext:
    """Reading them takes longer than wiring all of CLUTCH."""
    return ssl.create_default_context()
