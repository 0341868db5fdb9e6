"""What somebody thinks of a video, remembered by each process for as long as that is so.

The row in MongoDB is the truth. It is written first, and then the person's stamp in Redis is
renewed, before they are answered. Each request is authenticated with the stamp of that moment. An
answer of MongoDB that came after a stamp was read holds for as long as that stamp is the current
one, so one's own reaction shows with the next request, whichever process takes it.

A process that is killed between the row and the stamp leaves the earlier one, as does a Redis that
is away just then: therefore nothing is remembered for longer than some seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.reactions import Choice, Kind, Reactions
from services.adapters.stamps import Stamps
from services.policies import Actor
from services.remembered import Remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReactions:
    reactions: Reactions
    stamps: Stamps
    # By stamp, person and video.
    remembered: Remembered[tuple[str, str, str], Choice]

    def of(self, actor: Actor, video_id: str) -> Choice | None:
        """None for a visitor."""
        if actor.id is None:
            return None
        user_id = actor.id
        # Before MongoDB is asked: what is written after that has another stamp.
        stamp = actor.stamp or self.stamps.begin(user_id)
        if not stamp:
            return self._on_record(user_id, video_id)
        key = (stamp, user_id, video_id)
        return self.remembered.one(key, lambda: self._on_record(user_id, video_id))

    def _on_record(self, user_id: str, video_id: str) -> Choice:
        found = self.reactions.of(user_id, Kind.VIDEO, [video_id])
        return found.get(video_id, Choice.NONE)
