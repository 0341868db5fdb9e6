"""Under which keys storage keeps what belongs to a video. They follow from its id alone."""

from __future__ import annotations


def keys_of(video_id: str) -> tuple[str, ...]:
    """Everything that may be stored for a video."""
    return (
        source_key(video_id),
        playback_key(video_id),
        progressive_key(video_id),
        poster_key(video_id),
    )


def source_key(video_id: str) -> str:
    """The upload, until it is processed."""
    return f"sources/{video_id}"


def playback_key(video_id: str) -> str:
    """The folder that playback grants open: one sub-folder per published version."""
    return f"playback/{video_id}"


def progressive_key(video_id: str) -> str:
    """003's one-file MP4."""
    return f"progressive/{video_id}.mp4"


def poster_key(video_id: str) -> str:
    return f"posters/{video_id}.jpg"
