"""Adding rows to the counters that count them, without waiting for others to do the same.

A hundred people who like one video at once change a hundred rows, and one counter. In this process
one of them at a time folds what all have written meanwhile; the others, when their turn comes,
mostly find it done. Other processes may fold as well: then MongoDB lets one of them go on, and the
other looks again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from threading import Lock

from models.errors import Busy

log = logging.getLogger(__name__)

# Rows of one transaction, and transactions of one target before others have their turn.
BATCH = 200
BATCHES_PER_ROUND = 500
# Targets of one round of the scheduler's.
TARGETS_PER_ROUND = 10_000
_PLACES = 256
# How long somebody waits for their turn, when others take longer than usual.
TURN_SECONDS = 2


class OneAtATime:
    """A lock for each key; a few keys share one."""

    def __init__(self) -> None:
        self._locks = tuple(Lock() for _ in range(_PLACES))

    def fold(self, key: Hashable, work: Callable[[], None]) -> bool:
        """Do `work` when it is one's turn; False if that has to be left to the scheduler.

        What is to be counted is written down, so that nobody needs to wait for it: a process that
        was killed may hold the counter, until MongoDB ends what it was at.
        """
        lock = self._locks[hash(key) % _PLACES]
        if not lock.acquire(timeout=TURN_SECONDS):
            return False
        try:
            work()
        except Busy:
            log.warning("counted later", extra={"key": str(key)})
            return False
        finally:
            lock.release()
        return True
