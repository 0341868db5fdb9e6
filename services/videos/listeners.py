"""What is told to whoever listens to a video that is hidden, or gone."""

from __future__ import annotations

from services.adapters.events import Events


def tell_deleted(events: Events, video_id: str, *also: str) -> None:
    """Say that it is gone, on its channel and these; nothing of it is heard after that."""
    for channel in (*also, f"video:{video_id}"):
        events.publish(channel, {"type": "deleted", "video_id": video_id})
    look_again(events, video_id)


def look_again(events: Events, video_id: str) -> None:
    """Have it looked up who may go on listening (blueprints/realtime/hub.py)."""
    events.publish(f"video:{video_id}", {"type": "access_changed"})
