"""Fifty videos while workers, their jobs and their encoders are killed: how all of them end.

A third is encoded in pieces, a third at once, a third is short; some are no video at all. The seed
says which process was killed when, and is printed, so that a bad end can be looked at again.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

from tests.rampage import ENVIRONMENT, Rampage, differences, finished_twice, settled
from tests.samples import AAC, X264, bikes, generate, picture, sound
from tests.stack import running

JOBS = 50
RAMPAGE_SECONDS = 240
SETTLE_SECONDS = 1800


def run(folder: Path) -> None:
    seed = int(os.environ.get("SEED") or secrets.randbelow(10**6))
    clips = _clips(folder / "clips")
    workers = {"WORKER_PROCESSES": "3"}
    with running(folder / "stack", **ENVIRONMENT | workers) as stack:
        token, began = stack.sign_in(), time.monotonic()
        videos = [stack.upload(clips[n % len(clips)], token).json["id"] for n in range(JOBS)]
        rampage = Rampage(stack, seed, (0.2, 3.0))
        rampage.run(RAMPAGE_SECONDS, token, videos)
        ends = settled(stack, token, videos, SETTLE_SECONDS)
        seconds = time.monotonic() - began
        twice, different = finished_twice(stack, videos), differences(stack, 60)
    print(f"\n{JOBS} videos on 3 workers, seed {seed}: all settled after {seconds:.0f} s")
    print("| | |")
    print("| --- | ---: |")
    for victim, times in sorted(rampage.killed.items()):
        print(f"| killed: `{victim}` | {times} |")
    for end, times in ends.most_common():
        print(f"| ended: {end} | {times} |")
    print(f"| finished twice | {len(twice)} |")
    print(f"| differences between storage and MongoDB | {len(different)} |")
    for finding in different:
        print(finding)


def _clips(folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    for name, seconds in (("short", 3), ("long", 12)):
        made = f"{picture('640x360', seconds)} {sound(seconds)} {X264} {AAC}"
        generate(made, folder / f"{name}.mp4")
    whole = (folder / "long.mp4").read_bytes()
    (folder / "cut_off.mp4").write_bytes(whole[: len(whole) // 2])
    long, short, cut_off = (folder / f"{name}.mp4" for name in ("long", "short", "cut_off"))
    return [long, short, bikes()] * 3 + [cut_off]
