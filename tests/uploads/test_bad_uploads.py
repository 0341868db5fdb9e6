"""Bad media, uploaded to a running CLUTCH: each ends in a clear error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import REFUSED, SPOILT, WRITTEN, flipped, linking, spoil, written
from tests.samples import Samples, bikes
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.media, pytest.mark.xdist_group("stack")]

# Nobody listens there; test_inspect.py has somebody listen, and hears nothing.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


def bad_files(samples: Samples) -> Iterator[tuple[Path, str]]:
    """Each with the reason that the pipeline gives, if it gets as far as that."""
    yield written(samples, "empty.mp4", b""), "empty"
    for name, content in {**WRITTEN, **linking(NOWHERE)}.items():
        yield written(samples, name, content), "not_a_video"
    for name, (_, _, reason) in SPOILT.items():
        yield spoil(samples, name), reason
    for name, reason in REFUSED.items():
        yield samples[name], reason


def everything_kept(stack: Stack) -> set[Path]:
    """Every file of storage and scratch; at first, the pictures of the seeds."""
    roots = [stack.folder / "var/media", stack.folder / "var/scratch"]
    return {path for root in roots for path in root.rglob("*") if path.is_file()}


def at_rest(stack: Stack) -> set[Path]:
    """The same, when what earlier tests uploaded is done with."""
    seen = [everything_kept(stack)]

    def stays() -> bool:
        time.sleep(2)
        seen.append(everything_kept(stack))
        return seen[-1] == seen[-2]

    wait_for(stays, 90)
    return seen[-1]


def verdict(stack: Stack, token: str, path: Path) -> tuple[str, Any]:
    """What became of an upload: refused on the spot, or failed later, and why."""
    answer = stack.upload(path, token)
    if answer.status != 201:
        return "refused", answer
    return "failed", stack.finished(answer.json["id"], token)


def test_every_bad_file_ends_in_a_clear_error_and_leaves_nothing(stack: Stack, samples: Samples):
    token, before = stack.sign_in(), at_rest(stack)
    workers = stack.workers()
    files = list(bad_files(samples))
    assert len(files) >= 15
    for path, reason in files:
        kind, found = verdict(stack, token, path)
        if kind == "refused":
            assert found.status in {400, 415}, (path.name, found.body)
            assert found.json["error"]["message"]
        else:
            assert found["processing_status"] == "error", path.name
            assert found["processing"]["error_code"] == reason, (path.name, found["processing"])
            assert found["processing"]["error_message"]
            assert not found["playable"]
    # What failed waits for another try for some days, and nothing else is left of it.
    left = everything_kept(stack) - before
    assert {path.parent.name for path in left} == {"sources"}
    assert stack.workers() == workers, "a worker died of it"


def test_a_file_with_flipped_bits_plays_or_is_explained(stack: Stack, samples: Samples):
    path = written(samples, "flipped.mp4", flipped(samples["faststart.mp4"].read_bytes()))
    _, video = verdict(stack, stack.sign_in(), path)
    assert video["playable"] or video["processing"]["error_message"]


def test_the_same_worker_then_makes_a_good_video(stack: Stack):
    token = stack.sign_in()
    _, video = verdict(stack, token, bikes())
    assert video["processing_status"] == "ready"
    master = stack.call(stack.stream_url(video["id"], token)).body.decode()
    assert "#EXT-X-STREAM-INF" in master
