"""What knowing who calls costs, and how many people can sign in.

Authentication: the same list, asked by a visitor and with a token, in alternating rounds. Signing
in: at bcrypt's real cost, first by as many as there is room for, then by a crowd of a thousand at
once, with somebody who is signed in already asking for their dashboard all the while.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.requests import ROUNDS, saturate, seed
from tests.stack import Stack, running

PATH = "/videos/feed"
COST = "12"
SIGNING_IN = 4
CROWD = 1000
PAUSE_SECONDS = 0.02
PERSON = {"name": "Ann", "email": "ann@example.com", "password": "password123"}


def run(folder: Path) -> None:
    with running(folder, LOG_LEVEL="INFO", BCRYPT_ROUNDS=COST) as stack:
        seed(folder)
        assert stack.call("/auth/signup", PERSON).status == 201
        token = stack.call("/auth/login", PERSON).json["token"]
        authentication(stack, token)
        signing_in(stack, token)


def authentication(stack: Stack, token: str) -> None:
    who = {"visitor": "", "signed in": token}
    rounds = [
        {name: saturate(stack.url + PATH, sent)[0] for name, sent in who.items()}
        for _ in range(ROUNDS)
    ]
    rates = {name: statistics.median(found[name] for found in rounds) for name in who}
    print(f"\nGET {PATH} (20 videos); medians of {ROUNDS} rounds")
    print("| who asks | requests/s | of a visitor's |")
    print("| --- | ---: | ---: |")
    for name, rate in rates.items():
        print(f"| {name} | {rate:,.0f} | {rate / rates['visitor']:.2f} |")


def signing_in(stack: Stack, token: str) -> None:
    print(f"\nPOST /auth/login at bcrypt's cost {COST}, beside one who asks for the dashboard")
    print("| who | logins/s | answers | dashboard p50 ms | p99 ms |")
    print("| --- | ---: | --- | ---: | ---: |")
    with asking(stack, token) as alone:
        time.sleep(3)
    report("nobody", 0, Counter(), alone)
    for connections, requests in ((SIGNING_IN, 60), (CROWD, CROWD)):
        with asking(stack, token) as meanwhile:
            started = time.perf_counter()
            answers = log_in(stack, connections, requests)
            rate = answers[200] / (time.perf_counter() - started)
        report(f"{requests} logins, {connections} at a time", rate, answers, meanwhile)


def report(who: str, rate: float, answers: Counter[int], meanwhile: list[float]) -> None:
    said = ", ".join(f"{count} x {status}" for status, count in sorted(answers.items()))
    cuts = statistics.quantiles(meanwhile, n=100)
    print(f"| {who} | {rate:.1f} | {said} | {cuts[49]:.0f} | {cuts[98]:.0f} |")


def log_in(stack: Stack, connections: int, requests: int) -> Counter[int]:
    """How many were answered with which status."""
    body = json.dumps(PERSON)
    command = ["hey", "-n", str(requests), "-c", str(connections), "-t", "120"]
    command += ["-m", "POST", "-T", "application/json", "-d", body, f"{stack.url}/auth/login"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"\[(\d{3})\]\s+(\d+) responses", out)
    return Counter({int(status): int(count) for status, count in found})


@dataclass
class Asker:
    """Somebody who is signed in, and asks again and again; keeps how long each answer took."""

    stack: Stack
    token: str
    milliseconds: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        while not self.stop.wait(PAUSE_SECONDS):
            started = time.perf_counter()
            self.stack.call("/dashboard", token=self.token)
            self.milliseconds.append((time.perf_counter() - started) * 1000)


@contextmanager
def asking(stack: Stack, token: str) -> Iterator[list[float]]:
    asker = Asker(stack, token)
    thread = threading.Thread(target=asker.ask)
    thread.start()
    try:
        yield asker.milliseconds
    finally:
        asker.stop.set()
        thread.join()
