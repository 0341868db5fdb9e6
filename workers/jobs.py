"""Every job, on one screen. A job takes ids, calls one service, returns nothing.

* Arguments are ids, never documents: a job may wait for hours, and may run after a deploy.
* It is safe to run twice. Raising means "try again": the sweeper sees to it.
* What trying again cannot help is recorded on the entity, and the job returns.
"""

from __future__ import annotations

from workers.runtime import services


def process_video(video_id: str) -> None:
    """Make an upload playable (services/processing/transcoding.py)."""
    services().transcoding.run(video_id)


def send_mail(mail_id: str) -> None:
    """Send a mail that was asked for (services/mailing.py)."""
    services().mailing.send(mail_id)


def delete_user(user_id: str) -> None:
    """Take away what a closed account has left behind (services/people/deletion.py)."""
    services().deletion.run(user_id)
