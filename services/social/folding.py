"""Adding rows to the counters that count them, without waiting for others to do the same.

A hundred people who like one video at once change a hundred rows, and one counter. In this process
one of them at a time folds what all have written meanwhile; the others, when their turn comes,
mostly find it done. Other processes may fold as well: then MongoDB lets one of them go on, and the
other looks again.
"""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock

# Rows of one transaction, and transactions of one target before others have their turn.
BATCH = 200
BATCHES_PER_ROUND = 500
# Targets of one round of the scheduler's.
TARGETS_PER_ROUND = 10_000
_PLACES = 256


class OneAtATime:
    """A lock for each key; a few keys share one."""

    def __init__(self) -> None:
        self._locks = tuple(Lock() for _ in range(_PLACES))

    def of(self, key: Hashable) -> Lock:
        return self._locks[hash(key) % _PLACES]
