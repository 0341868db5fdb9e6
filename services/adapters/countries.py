"""The country of a network address, from a database file in MaxMind's format."""

from __future__ import annotations

import logging
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import maxminddb

log = logging.getLogger(__name__)

# What distinguishes one file from the next under the same name.
Stamp = tuple[int, int, int]


class Countries(Protocol):
    def country_of(self, address: str) -> str | None:
        """ISO 3166, in capitals; None where it is not known."""
        ...


class NoCountries:
    """Nothing is configured that would know."""

    def country_of(self, address: str) -> str | None:  # noqa: ARG002 - the protocol's
        return None


class MaxMindCountries:
    """A GeoLite2 or GeoIP2 file, of countries or of cities; a newer one is opened when it is there.

    Replace it by a rename, as geoipupdate does: it is read where it lies, not copied.
    """

    def __init__(self, path: Path) -> None:
        """Raises `OSError` or `ValueError` for what is no such file."""
        self._path = path
        self._lock = Lock()
        self._stamp = _stamp(path)
        self._reader = _open(path)

    def country_of(self, address: str) -> str | None:
        self._look_for_a_newer_one()
        try:
            found: Any = self._reader.get(_plain(address))
        except ValueError:
            return None  # not an address: a socket's
        for place in ("country", "registered_country"):
            if code := ((found or {}).get(place) or {}).get("iso_code"):
                return str(code).upper()
        return None

    def _look_for_a_newer_one(self) -> None:
        try:
            stamp = _stamp(self._path)
        except OSError:
            return  # between two files; the open one stays readable
        if stamp == self._stamp or not self._lock.acquire(blocking=False):
            return
        try:
            # Others may be reading the old one still: it is closed when they let go of it.
            self._reader, self._stamp = _open(self._path), stamp
        except (OSError, ValueError) as broken:
            log.warning("the new file of countries is not usable", extra={"why": str(broken)})
            self._stamp = stamp
        finally:
            self._lock.release()


def _plain(address: str) -> IPv4Address | IPv6Address:
    """Servers that listen for both kinds call 192.0.2.1 ::ffff:192.0.2.1."""
    found = ip_address(address)
    return getattr(found, "ipv4_mapped", None) or found


def _open(path: Path) -> maxminddb.Reader:
    try:
        return maxminddb.open_database(path)
    except maxminddb.InvalidDatabaseError as broken:
        raise ValueError(f"{path} is no MaxMind database: {broken}") from broken


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
