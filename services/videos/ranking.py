"""How high a video ranks among others: what the trending order sorts by."""

from __future__ import annotations

from datetime import datetime

# One unit of score: a video half a day younger ranks as one with ten times the votes.
HALF_DAY_SECONDS = 12 * 3600


def first_score(published_at: datetime) -> float:
    """The score of a video nobody has voted on yet: its time of publication."""
    return round(published_at.timestamp() / HALF_DAY_SECONDS, 6)
