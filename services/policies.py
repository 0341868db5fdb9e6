"""Who may do what. Pure functions: an actor and an entity in, a bool out."""

from __future__ import annotations

from dataclasses import dataclass

from models.user import Role
from models.video import Video, Visibility


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever is asking; `id` is None for a visitor who has not said who they are."""

    id: str | None = None
    session_id: str = ""
    role: Role = Role.VIEWER

    @property
    def is_staff(self) -> bool:
        return self.role in {Role.STAFF, Role.ADMIN}


VISITOR = Actor()


def owns(actor: Actor, video: Video) -> bool:
    return actor.id is not None and actor.id == video.author_id


def may_edit(actor: Actor, video: Video) -> bool:
    return owns(actor, video) or actor.is_staff


def is_public(video: Video) -> bool:
    """Whether anybody may find and see it."""
    return video.is_active and video.playable and video.visibility is Visibility.PUBLIC


def may_see(actor: Actor, video: Video) -> bool:
    """Whether this video exists at all for `actor`. Unlisted ones do, for who knows the id."""
    published = video.is_active and video.playable and video.visibility is not Visibility.PRIVATE
    return published or may_edit(actor, video)


def may_watch(actor: Actor, video: Video) -> bool:
    """001: an inactive video plays for nobody; a private one for its owner and staff."""
    seen = video.visibility is not Visibility.PRIVATE or may_edit(actor, video)
    return actor.id is not None and video.is_active and seen
