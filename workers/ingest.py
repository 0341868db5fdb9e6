"""Live streams come in here: from encoders that call, or from the RTMP server they call instead.

Each stream has a thread and an FFmpeg of its own, which ends with it: the kernel kills a child with
the thread that started it.
"""

from __future__ import annotations

import logging
import shutil
import signal
import socket
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Semaphore, Thread
from time import monotonic, time

from config import Settings
from models.broadcasts import Broadcast
from services.adapters.media import receiving
from services.adapters.media.receiving import Receiver
from services.adapters.media.tools import Tools, find_tools
from services.adapters.rtmp import Call, Door, Lobby
from services.container import OUTAGES, Services, build

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
# So many may call at a time who have not said yet which stream they send. Each has an FFmpeg.
STRANGERS = 16
STRANGERS_PER_ADDRESS = 4
RTMP_PORT = 1935
STOP_SECONDS = 8.0
# What a process that was killed has left behind.
KEPT_SECONDS = 24 * 3600
FULL = "As many streams are live as this server takes at a time. Try again later."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """What comes in at one process."""

    services: Services
    tools: Tools
    folder: Path
    places: Semaphore
    lobby: Lobby
    stop: Event = field(default_factory=Event)
    threads: list[Thread] = field(default_factory=list)

    def listen(self, host: str, port: int) -> None:
        """Take calls until told to stop."""
        with closing(Door(host, port)) as door:
            while not self.stop.is_set():
                call = door.answer(LOOK_SECONDS)
                if call is None:
                    continue
                if self.lobby.enter(call):
                    self._begin(self._answer, call)
                else:
                    log.debug("a call was refused: too many at a time")
                    call.close()
        self.lobby.clear()

    def fetch(self, url: str) -> None:
        """Look for streams that arrived at the RTMP server there, until told to stop."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # For deploy/health.py: nobody can call a process that only fetches.
        alive = self.folder / f"alive.{socket.gethostname()}"
        while not self.stop.wait(LOOK_SECONDS):
            alive.touch()
            try:
                while held := self._next():
                    self._begin(self._fetch, held, url)
            except OUTAGES:
                log.warning("a server does not answer; trying again")

    def wait(self, seconds: float) -> None:
        """For what is carried to be let go."""
        deadline = monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.0, deadline - monotonic()))

    def _begin(self, act: Callable[..., None], *about: object) -> None:
        thread = Thread(target=act, args=about, daemon=True)
        thread.start()
        self.threads[:] = [*(known for known in self.threads if known.is_alive()), thread]

    def _answer(self, call: Call) -> None:
        with closing(call):
            try:
                if call.is_rtmp():
                    self._let_in(call)
            except OUTAGES:
                log.warning("a call was refused: a server does not answer")

    def _let_in(self, call: Call) -> None:
        with (
            self._folder() as folder,
            receiving.listening(self.tools, Path(folder)) as receiver,
        ):
            is_through = call.pass_to(receiver.port)
            name = receiver.published(call.seconds_left) if is_through else None
            held = self.services.broadcasts.admit(name) if name else None
            if held is None:
                log.warning("a call was refused: no stream of that key may be sent")
            else:
                self.lobby.leave(call)
                call.is_known()
                self._carry(held, receiver)

    def _next(self) -> Broadcast | None:
        """Only one that there is room for: others may have it."""
        if not self.places.acquire(blocking=False):
            return None
        self.places.release()
        return self.services.broadcasts.next_to_fetch()

    def _fetch(self, held: Broadcast, url: str) -> None:
        source = self.services.broadcasts.address_at(url, held)
        with (
            self._folder() as folder,
            receiving.fetching(self.tools, source, Path(folder)) as receiver,
        ):
            self._carry(held, receiver)

    def _carry(self, held: Broadcast, receiver: Receiver) -> None:
        if not self.places.acquire(blocking=False):
            self.services.broadcasts.refuse(held, FULL)
            return
        try:
            self.services.carrying.carry(held, receiver, self.stop)
        finally:
            self.places.release()

    def _folder(self) -> TemporaryDirectory[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        return TemporaryDirectory(dir=self.folder, prefix="in-")


def run(settings: Settings) -> None:
    """Until told to stop; what is being sent then is let go, and its encoder calls again."""
    ingest = Ingest(
        services=build(settings),
        tools=find_tools(settings),
        folder=settings.live_dir,
        places=Semaphore(settings.live_at_a_time),
        lobby=Lobby(places=STRANGERS, per_address=STRANGERS_PER_ADDRESS),
    )
    discard_leftovers(settings.live_dir)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ingest.stop.set())
    if settings.live_rtmp_url:
        ingest.fetch(settings.live_rtmp_url)
    else:
        ingest.listen(settings.host, settings.live_port or RTMP_PORT)
    ingest.wait(STOP_SECONDS)


def discard_leftovers(folder: Path) -> None:
    """Other processes use it as well, and change what is theirs each second."""
    for left in folder.glob("*-*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < time() - KEPT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
