"""003's configuration: the limits that an admin sets while CLUTCH runs, and what there is so far.

A process remembers the limits for a second: that is how soon a change holds everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from models.audit import Action
from models.configuration import ROW, Configuration, Configurations
from models.errors import Invalid
from models.membership import UserFilter
from models.users import Users
from models.videos import Videos
from services.adapters.queue import JobQueue
from services.audit import Audit
from services.people.administration import require_admin
from services.policies import Actor
from services.remembered import Remembered

GIB = 1024**3
# Ten videos of the largest size that 003 allows. It names no figure.
WEEKLY_BYTES = 20 * GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What is set, and where videos are: for whoever administers CLUTCH."""

    configuration: Configuration
    video_storage_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """003's dashboard: up to half a minute old, but for the queue."""

    total_users: int
    total_videos: int
    storage_used_bytes: int
    processing_queue_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationService:
    configurations: Configurations
    users: Users
    videos: Videos
    queue: JobQueue
    audit: Audit
    remembered: Remembered[str, Configuration]
    counted: Remembered[str, int]
    # MAX_VIDEO_BYTES: what the servers in front let through. An admin can allow less.
    most_bytes: int
    video_storage_path: str
    now: Callable[[], datetime]

    def limits(self) -> Configuration:
        return self.remembered.one("", self._current)

    def get(self, actor: Actor) -> Configured:
        """Raises `Forbidden` for who is no admin."""
        require_admin(actor)
        return self._said(self._current())

    def change(self, actor: Actor, changes: dict[str, Any]) -> Configured:
        """Set what is in `changes`; it holds everywhere within a second."""
        require_admin(actor)
        self._check(changes)
        values = {**changes, "updated_at": self.now(), "updated_by": actor.id}
        changed = self.configurations.change(values, self._defaults())
        self.remembered.keep("", changed)
        said = {name: str(value) for name, value in changes.items()}
        self.audit.record(Action.CONFIGURATION_CHANGED, actor_id=actor.id, **said)
        return self._said(changed)

    def statistics(self, actor: Actor) -> Statistics:
        """Raises `Forbidden` for who is no admin."""
        require_admin(actor)
        count = self.counted.one
        return Statistics(
            total_users=count("users", lambda: self.users.count(UserFilter())),
            total_videos=count("videos", self.videos.count_all),
            storage_used_bytes=count("bytes", self.videos.stored_bytes),
            processing_queue_length=self.queue.length(),
        )

    def _current(self) -> Configuration:
        found = self.configurations.get() or self._defaults()
        # MAX_VIDEO_BYTES may have become less since.
        return replace(found, max_file_size_bytes=min(found.max_file_size_bytes, self.most_bytes))

    def _defaults(self) -> Configuration:
        return Configuration(
            **ROW, max_file_size_bytes=self.most_bytes, weekly_upload_limit_bytes=WEEKLY_BYTES
        )

    def _said(self, configuration: Configuration) -> Configured:
        return Configured(configuration=configuration, video_storage_path=self.video_storage_path)

    def _check(self, changes: dict[str, Any]) -> None:
        if changes.get("max_file_size_bytes", 0) > self.most_bytes:
            message = f"At most {self.most_bytes}: MAX_VIDEO_BYTES, which the server is set up for."
            raise Invalid(message, fields={"max_file_size_bytes": [message]})
