"""Ranks: keys that put things in an order which anything can be put into, at one write.

A rank is text that sorts as it stands: a whole number of fixed length, and a fraction behind it.
What is added at an end gets the next number; what is put between two gets one between theirs, or
a longer fraction where there is none. Nothing else moves.
"""

from __future__ import annotations

from itertools import count

WIDTH = 8
BASE = 16
FIRST = format(BASE**WIDTH // 2, f"0{WIDTH}x")


def between(before: str | None, after: str | None) -> str:
    """A rank behind `before` and ahead of `after`; None is the end on that side."""
    if before is None and after is None:
        return FIRST
    if after is None:
        return _number(_whole(before or FIRST) + 1)
    if before is None:
        return _number(_whole(after) - 1)
    if before >= after:
        raise ValueError(f"{before} does not come before {after}")
    return _middle(before, after)


def _middle(before: str, after: str) -> str:
    """The shortest that there is, in the middle of those."""
    for length in count(WIDTH):
        low, high = _cut(before, length), _cut(after, length)
        if high - low > 1:
            return format((low + high) // 2, f"0{length}x")
    raise AssertionError


def _cut(rank: str, length: int) -> int:
    return int(rank[:length].ljust(length, "0"), BASE)


def _whole(rank: str) -> int:
    return int(rank[:WIDTH], BASE)


def _number(value: int) -> str:
    return format(value, f"0{WIDTH}x")
