"""Files that are fetched once for all processes of a host, whoever of them is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.adapters.storage.copies import DATA, Copies

CONTENT = b"a video" * 1000


class Store:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.fetched = 0

    def __call__(self, target: Path) -> None:
        self.fetched += 1
        target.write_bytes(CONTENT[:100])
        time.sleep(0.05)
        target.write_bytes(CONTENT)


@pytest.fixture
def copies(tmp_path) -> Copies:
    return Copies(tmp_path / "copies")


@pytest.fixture
def store() -> Store:
    return Store()


def kept(copies: Copies) -> list[Path]:
    return [path for path in copies.folder.rglob("*") if path.is_file()]


def read(copies: Copies, store: Callable[[Path], object], key: str = "sources/a") -> bytes:
    with copies.of(key, "1", store) as path:
        return path.read_bytes()


def test_it_is_fetched_once_for_all_who_read_it_at_a_time_and_soon_after(copies, store):
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: read(copies, store), range(8))) == {CONTENT}
    assert read(copies, store) == CONTENT
    assert store.fetched == 1


def test_another_version_is_another_file(copies, store):
    with copies.of("sources/a", "1", store) as one, copies.of("sources/a", "2", store) as two:
        assert one != two
    assert store.fetched == 2


def test_who_fetches_and_fails_is_followed_by_another(copies, store):
    def away(_: Path) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        read(copies, away)
    assert read(copies, store) == CONTENT


def killed_at(folder: Path, moment: str) -> None:
    def die_halfway(target: Path) -> None:
        target.write_bytes(CONTENT[:100])
        os.kill(os.getpid(), signal.SIGKILL)

    if moment == "fetching":
        read(Copies(folder), die_halfway)
    with Copies(folder).of("sources/a", "1", lambda path: path.write_bytes(CONTENT)):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("moment", ["fetching", "reading"])
def test_who_is_killed_keeps_nobody_waiting_and_leaves_nothing_half(copies, store, moment):
    process = multiprocessing.get_context("spawn").Process(
        target=killed_at, args=(copies.folder, moment)
    )
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert read(copies, store) == CONTENT
    copies.forget("sources/a")
    assert kept(copies) == []


def test_what_was_not_read_for_a_while_goes_and_what_is_being_read_stays(copies, store):
    read(copies, store, "sources/a")
    with copies.of("sources/b", "1", store) as path:
        for place in copies.folder.iterdir():
            os.utime(place / DATA, (1, 1))
        copies.trim()
        copies.forget("sources/b")
        assert path.read_bytes() == CONTENT
        assert len(list(copies.folder.iterdir())) == 1
    copies.trim()
    assert path.exists(), "it was read just now"


def test_of_too_much_what_was_read_longest_ago_goes(tmp_path, store):
    copies = Copies(tmp_path / "copies", most_bytes=2 * len(CONTENT))
    for number, key in enumerate(("sources/a", "sources/b", "sources/c")):
        with copies.of(key, "1", store) as path:
            pass
        used_at = time.time() - 60 + number
        os.utime(path, (used_at, used_at))
    copies.trim()
    store.fetched = 0
    for key in ("sources/c", "sources/b", "sources/a"):
        read(copies, store, key)
    assert store.fetched == 1


def test_whoever_removes_them_meanwhile_keeps_nobody_from_reading(copies, store):
    stop = threading.Event()

    def remove() -> None:
        while not stop.is_set():
            copies.forget("sources/a")

    with ThreadPoolExecutor(3) as pool:
        removing = pool.submit(remove)
        reads = [pool.submit(read, copies, store) for _ in range(20)]
        try:
            assert {found.result(30) for found in reads} == {CONTENT}
        finally:
            stop.set()
        removing.result(10)
