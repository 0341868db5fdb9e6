"""Live streams for tests: made by the API, and sent without an encoder."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, cast

from flask.testing import FlaskClient

from models.broadcasts import Broadcast
from models.video import Rendition, Video
from services.adapters.media import growing
from services.container import Services
from tests.conftest import Person

# What of an MP4's head says that it is H.264, and of what size.
HEAD = b"avc1".ljust(28, b"\0") + (640).to_bytes(2) + (360).to_bytes(2) + b"avcC\x01\x64\x00\x1e"
SHOWN = (Rendition(name="360p", width=640, height=360),)


def create(client: FlaskClient, person: Person, **fields: Any) -> dict[str, Any]:
    """As its owner is answered once."""
    body = {"title": "From my roof", **fields}
    answer = client.post("/api/live", json=body, headers=person.headers)
    assert answer.status_code == 201, answer.json
    return cast("dict[str, Any]", answer.json)


def hold(services: Services, made: dict[str, Any]) -> Broadcast:
    """Somebody sends it, and nothing can be seen yet."""
    held = services.broadcasts.admit(made["stream_key"])
    assert held is not None
    return held


def go_live(services: Services, made: dict[str, Any]) -> Broadcast:
    """As it is once the first seconds are in storage."""
    held, now = hold(services, made), services.broadcasts.now()
    live = services.broadcasts.broadcasts.went_live(held.video_id, held.lease or "", now)
    assert live is not None
    assert services.catalogue.videos.go_live(held.video_id, SHOWN, now=now, score=1.0)
    return live


def interrupt(services: Services, held: Broadcast) -> None:
    """As whoever carries it does when its encoder is gone."""
    left = services.broadcasts.broadcasts.drop(
        held.video_id, held.lease or "", services.broadcasts.now()
    )
    assert left is not None
    services.live_endings.interrupted(left)


class Encoder:
    """Stands in for FFmpeg at an encoder's call: its segments are there when a test says so."""

    is_unplayable = False
    # How many segments it has yet to write when it is told to end.
    rest = 0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_there = True
        self._lines: list[str] = []
        folder.mkdir()
        (folder / growing.INIT).write_bytes(HEAD)

    def send(self, count: int, seconds: float = 1.0) -> None:
        for _ in range(count):
            name = growing.SEGMENTS % (len(self._lines) // 2)
            (self.folder / name).write_bytes(b"moof" * 100)
            self._lines += [f"#EXTINF:{seconds:.6f},", name]
        written = self.folder / "written"
        written.write_text("\n".join(["#EXTM3U", *self._lines, ""]))
        written.rename(self.folder / growing.PLAYLIST)

    def is_running(self) -> bool:
        return self.is_there

    def end(self) -> None:
        self.send(self.rest)
        self.is_there, self.rest = False, 0


@contextmanager
def carried(services: Services, held: Broadcast, encoder: Encoder) -> Iterator[None]:
    """As one of the processes that take streams in carries it, until this is left."""
    stop = Event()
    with ThreadPoolExecutor(1) as pool:
        carrying = pool.submit(services.carrying.carry, held, encoder, stop)
        try:
            yield
        finally:
            stop.set()
        carrying.result()


def row(services: Services, video_id: str) -> Broadcast:
    found = services.broadcasts.broadcasts.of(video_id)
    assert found is not None
    return found


def video_of(services: Services, video_id: str) -> Video:
    found = services.catalogue.videos.get(video_id)
    assert found is not None
    return found


def told(services: Services, video_id: str) -> list[dict[str, Any]]:
    """What was said of it to who subscribed, the oldest first."""
    found = [one.event for one in services.events.recent() if one.channel == f"video:{video_id}"]
    return [event for event in found if event["type"] == "live_stream"]
