"""Telling people that others like what they made, or follow them."""

from __future__ import annotations

from dataclasses import dataclass

from models.comments import Comments
from models.notifications import NotificationKind
from models.reactions import Kind
from services.social.notifications import (
    NotificationService,
    comment_target,
    user_target,
    video_target,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    notifications: NotificationService
    comments: Comments

    def liked(self, kind: Kind, target_id: str, owner_id: str, actor_id: str) -> None:
        """Somebody likes a video of `owner_id`, or a comment under one."""
        told, about = owner_id, video_target(target_id)
        if kind is Kind.COMMENT:
            comment = self.comments.get(target_id)
            if comment is None:
                return
            told, about = comment.user_id, comment_target(comment.id, comment.video_id)
        self.notifications.notify(told, NotificationKind.LIKE, actor_id, about)

    def followed(self, user_id: str, actor_id: str) -> None:
        about = user_target(user_id)
        self.notifications.notify(user_id, NotificationKind.FOLLOWER, actor_id, about)
