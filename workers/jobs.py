"""Every job, on one screen. A job takes ids, calls one service, returns nothing.

* Arguments are ids, never documents: a job may wait for hours, and may run after a deploy.
* It is safe to run twice. Raising means "try again": the sweeper sees to it.
* What trying again cannot help is recorded on the entity, and the job returns.
"""

from __future__ import annotations

from workers.runtime import services


def process_video(_video_id: str) -> None:
    """Make an upload playable, or do what is more urgent (services/processing/turns.py)."""
    services().turns.take()


def encode_rest(_video_id: str) -> None:
    """Complete what plays already, or do what is more urgent (services/processing/turns.py)."""
    services().turns.take()


def encode_chunk(_chunk_id: str) -> None:
    """Encode a piece of a long video, or do what is more urgent (services/processing/turns.py)."""
    services().turns.take()


def package_tracks(video_id: str) -> None:
    """Bring manifests up to date with a video's tracks (services/tracks/presenting.py)."""
    services().presenting.run(video_id)


def send_mail(mail_id: str) -> None:
    """Send a mail that was asked for (services/mailing.py)."""
    services().mailing.send(mail_id)


def deliver_webhooks(endpoint_id: str) -> None:
    """Send what is due to one endpoint (services/webhooks/delivering.py)."""
    services().webhook_deliveries.run(endpoint_id)


def delete_user(user_id: str) -> None:
    """Take away what a closed account has left behind (services/people/deletion.py)."""
    services().deletion.run(user_id)


def purge_video(video_id: str) -> None:
    """Remove what is left of a deleted video (services/videos/removal.py)."""
    services().removal.purge(video_id)


def retire_content(video_id: str) -> None:
    """Remove what a video showed before its content was replaced (services/videos/replacing.py)."""
    services().replacing.retire(video_id)


def end_live(video_id: str) -> None:
    """Make what was sent live a video like any other, or remove it (services/live/ending.py)."""
    services().live_endings.run(video_id)


def tell_followers(telling_id: str) -> None:
    """Tell the followers of a video's author that it is there (services/social/telling.py)."""
    services().telling.run(telling_id)
