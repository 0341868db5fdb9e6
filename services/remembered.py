"""What a process remembers for a moment, where being that moment behind harms nobody.

Only reads of others' public facts go through here (an author's name, the length of a list): never
who may do what. Nor what somebody has just changed of their own, unless each change asks for it
under another key (services/videos/own_reactions.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Generic, TypeVar

from cachetools import TTLCache

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """A bounded map whose entries are forgotten after `seconds`. Safe to use from any thread."""

    def __init__(
        self, *, seconds: float, size: int = 10_000, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._entries: TTLCache[K, V] = TTLCache(size, seconds, timer)
        self._lock = Lock()

    def known(self, key: K) -> V | None:
        with self._lock:
            # Not `get`: an entry may expire between its look and its answer.
            try:
                return self._entries[key]
            except KeyError:
                return None

    def keep(self, key: K, value: V) -> None:
        with self._lock:
            self._entries[key] = value

    def forget(self, *keys: K) -> None:
        """Have `find` asked again for these."""
        with self._lock:
            for key in keys:
                self._entries.pop(key, None)

    def one(self, key: K, find: Callable[[], V]) -> V:
        """The value of `key`; `find` is asked when it is not known."""
        return self.many([key], lambda _: {key: find()})[key]

    def many(self, keys: Iterable[K], find: Callable[[list[K]], Mapping[K, V]]) -> dict[K, V]:
        """The values of `keys`; `find` is asked once, for those that are not known."""
        wanted = set(keys)
        known = {key: value for key in wanted if (value := self.known(key)) is not None}
        if missing := [key for key in wanted if key not in known]:
            found = find(missing)
            with self._lock:
                self._entries.update(found)
            known.update(found)
        return known
