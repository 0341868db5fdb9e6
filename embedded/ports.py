"""Which port each server listens on: the configured one, that of last time, or a free one.

Two stacks that start at the same moment both see the same port free. So each port is claimed first,
as a name among Linux's abstract sockets: atomic, seen by every user of the machine, limited to one
network namespace as ports are, and gone with its process. Against programs that know nothing of
claims, a child that loses its port is started again on another (`PortLost`).
"""

from __future__ import annotations

import errno
import json
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from secrets import choice

from embedded.errors import NotReady, StartFailed
from embedded.files import write_private

LOOPBACK = "127.0.0.1"
# Below the ports that Linux and macOS lend to outgoing connections: while a server restarts, no
# connection can take its port, nor can a client that reconnects meet itself there.
FREE_PORTS = range(20_000, 32_000)
TRIES = 200


@dataclass(slots=True, kw_only=True)
class Ports:
    """The ports of one stack, by the name of their settings (`PORT`, `MONGO_PORT` ...).

    `configured` holds what the settings say, 0 for "any"; `memory` is the file that remembers.
    """

    configured: Mapping[str, int] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    memory: Path | None = None
    chosen: dict[str, int] = field(default_factory=dict)
    claims: dict[str, socket.socket | None] = field(default_factory=dict)

    def of(self, setting: str) -> int:
        """The port of `setting`, claimed when first asked for."""
        if setting not in self.chosen:
            self.chosen[setting] = self._choose(setting)
            self._remember()
        return self.chosen[setting]

    def move(self, setting: str) -> None:
        """Give up the port of `setting` for another free one; a configured one cannot move."""
        if self.configured.get(setting):
            raise taken(setting, self.chosen[setting])
        lost = self.chosen.pop(setting)
        self.chosen[setting] = self._any_free(setting, but=lost)
        self._remember()

    def close(self) -> None:
        for setting in list(self.claims):
            self._release(setting)

    def _choose(self, setting: str) -> int:
        if fixed := self.configured.get(setting):
            if not self._take(setting, fixed):
                raise taken(setting, fixed)
            return fixed
        last = self._remembered().get(setting)
        return last if last and self._take(setting, last) else self._any_free(setting)

    def _any_free(self, setting: str, *, but: int = 0) -> int:
        for _ in range(TRIES):
            port = choice(FREE_PORTS)
            if port != but and self._take(setting, port):
                return port
        raise StartFailed(f"No free port was found for {setting}. Set it to one that is free.")

    def _take(self, setting: str, port: int) -> bool:
        self._release(setting)
        host = self.hosts.get(setting, LOOPBACK)
        try:
            claim = _claim(port)
        except OSError:
            return False
        if not is_free(port, host):
            _close(claim)
            return False
        self.claims[setting] = claim
        return True

    def _release(self, setting: str) -> None:
        _close(self.claims.pop(setting, None))

    def _remembered(self) -> dict[str, int]:
        if not (self.memory and self.memory.exists()):
            return {}
        try:
            return {name: int(port) for name, port in json.loads(self.memory.read_text()).items()}
        except (ValueError, AttributeError, TypeError):
            return {}  # a memory that cannot be read is no memory; ports are chosen anew

    def _remember(self) -> None:
        if self.memory:
            known = self._remembered() | self.chosen
            write_private(self.memory, json.dumps(known, indent=2) + "\n")


def taken(setting: str, port: int) -> StartFailed:
    return StartFailed(
        f"Port {port} is taken by another program. Set {setting} to a free port, for example:"
        f" {setting}={port + 1} python app.py"
    )


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on `port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do: connections that are still closing do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as refused:
            if refused.errno == errno.EADDRINUSE:
                return False
            raise StartFailed(f"{host}:{port} cannot be used: {refused.strerror}") from refused
    return True


def check_listening(port: int, host: str = LOOPBACK) -> None:
    """Raise `NotReady` until something accepts connections on `port`."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError as error:
        raise NotReady(f"{host}:{port}: {error.strerror or error}") from error


def _claim(port: int) -> socket.socket | None:
    """A socket that holds the claim on `port` while it is open; OSError if another has it."""
    if sys.platform != "linux":
        return None
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(f"\0clutch/port/{port}")
    except OSError:
        claim.close()
        raise
    return claim


def _close(claim: socket.socket | None) -> None:
    if claim:
        claim.close()
