"""A camera whose every picture says when it was taken, and which sends them live by RTMP.

A picture is 16 bars, white for 1 and black for 0: the time in 40 ms steps, modulo 2^16. The page of
`players.py` reads them back (`stamp`), so that what a viewer sees can be told from what was sent.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.samples import TOOLS

BITS = 16
STEP_MS = 40
WIDTH, HEIGHT = 320, 180
FPS = 1000 // STEP_MS
WHITE, BLACK, GREY = 235, 16, 128
CODED = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", str(FPS)),
    *("-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k"),
)


def picture(now_ms: int) -> bytes:
    """Raw yuv420p."""
    step = now_ms // STEP_MS
    bar = WIDTH // BITS
    bits = ((step >> (BITS - 1 - n)) & 1 for n in range(BITS))
    line = b"".join(bytes([WHITE if bit else BLACK]) * bar for bit in bits)
    return line * HEIGHT + bytes([GREY]) * (WIDTH * HEIGHT // 2)


@contextmanager
def camera(url: str, *output: str) -> Iterator[subprocess.Popen[bytes]]:
    """Sends to `url` until this is left, as somebody does who pulls the plug."""
    command = [
        *(TOOLS.ffmpeg, "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p"),
        *("-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "pipe:0"),
        *("-re", "-f", "lavfi", "-i", "sine=440"),
        *(output or CODED),
        *("-f", "flv", url),
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    threading.Thread(target=_film, args=(process,), daemon=True).start()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _film(process: subprocess.Popen[bytes]) -> None:
    lens, due = process.stdin, time.monotonic()
    try:
        while lens and process.poll() is None:
            lens.write(picture(int(time.time() * 1000)))
            lens.flush()
            due += STEP_MS / 1000
            time.sleep(max(0.0, due - time.monotonic()))
    except (OSError, ValueError):
        return  # it was unplugged
