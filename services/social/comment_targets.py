"""Comments, as something to react to."""

from __future__ import annotations

from dataclasses import dataclass

from models.comment import Comment
from models.comments import Comments
from models.database import Within
from models.reactions import ReactionFold
from services.policies import Actor
from services.social.comments import CommentService
from services.social.reactions import Counts, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentTargets:
    """Whoever owns the video decides who may react under it."""

    comments: Comments
    service: CommentService

    def find(self, actor: Actor, reference: str) -> Target:
        comment, video = self.service.found(actor, reference)
        return Target(comment.id, video.author_id)

    def counts(self, target_id: str) -> Counts | None:
        return _counts(self.comments.get(target_id))

    def add(self, target_id: str, added: ReactionFold, within: Within) -> Counts | None:
        return _counts(self.comments.add_reactions(target_id, added, within))

    def tell(self, target_id: str, counts: Counts) -> None:
        """Nobody subscribes to the likes of a comment."""


def _counts(found: Comment | None) -> Counts | None:
    return Counts(found.like_count, found.dislike_count) if found else None
