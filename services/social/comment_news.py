"""What subscribers hear of comments: new ones in full, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.comment import Comment
from models.user import Author
from models.videos import Videos
from services.adapters.events import Events
from services.social.comment_pages import CommentPage
from services.videos.shelf import Shelf

AVATAR = "/static/avatar.svg"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentNews:
    events: Events
    videos: Videos
    shelf: Shelf
    base_url: str

    def came(self, page: CommentPage) -> None:
        """A comment can be seen now."""
        self._tell("new_comment", page.comment, comment=self._written(page))
        self.counted(page.comment.video_id)

    def held(self, page: CommentPage) -> None:
        """A comment waits; only who may approve it hears of that."""
        comment = page.comment
        told = {"type": "comment_held", "video_id": comment.video_id}
        self.events.publish(f"user:{comment.creator_id}", told | {"comment": self._written(page)})

    def changed(self, page: CommentPage) -> None:
        self._tell("comment_updated", page.comment, comment=self._written(page))

    def went(self, comment: Comment) -> None:
        """A comment cannot be seen any more."""
        self._tell("comment_deleted", comment, comment_id=comment.id)
        self.counted(comment.video_id)

    def counted(self, video_id: str) -> None:
        """000's live counter."""
        video = self.videos.get(video_id)
        if video is None:
            return
        self.shelf.forget(video)
        told = {"type": "video_update", "video_id": video_id}
        data = {"comment_count": video.comment_count}
        self.events.publish(f"video:{video_id}", told | {"data": data})

    def _tell(self, kind: str, about: Comment, **more: Any) -> None:
        told = {"type": kind, "video_id": about.video_id}
        self.events.publish(f"video:{about.video_id}", told | more)

    def _written(self, page: CommentPage) -> dict[str, Any]:
        """000's comment object. Whoever listens, to it nobody has reacted yet."""
        comment = page.comment
        same = ("id", "video_id", "user_id", "parent_comment_id", "content", "like_count")
        more = ("dislike_count", "reply_count", "created_at", "updated_at", "edited")
        flags = ("pinned", "hearted")
        return {
            **{name: getattr(comment, name) for name in same + more + flags},
            "status": comment.state.value,
            "deleted": page.is_deleted,
            "author": self._author(page.author) if page.author else None,
            "user_interaction": {"liked": False, "disliked": False},
        }

    def _author(self, author: Author) -> dict[str, Any]:
        return {
            "id": author.id,
            "username": author.username,
            "display_name": author.display_name,
            "avatar_url": author.avatar_url or self.base_url + AVATAR,
            "verified": author.verified,
        }
