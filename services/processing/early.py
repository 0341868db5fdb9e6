"""The lowest rendition, playable while it is still being encoded: version v0.

Segments go to storage as FFmpeg finishes them, then the playlist that names them: an HLS EVENT
playlist, which only grows. When all is encoded it ends, and v1 takes over for who comes then;
whoever watches v0 can do so to its end. A worker that takes over from one that died encodes the
same segments again, and goes on where the published playlist ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from services.adapters.media.growing import INIT, PLAYLIST, Growing, master
from services.adapters.media.packager import MASTER, single_master
from services.adapters.storage import Storage
from services.processing.ladder import Rendition

# What is shorter is encoded before anybody has clicked on it.
FROM_SECONDS = 10


@dataclass(slots=True, kw_only=True)
class EarlyVersion:
    """What is published of a rendition so far, under `key`. `on_first` points players at it."""

    storage: Storage
    key: str
    rendition: Rendition
    has_audio: bool
    on_first: Callable[[], object]
    _published: Growing = field(default_factory=lambda: Growing(""))
    is_announced: bool = False

    def recall(self) -> None:
        """Find out how far an earlier run came."""
        try:
            with self.storage.local(f"{self.key}/{PLAYLIST}") as stored:
                self._published = Growing.read(stored)
        except FileNotFoundError:
            self._published = Growing("")

    def take(self, folder: Path) -> None:
        """Publish what is new in a folder that FFmpeg writes into."""
        growing = Growing.read(folder / PLAYLIST)
        if self._published.has_ended or not growing.can_be_played:
            return
        if len(growing.segments) > len(self._published.segments) or growing.has_ended:
            self._publish(growing, folder)
        if not self.is_announced:
            self.is_announced = True
            self.on_first()

    def _publish(self, growing: Growing, folder: Path) -> None:
        """The playlist comes last: what it names is there."""
        if not self._published.segments:
            self._begin(folder)
        for segment in growing.segments[len(self._published.segments) :]:
            self.storage.adopt(folder / segment, f"{self.key}/{segment}")
        self._store(PLAYLIST, growing.published, folder)
        self._published = growing

    def _begin(self, folder: Path) -> None:
        init = (folder / INIT).read_bytes()
        self.storage.copy(folder / INIT, f"{self.key}/{INIT}")
        text = master(self.rendition, init, has_audio=self.has_audio)
        for name in (MASTER, single_master(self.rendition.name)):
            self._store(name, text, folder)

    def _store(self, name: str, text: str, folder: Path) -> None:
        written = folder / f"published-{name}"
        written.write_text(text)
        self.storage.adopt(written, f"{self.key}/{name}")
