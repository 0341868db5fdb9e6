"""Videos, as something to react to."""

from __future__ import annotations

from dataclasses import dataclass

from models.counters import Reacted
from models.database import Within
from models.reactions import ReactionFold
from models.users import Users
from models.videos import Videos
from services.adapters.events import Events
from services.policies import Actor
from services.social.reactions import Counts, Target
from services.videos.shelf import Shelf
from services.videos.visible import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTargets:
    """Likes of a video count in the totals of its author as well."""

    videos: Videos
    users: Users
    shelf: Shelf
    events: Events

    def find(self, actor: Actor, reference: str) -> Target:
        """As it is at this moment, not as it was a second ago."""
        video = visible(actor, self.videos.get(reference))
        return Target(video.id, video.author_id)

    def counts(self, target_id: str) -> Counts | None:
        return _counts(self.videos.reacted(target_id))

    def add(self, target_id: str, added: ReactionFold, within: Within) -> Counts | None:
        found = self.videos.add_reactions(target_id, added, within)
        if found is not None:
            self.users.add_received(found.author_id, added, within)
        return _counts(found)

    def tell(self, target_id: str, counts: Counts) -> None:
        """000's live counters, for who watches the page."""
        self.shelf.recent.forget(target_id)
        told = {"like_count": counts.likes}
        event = {"type": "video_update", "video_id": target_id, "data": told}
        self.events.publish(f"video:{target_id}", event)


def _counts(found: Reacted | None) -> Counts | None:
    return Counts(found.like_count, found.dislike_count) if found else None
