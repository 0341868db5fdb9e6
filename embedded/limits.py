"""How many files the stack may open: each client of a socket server is one, or two."""

from __future__ import annotations

import resource

ENOUGH = 65_536


def open_many_files() -> None:
    """Raise the limit that shells set low, as far as the system lets us; children inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = ENOUGH if most == resource.RLIM_INFINITY else min(ENOUGH, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))
