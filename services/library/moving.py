"""All media to another store: killed at any point and begun again, it goes on; nobody notices.

Each file is stored whole or not at all, and counts only when the other store holds the same bytes.
What is there already is not sent again. Nothing is taken away from where players still look.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from models.errors import Conflict, Unavailable
from services.adapters.storage import Entry, Fingerprint, Storage

AT_ONCE = 8
# How many wait behind those: memory does not grow with the library.
AHEAD = 64


class Outcome(StrEnum):
    COPIED = "copied"
    THERE = "already there"
    # Removed while it was its turn.
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    entry: Entry
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveService:
    # Either store, by the name that MEDIA_STORAGE_BACKEND gives it.
    store: Callable[[str], Storage]
    configured: str

    def expected_steps(self, source: str) -> int:
        """How many files there are to look at: listed once, which takes no memory."""
        return sum(1 for _ in self.store(source).entries())

    def move(self, source: str, target: str, *, delete_source: bool) -> Iterator[Moved]:
        """Copy what is in `source` to `target`, file by file.

        With `delete_source` each goes from `source` once it is known to be in `target`. Raises
        `Conflict` if CLUTCH still serves from `source` then.
        """
        if delete_source and self.configured != target:
            raise Conflict(
                f"Media is still served from {source}. Set MEDIA_STORAGE_BACKEND={target}, start"
                " everything anew, and then delete."
            )
        here, there = self.store(source), self.store(target)
        here.require()
        there.require()

        def carry(entry: Entry) -> Moved:
            outcome = _carried(entry.key, here, there)
            if delete_source and outcome is not Outcome.GONE:
                here.remove(entry.key)
            return Moved(entry=entry, outcome=outcome)

        return _in_order(carry, here.entries())


def _carried(key: str, here: Storage, there: Storage) -> Outcome:
    wanted = _known(here, key)
    if wanted is None:
        return Outcome.GONE
    if _known(there, key) == wanted:
        return Outcome.THERE
    try:
        with here.local(key) as path:
            there.copy(path, key)
    except FileNotFoundError:
        return Outcome.GONE
    if _known(there, key) != wanted:
        raise Unavailable(f"{key} has not arrived as it was sent. Begin again.")
    return Outcome.COPIED


def _known(storage: Storage, key: str) -> Fingerprint | None:
    """What it is known by, read anew where the store does not know that."""
    said = storage.fingerprint(key)
    if said is None or said.md5 is not None:
        return said
    found = storage.open(key)
    if found is None:
        return None
    with found.stream as opened:
        digest = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False))
    return Fingerprint(size_bytes=found.size_bytes, md5=digest.hexdigest())


def _in_order(carry: Callable[[Entry], Moved], entries: Iterator[Entry]) -> Iterator[Moved]:
    under_way: deque[Future[Moved]] = deque()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for entry in entries:
                under_way.append(pool.submit(carry, entry))
                if len(under_way) >= AHEAD:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
