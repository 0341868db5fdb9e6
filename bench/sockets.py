"""10,000 WebSockets over two real-time servers: one message to all, with and without slow readers.

How long until each has it, what a connection costs in memory, and how HTTP fares meanwhile.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services import container
from tests.stack import ROOT, Stack, free_port, running, wait_for

CONNECTIONS = int(os.environ.get("SOCKETS", "10000"))
SLOW = CONNECTIONS // 10
MESSAGES = 10
PAUSE_SECONDS = 1.0
# Ten thousand handshakes are not quite over when the last is answered.
SETTLE_SECONDS = 5.0
TEXT = "x" * 300
SLOW_TEXT = "x" * 40_000


PING, PONG = b"\x89\x00", b"\x8a\x80\0\0\0\0"


class Moments:
    """When something happened, until it has happened often enough."""

    def __init__(self, enough: int) -> None:
        self.enough, self.times, self.all = enough, list[float](), asyncio.Event()

    def now(self) -> None:
        self.times.append(time.monotonic())
        if len(self.times) == self.enough:
            self.all.set()

    async def wait(self, seconds: float) -> list[float]:
        try:
            await asyncio.wait_for(self.all.wait(), seconds)
        except TimeoutError:
            sys.exit(f"after {seconds} s it is {len(self.times)} of {self.enough}")
        times, self.times = self.times, []
        self.all.clear()
        return times


class Client(asyncio.Protocol):
    """Subscribes, and notes when a message begins to arrive."""

    def __init__(self, channel: str, opened: Moments, arrived: Moments) -> None:
        self.channel, self.opened, self.arrived = channel, opened, arrived
        self.is_open = self.is_subscribed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(
            b"GET /ws HTTP/1.1\r\nHost: clutch\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        if PING in data:
            self.transport.write(PONG)
        if not self.is_open:
            self.is_open = True
            said = f'{{"type":"subscribe","channel":"{self.channel}"}}'.encode()
            self.transport.write(bytes([0x81, 0x80 | len(said), 0, 0, 0, 0]) + said)
        elif not self.is_subscribed and b"subscribed" in data:
            self.is_subscribed = True
            self.opened.now()
        elif b'"number"' in data:
            self.arrived.now()


async def connect(ports: list[int], count: int, channel: str) -> tuple[Moments, list[Client]]:
    """`count` clients that have subscribed."""
    loop, opened, arrived = asyncio.get_running_loop(), Moments(count), Moments(count)
    clients = list[Client]()
    for start in range(0, count, 200):
        made = await asyncio.gather(
            *(
                loop.create_connection(
                    lambda: Client(channel, opened, arrived), "127.0.0.1", ports[n % len(ports)]
                )
                for n in range(start, min(start + 200, count))
            )
        )
        clients += [protocol for _, protocol in made]
    await opened.wait(300)
    return arrived, clients


def run(folder: Path) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))
    with ExitStack() as resources:
        stack = resources.enter_context(running(folder))
        ports = [free_port(), free_port()]
        pids = [resources.enter_context(server(stack, port)) for port in ports]
        asyncio.run(measure(stack, ports, pids))


async def measure(stack: Stack, ports: list[int], pids: list[int]) -> None:
    events = container.build(stack.settings()).events
    video_id = stack.call("/api/videos").json["videos"][0]["id"]
    channel = f"video:{video_id}"
    empty = sum(map(resident_kib, pids))
    arrived, _ = await connect(ports, CONNECTIONS, channel)
    each = (sum(map(resident_kib, pids)) - empty) / CONNECTIONS
    print(f"\n{CONNECTIONS:,} sockets over two servers: {each:.0f} KiB each")

    def say(number: int, text: str) -> None:
        events.publish(channel, {"type": "new_comment", "number": number, "text": text})

    async def told(text: str) -> list[float]:
        """Milliseconds until each client has each of MESSAGES."""
        late = list[float]()
        for number in range(MESSAGES):
            began = time.monotonic()
            await asyncio.to_thread(say, number, text)
            late += [(moment - began) * 1000 for moment in await arrived.wait(60)]
            await asyncio.sleep(PAUSE_SECONDS)
        return late

    await asyncio.sleep(SETTLE_SECONDS)
    # Else the first message is as late as a collection of ten thousand clients takes here.
    gc.collect()
    gc.freeze()
    report("one message to all", await told(TEXT))
    with http_load(stack) as answers:
        report("the same, beside HTTP", await told(TEXT))
    print(f"HTTP meanwhile: median {statistics.median(answers):.1f} ms, p99 {p99(answers):.0f} ms")
    # What a socket may lag behind is filled by a few of these.
    report("40 kB to all", await told(SLOW_TEXT))
    _, slow = await connect(ports, SLOW, channel)
    for client in slow:
        client.transport.pause_reading()
    report(f"40 kB to all, with {SLOW:,} more who do not read", await told(SLOW_TEXT))


@contextmanager
def server(stack: Stack, port: int) -> Iterator[int]:
    env = {**stack.run_env(), "VAR_DIR": str(stack.folder / f"realtime-{port}")}
    env |= {"REALTIME_PORT": str(port), "API_PORT": "1", "LOG_LEVEL": "ERROR"}
    process = subprocess.Popen([sys.executable, "app.py", "realtime"], cwd=ROOT, env=env)
    try:
        wait_for(lambda: stack.call(f"http://127.0.0.1:{port}/healthz").status == 200, 60)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def http_load(stack: Stack) -> Iterator[list[float]]:
    """Fifty requests a second; their milliseconds."""
    took, stop = list[float](), threading.Event()

    def ask() -> None:
        while not stop.wait(0.02):
            began = time.monotonic()
            stack.call("/api/videos")
            took.append((time.monotonic() - began) * 1000)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield took
    finally:
        stop.set()
        thread.join()


def resident_kib(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def report(what: str, late: list[float]) -> None:
    print(f"{what}: median {statistics.median(late):.0f} ms, p99 {p99(late):.0f} ms")
