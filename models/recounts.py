"""Recounting: what a counter should say, from the rows that it counts.

A `Ledger` names counters of one collection, and how the rows of another add up to them. Both sides
are read a batch of ids at a time, through indexes; what differs is looked at again as of one
moment, where a change of either side would be noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pymongo.collection import Collection

from models.database import Within
from models.documents import Document

Counts = dict[str, int]


class Ledger(NamedTuple):
    # What has the counters, and which of those are looked at.
    holders: Collection[Document]
    where: Document
    rows: Collection[Document]
    # The rows' field with the holder's id.
    key: str
    # Which rows count, and what each adds to the counters, by name.
    match: Document
    adds: Mapping[str, Document | int | str]
    # The index to read the rows by, where the planner would not choose it.
    hint: str | None = None

    @property
    def name(self) -> str:
        return f"{self.holders.name}: {', '.join(self.adds)}"

    def size(self) -> int:
        """About how many holders there are."""
        return self.holders.estimated_document_count()

    def batches(self, size: int) -> Iterator[dict[str, Counts]]:
        """What all counters say, by their holder's id."""
        last = ""
        while batch := self._kept({"id": {"$gt": last}}, limit=size):
            yield batch
            last = max(batch)

    def kept(self, ids: Sequence[str], within: Within | None = None) -> dict[str, Counts]:
        return self._kept({"id": {"$in": list(ids)}}, within=within)

    def counted(self, ids: Sequence[str], within: Within | None = None) -> dict[str, Counts]:
        """What the rows say of each of `ids`."""
        sums = {name: {"$sum": adds} for name, adds in self.adds.items()}
        stages: list[Document] = [
            {"$match": {self.key: {"$in": list(ids)}, **self.match}},
            {"$group": {"_id": f"${self.key}", **sums}},
        ]
        options: Document = {"hint": self.hint} if self.hint else {}
        found = {doc.pop("_id"): doc for doc in self.rows.aggregate(stages, within, **options)}
        return {holder: found.get(holder, dict.fromkeys(self.adds, 0)) for holder in ids}

    def mend(self, holder_id: str, counts: Counts, within: Within) -> None:
        self.holders.update_one({"id": holder_id}, {"$set": counts}, session=within)

    def _kept(
        self, where: Document, limit: int = 0, within: Within | None = None
    ) -> dict[str, Counts]:
        shown = {"id": 1} | dict.fromkeys(self.adds, 1)
        found = self.holders.find({**where, **self.where}, shown, session=within)
        docs = found.sort("id", 1).limit(limit)
        return {doc["id"]: {name: doc.get(name, 0) for name in self.adds} for doc in docs}


def counted_as(field: str, value: str) -> Document:
    """1 for a row whose `field` is `value`."""
    return {"$cond": [{"$eq": [f"${field}", value]}, 1, 0]}
