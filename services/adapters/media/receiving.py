"""FFmpeg as it receives a live stream, and cuts it into segments without encoding anything.

It speaks RTMP, as a server to one publisher or as a client to another server. As a server it checks
no key: it only says which stream was published, and publishes it. So nothing of its folder is used
before whoever reads what it says has let the stream in (services/live/broadcasts.py).
"""

from __future__ import annotations

import re
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from services.adapters.media import growing
from services.adapters.media.confined import Limits, running
from services.adapters.media.encoding import GIB
from services.adapters.media.tools import Tools

SEGMENT_SECONDS = 1
# Of its playlist, which nobody but us reads: enough for a disk that stands still for a while.
LISTED = 120
# It is to be shown at once, and tells what it holds in its first second.
IMPATIENT = ("-analyzeduration", "1000000", "-probesize", "500000")
CUT = (
    *("-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-map_metadata", "-1"),
    *("-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_list_size", str(LISTED)),
    *("-hls_flags", "independent_segments+temp_file", "-hls_segment_type", "fmp4"),
    *("-hls_fmp4_init_filename", growing.INIT, "-hls_segment_filename", growing.SEGMENTS),
    growing.PLAYLIST,
)
# What it says of a stream without pictures, and of what no MP4 may hold.
UNPLAYABLE = re.compile(r"Stream map '\S*' matches no streams|Could not find tag for codec")
PUBLISHED = re.compile(r"Unexpected stream (?P<name>\S+), expecting ")
# Copying takes a hundredth of a processor.
LIMITS = Limits(
    cpu_seconds=4 * 3600, memory_bytes=2 * GIB, file_bytes=GIB, wall_seconds=float("inf")
)
END_SECONDS = 5.0
IO_TIMEOUT_MICROSECONDS = 10_000_000


class Receiver:
    """One such FFmpeg. Its segments and their playlist are in `folder`."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port
        self.is_unplayable = False
        self._process = process
        # The first stream that is published; nothing, once it has ended.
        self._named: SimpleQueue[str | None] = SimpleQueue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def published(self, seconds: float) -> str | None:
        """What the publisher calls the stream; None if none is published in that time."""
        try:
            return self._named.get(timeout=seconds)
        except Empty:
            return None

    def is_running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """Have it write what it has, and wait for that."""
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return  # whoever started it kills it
        self._reader.join(END_SECONDS)

    def _read(self) -> None:
        # Whatever it says, for as long as it says it: a full pipe would stop it.
        with suppress(ValueError):  # closed under it
            for line in self._process.stderr or ():
                self._note(line.decode(errors="replace"))
        self._named.put(None)

    def _note(self, line: str) -> None:
        if named := PUBLISHED.search(line):
            self._named.put(named["name"])
        elif UNPLAYABLE.search(line):
            self.is_unplayable = True


@contextmanager
def listening(tools: Tools, folder: Path) -> Iterator[Receiver]:
    """As a server for one publisher, at `port` of this machine."""
    port = _free_port()
    # Nobody publishes what it expects, so that it always says what is published.
    url = f"rtmp://127.0.0.1:{port}/live/{secrets.token_hex()}"
    source = ("-listen", "1", "-timeout", "10", "-i", url)
    with _receiver(tools, source, folder, port) as receiver:
        yield receiver


@contextmanager
def fetching(tools: Tools, url: str, folder: Path) -> Iterator[Receiver]:
    """As a client of another RTMP server."""
    source = ("-rw_timeout", str(IO_TIMEOUT_MICROSECONDS), "-i", url)
    with _receiver(tools, source, folder) as receiver:
        yield receiver


@contextmanager
def _receiver(
    tools: Tools, source: tuple[str, ...], folder: Path, port: int = 0
) -> Iterator[Receiver]:
    said = ("-hide_banner", "-nostats", "-nostdin", "-v", "repeat+warning")
    command = (tools.ffmpeg, *said, *IMPATIENT, *source, *CUT)
    with running(command, LIMITS, cwd=folder) as process:
        yield Receiver(process, folder, port)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
