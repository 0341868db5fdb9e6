"""Checking all counters against the rows that they count, and mending those that differ.

Nothing has to stop meanwhile: what seems to differ is counted again in a transaction, and mended
in the same one, which begins anew when somebody changes the counter at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.database import Transactions, Within
from models.recounts import Counts, Ledger
from services.social.follows import FollowService
from services.social.reactions import ReactionService

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A counter that says something else than its rows."""

    ledger: str
    holder_id: str
    counter: str
    says: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStep:
    """What was found in one batch of one ledger."""

    holders: int
    differences: Sequence[Difference] = ()
    is_mended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecountService:
    ledgers: Sequence[Ledger]
    reactions: ReactionService
    follows: FollowService
    transactions: Transactions

    def expected_holders(self) -> int:
        """About how many there are to look at, those of each ledger counted."""
        return sum(ledger.size() for ledger in self.ledgers)

    def check(self, *, repair: bool = False) -> Iterator[CheckStep]:
        """Look at every counter; `repair` mends those that differ."""
        # What was cut short is nothing that differs: it only waits to be counted.
        self.reactions.fold()
        self.follows.fold()
        for ledger in self.ledgers:
            for kept in ledger.batches(BATCH):
                yield self._step(ledger, kept, repair=repair)

    def _step(self, ledger: Ledger, kept: dict[str, Counts], *, repair: bool) -> CheckStep:
        counted = ledger.counted(list(kept))
        suspects = [holder for holder, says in kept.items() if says != counted[holder]]
        found = [
            difference
            for holder in suspects
            for difference in self._look(ledger, holder, repair=repair)
        ]
        return CheckStep(holders=len(kept), differences=found, is_mended=repair)

    def _look(self, ledger: Ledger, holder_id: str, *, repair: bool) -> list[Difference]:
        return self.transactions.run(
            lambda within: _compared(ledger, holder_id, within, repair=repair)
        )


def _compared(ledger: Ledger, holder_id: str, within: Within, *, repair: bool) -> list[Difference]:
    """As of one moment; mended if it differs and `repair`."""
    says = ledger.kept([holder_id], within).get(holder_id)
    rows = ledger.counted([holder_id], within)[holder_id]
    if says is None or says == rows:
        return []
    if repair:
        ledger.mend(holder_id, rows, within)
    return [
        Difference(
            ledger=ledger.holders.name,
            holder_id=holder_id,
            counter=name,
            says=says[name],
            rows=rows[name],
        )
        for name in says
        if says[name] != rows[name]
    ]
