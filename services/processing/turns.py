"""Whose work a worker does next.

A job in the queue says that there is work, not which: what a worker takes up is decided here, when
it is free. First renditions of everybody come before the rest of anybody. Among people, who has the
least under way comes first, then whose turn is longest ago: somebody who uploads fifty videos
waits for their second until everybody else has had a first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from models.chunks import Chunks
from models.videos import Videos
from models.waiting import Kind, Turns, Waiting
from services.processing.chunks import ChunkService
from services.processing.transcoding import TranscodingService

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnService:
    videos: Videos
    chunks: Chunks
    turns: Turns
    transcoding: TranscodingService
    pieces: ChunkService
    now: Callable[[], datetime]

    def take(self) -> None:
        """Do what is due next; nothing if nobody waits. Raising means: try again later."""
        self.transcoding.discard_leftovers()
        for waiting in self.order():
            if self._do(waiting):
                return

    def order(self) -> list[Waiting]:
        """Who waits, and for what kind of work, the next first."""
        now = self.now()
        waiting = [*self.videos.waiting(now), *self.chunks.waiting(now)]
        running = Counter([*self.videos.running(now), *self.chunks.running(now)])
        before = self.turns.of({work.author_id for work in waiting})

        def due(work: Waiting) -> tuple[bool, int, datetime, datetime]:
            last = before.get(work.author_id, NEVER)
            return work.kind is not Kind.FIRST, running[work.author_id], last, work.since

        return sorted(waiting, key=due)

    def _do(self, waiting: Waiting) -> bool:
        """Take up one person's longest waiting; False if another worker was faster."""
        author_id, now = waiting.author_id, self.now()
        is_chunk = waiting.kind is Kind.CHUNK
        found = (
            self.chunks.next_of(author_id, now)
            if is_chunk
            else self.videos.next_of(author_id, waiting.kind, now)
        )
        if found is None:
            return False
        self.turns.took(author_id, now)
        return self.pieces.run(found) if is_chunk else self.transcoding.run(found)
