"""Under which keys storage keeps what belongs to a video. They follow from its id alone."""

from __future__ import annotations

from models.video import Video

UUID_LENGTH = 36
PICTURES = "incoming/picture-"


def keys_of(video_id: str) -> tuple[str, ...]:
    """Everything that may be stored for a video."""
    return (
        source_key(video_id),
        playback_key(video_id),
        progressive_key(video_id),
        poster_key(video_id),
        tracks_key(video_id),
        thumbnails_key(video_id),
        chunks_key(video_id),
        kept_key(video_id),
    )


def source_key(video_id: str) -> str:
    """The upload, until it is processed."""
    return f"sources/{video_id}"


def video_of_source(key: str) -> str:
    """The inverse of `source_key`; more may follow the video's id."""
    return key.removeprefix(source_key(""))[:UUID_LENGTH]


def playback_key(video_id: str) -> str:
    """The folder that playback grants open: one sub-folder per published version."""
    return f"playback/{video_id}"


def chunks_key(video_id: str) -> str:
    """The folder of its encoded pieces, until they are joined."""
    return f"chunks/{video_id}"


def chunk_key(video_id: str, edition: int, number: int) -> str:
    return f"{chunks_key(video_id)}/e{edition}-{number:04d}"


def kept_key(video_id: str, edition: int | None = None) -> str:
    """The folder of what one worker has encoded for the next: of one edition, or of all."""
    return f"kept/{video_id}" if edition is None else f"kept/{video_id}/e{edition}"


def progressive_key(video_id: str) -> str:
    """003's one-file MP4."""
    return f"progressive/{video_id}.mp4"


def poster_key(video_id: str) -> str:
    return f"posters/{video_id}.jpg"


def tracks_key(video_id: str) -> str:
    """The folder of what its tracks are made from."""
    return f"tracks/{video_id}"


def caption_key(video_id: str, caption_id: str) -> str:
    return f"{tracks_key(video_id)}/{caption_id}.vtt"


def sound_key(video_id: str, track_id: str) -> str:
    """A sound as it was uploaded, until it is encoded."""
    return f"{tracks_key(video_id)}/{track_id}"


def thumbnails_key(video_id: str) -> str:
    """The folder of pictures that its owner chose: one sub-folder per version."""
    return f"thumbnails/{video_id}"


def picture_key(video: Video, side: int | None = None) -> str | None:
    """The picture of a video: its owner's, else the pipeline's; None if there is none yet.

    Of several sizes the smallest that is not smaller than `side`, else the largest.
    """
    chosen = video.thumbnail
    if chosen is None:
        return poster_key(video.id) if video.has_poster else None
    enough = [kept for kept in chosen.sides if side is not None and kept >= side]
    return f"{thumbnails_key(video.id)}/{chosen.version}/{min(enough or chosen.sides[-1:])}.jpg"


def incoming_picture_key(upload_id: str) -> str:
    """Where a picture waits that its owner has sent to storage."""
    return f"{PICTURES}{upload_id}"


def upload_of_picture(key: str) -> str:
    """The inverse; empty for another key."""
    return key.removeprefix(PICTURES) if key.startswith(PICTURES) else ""
