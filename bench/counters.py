"""Counters: 64 threads on one target, and a minute of turmoil with kills, recounted afterwards.

The first table compares the fold with a transaction for each reaction, which is what it replaces.
"""

from __future__ import annotations

import random
import secrets
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.fresh import fresh
from models.database import Transactions, Within
from models.errors import Busy
from models.reactions import Choice, Kind
from services.container import Services, new_id
from services.policies import Actor
from tests.stack import running
from tests.turmoil import ENVIRONMENT, Turmoil, demo_video

THREADS, SECONDS = (1, 8, 64), 8.0
TURMOIL_SECONDS, PEOPLE, VIDEOS = 60.0, 40, 4
Act = Callable[[Actor, str], None]


def run(folder: Path, seconds: float = SECONDS, turmoil_seconds: float = TURMOIL_SECONDS) -> None:
    hot_target(folder / "hot", seconds)
    turmoil(folder / "turmoil", turmoil_seconds)


def hot_target(folder: Path, seconds: float = SECONDS) -> None:
    """Everybody reacts to one video, in one process."""
    with fresh(folder) as services:
        author = services.seeding.author()
        video = demo_video(services.seeding, 0, author.id)
        services.catalogue.videos.add(video)
        ways: dict[str, Act] = {
            "rows, then a fold": _folding(services),
            "a transaction each": _each_alone(services),
        }
        print(f"\nReactions to one video, {seconds:.0f} s each")
        print("| way | threads | reactions/s | p50 ms | p99 ms | given up |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        for threads in THREADS:
            for name, act in ways.items():
                print(_row(name, threads, _measured(act, video.id, threads, seconds)))
        wrong = [step for step in services.recounting.check() if step.differences]
        print(f"counters that differ from their rows: {len(wrong)}")


def turmoil(folder: Path, seconds: float = TURMOIL_SECONDS) -> None:
    """Random follows, reactions and comments, with API, workers and scheduler killed."""
    with running(folder, **ENVIRONMENT) as stack:
        run = Turmoil(stack, secrets.randbelow(10**6))
        run.prepare(people=PEOPLE, videos=VIDEOS)
        run.run(seconds, (0.5, 3.0))
        differ = run.differences()
        print(f"\nTurmoil of {run.threads} threads for {seconds:.0f} s, seed {run.seed}")
        print(f"killed {dict(run.killed)}, answered {dict(run.answers)}")
        print(f"counters that differ from their rows: {len(differ)}")
        for difference in differ:
            print(f"  {difference}")


def _folding(services: Services) -> Act:
    def act(actor: Actor, video_id: str) -> None:
        services.reactions.react(actor, Kind.VIDEO, video_id, _choice())

    return act


def _each_alone(services: Services) -> Act:
    """Row and counters in one transaction."""
    service, targets = services.reactions, services.reactions.targets[Kind.VIDEO]
    transactions = Transactions(services.catalogue.videos.collection.database)

    def act(actor: Actor, video_id: str) -> None:
        target = targets.find(actor, video_id)
        row = service._row(actor, Kind.VIDEO, target, _choice())  # noqa: SLF001 - the same row

        def work(within: Within) -> None:
            # The row's own change is left out, which flatters this way.
            added = service.reactions.fold(Kind.VIDEO, row.target_id, 1, within)
            targets.add(row.target_id, added, within)

        service.reactions.react(row)
        transactions.run(work)

    return act


def _choice() -> Choice:
    return random.choice((Choice.LIKE, Choice.DISLIKE))  # noqa: S311 - no secret


def _measured(act: Act, video_id: str, threads: int, seconds: float) -> tuple[list[float], int]:
    """Milliseconds of each reaction, and how many came to nothing."""
    end = time.perf_counter() + seconds

    def go(_: int) -> tuple[list[float], int]:
        took, lost = [], 0
        while (started := time.perf_counter()) < end:
            try:
                act(Actor(id=new_id()), video_id)
                took.append((time.perf_counter() - started) * 1000)
            except Busy:
                lost += 1
        return took, lost

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(go, range(threads)))
    return [one for took, _ in found for one in took], sum(lost for _, lost in found)


def _row(name: str, threads: int, measured: tuple[list[float], int]) -> str:
    took, lost = measured
    per_second = len(took) * threads / (sum(took) / 1000)
    p50, p99 = statistics.median(took), sorted(took)[int(len(took) * 0.99)]
    return f"| {name} | {threads} | {per_second:,.0f} | {p50:.0f} | {p99:.0f} | {lost} |"
