"""Telling people of comments that concern them: under their videos, and in reply to theirs."""

from __future__ import annotations

from dataclasses import dataclass

from models.comment import Comment
from models.notifications import NotificationKind
from services.social.notifications import NotificationService, comment_target, video_target


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentNotices:
    notifications: NotificationService

    def came(self, comment: Comment, replied: Comment | None) -> None:
        """A comment can be seen now. Nobody is told twice of one."""
        told = {"actor_id": comment.user_id, "event_id": comment.id, "at": comment.created_at}
        if replied is not None:
            about = comment_target(replied.id, comment.video_id)
            self.notifications.notify(replied.user_id, NotificationKind.REPLY, target=about, **told)
        if replied is None or replied.user_id != comment.creator_id:
            about = video_target(comment.video_id)
            self.notifications.notify(
                comment.creator_id, NotificationKind.COMMENT, target=about, **told
            )
