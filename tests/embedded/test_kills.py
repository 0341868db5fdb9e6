"""Every worker is killed again and again; every video still comes to an end that is explained."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rampage import ENVIRONMENT, Rampage, differences, finished_twice, settled
from tests.samples import AAC, X264, generate, picture, sound
from tests.stack import UNMEASURED, UNSEEDED, Stack, running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("kills")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(
        tmp_path_factory.mktemp("kills"), **UNSEEDED, **UNMEASURED, **ENVIRONMENT
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One that is encoded in pieces, one that is not, and one that is no video at all."""
    folder = tmp_path_factory.mktemp("clips")
    for name, seconds in (("long", 10), ("short", 3)):
        made = f"{picture('320x180', seconds)} {sound(seconds)} {X264} {AAC}"
        generate(made, folder / f"{name}.mp4")
    whole = (folder / "long.mp4").read_bytes()
    (folder / "cut_off.mp4").write_bytes(whole[: len(whole) // 2])
    return sorted(folder.iterdir())


def test_whoever_is_killed_every_video_ends_once_and_storage_is_in_order(
    stack: Stack, clips: list[Path], record_property
):
    token, seed = stack.sign_in(), secrets.randbelow(10**6)
    videos = [stack.upload(clip, token).json["id"] for clip in clips * 2]
    rampage = Rampage(stack, seed, (0.2, 1.5))
    rampage.run(15, token, videos)
    ends = settled(stack, token, videos, 200)
    said = f"seed {seed}, killed {dict(rampage.killed)}, ended {dict(ends)}"
    record_property("kills", said)
    assert ends == {"ready": 4, "truncated": 2}, said
    assert finished_twice(stack, videos) == [], said
    assert differences(stack, 30) == [], said
