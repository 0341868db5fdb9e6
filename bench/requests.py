"""Requests/s and latency of the hot endpoints, beside a bare Flask view on the same server.

The load generator, MongoDB and Redis share the machine with the API. Rounds interleave the
endpoints, so that whatever else the machine does falls on all of them; medians are printed.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stack import ROOT, Stack, free_port, running, wait_for

CATALOGUE = 10_000
CONNECTIONS = 64
ROUNDS = 3
SECONDS = 6
PACED_RATE = 1000
# Each sends one request every 20 ms: bursts of 20 at the most.
PACED_WORKERS = 20


def run(folder: Path) -> None:
    with running(folder, LOG_LEVEL="INFO") as stack, bare() as bare_url:
        seed(folder)
        paths = targets(stack)
        urls = {"bare Flask view": (bare_url, "")} | {
            name: (stack.url + path, token) for name, (path, token) in paths.items()
        }
        for url, token in urls.values():
            saturate(url, token, seconds=2)  # connections, caches and branch predictors warm up
        rounds = [
            {name: saturate(url, token) for name, (url, token) in urls.items()}
            for _ in range(ROUNDS)
        ]
        paced = {name: pace(url, token) for name, (url, token) in urls.items()}
        report(rounds, paced)


@contextmanager
def bare() -> Iterator[str]:
    """A Flask app that answers a constant, on the same server with the same processes."""
    port = free_port()
    command = [sys.executable, "-m", "bench.bare", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    url = f"http://127.0.0.1:{port}/"
    try:
        wait_for(lambda: urllib.request.urlopen(url, timeout=1), 10)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def seed(folder: Path) -> None:
    command = [sys.executable, "seed_videos.py", "--users", "100", "--videos", str(CATALOGUE)]
    environment = os.environ | {"VAR_DIR": str(folder / "var")}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def targets(stack: Stack) -> dict[str, tuple[str, str]]:
    """What is asked, and by whom."""
    token = stack.sign_in()
    video = stack.call("/dashboard", token=token).json["videos"][0]
    playback = f"/video/{video['id']}/stream?token={video['playback_token']}"
    return {
        "GET /dashboard (2 videos)": ("/dashboard", token),
        "GET /api/videos/{id}": (f"/api/videos/{video['id']}", token),
        "GET /video/{id}/stream": (playback, token),
        "GET /api/videos (20 of 10,000)": ("/api/videos", token),
        "GET /videos/feed (20, visitor)": ("/videos/feed", ""),
    }


def saturate(url: str, token: str, seconds: int = SECONDS) -> tuple[float, float]:
    """Requests/s and p99 in ms, as fast as it goes."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    out = _output([*command, *_header(token), url])
    if refused := re.search(r"Non-2xx or 3xx responses: \d+", out):
        sys.exit(f"{url}: {refused[0]}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", out)
    assert rate, out
    assert p99, out
    return float(rate[1]), float(p99[1]) * {"us": 0.001, "ms": 1, "s": 1000}[p99[2]]


def pace(url: str, token: str) -> float:
    """The p99 in ms at a steady 1,000 requests/s (002's target)."""
    total, each = str(PACED_RATE * SECONDS), str(PACED_RATE // PACED_WORKERS)
    command = ["hey", "-n", total, "-c", str(PACED_WORKERS), "-q", each]
    out = _output([*command, *_header(token), url])
    p99 = re.search(r"99%+ in ([\d.]+) secs", out)
    assert p99, out
    return float(p99[1]) * 1000


def _header(token: str) -> list[str]:
    return ["-H", f"Authorization: Bearer {token}"] if token else []


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def report(rounds: list[dict[str, tuple[float, float]]], paced: dict[str, float]) -> None:
    print(f"\n{CONNECTIONS} connections; medians of {ROUNDS} rounds of {SECONDS} s")
    print("| endpoint | requests/s | of bare | p99 ms | p99 ms at 1,000/s |")
    print("| --- | ---: | ---: | ---: | ---: |")
    base = statistics.median(r["bare Flask view"][0] for r in rounds)
    for name in rounds[0]:
        rate = statistics.median(r[name][0] for r in rounds)
        p99 = statistics.median(r[name][1] for r in rounds)
        print(f"| {name} | {rate:,.0f} | {rate / base:.2f} | {p99:.0f} | {paced[name]:.1f} |")
