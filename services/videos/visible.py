"""The video that somebody asked for, if it exists for them."""

from __future__ import annotations

from models.errors import NotFound
from models.video import Video
from services.policies import Actor, may_see


def visible(actor: Actor, video: Video | None) -> Video:
    """`video`, as it was found. Raises `NotFound` for nothing, and for what `actor` may not see."""
    if video is None or not may_see(actor, video):
        raise NotFound("Video not found")
    return video
