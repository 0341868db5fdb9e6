"""Everything CLUTCH knows of a person, for that person (GDPR, article 20)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from models.audit import Action, AuditEntry, AuditLog
from models.broadcasts import Broadcast, Broadcasts
from models.comment import Comment
from models.comments import Comments
from models.documents import After
from models.errors import NotFound
from models.history import History, Watched
from models.invitations import Invitation, Invitations
from models.notifications import Notification, Notifications
from models.playlist_items import PlaylistItem, PlaylistItems
from models.playlists import Playlist, Playlists
from models.sessions import Session, Sessions
from models.shares import Share, Shares
from models.user import User
from models.users import Users
from models.video import Video
from models.videos import Videos
from services.audit import Audit
from services.policies import Actor

BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Read as it is written: what is long is never in memory as a whole."""

    user: User
    at: datetime
    sessions: Iterator[Session]
    invitations: Iterator[Invitation]
    videos: Iterator[Video]
    live_streams: Iterator[Broadcast]
    history: Iterator[Watched]
    comments: Iterator[Comment]
    playlists: Iterator[Playlist]
    playlist_items: Iterator[PlaylistItem]
    shares: Iterator[Share]
    notifications: Iterator[Notification]
    audit: Iterator[AuditEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportService:
    users: Users
    sessions: Sessions
    invitations: Invitations
    videos: Videos
    broadcasts: Broadcasts
    history: History
    comments: Comments
    playlists: Playlists
    playlist_items: PlaylistItems
    shares: Shares
    notifications: Notifications
    log: AuditLog
    audit: Audit
    now: Callable[[], datetime]

    def of(self, actor: Actor) -> Export:
        """One's own data."""
        user = self.users.get(actor.id or "")
        if user is None:
            raise NotFound("User not found")
        self.audit.record(Action.EXPORTED, user_id=user.id, actor_id=actor.id)
        return Export(
            user=user,
            at=self.now(),
            sessions=self.sessions.every_one_of(user.id),
            invitations=iter(self.invitations.made_by(user.id)),
            videos=self.videos.every_one_of(user.id),
            live_streams=self.broadcasts.every_one_of(user.id),
            history=self._watched(user.id),
            comments=self.comments.every_one_of(user.id),
            playlists=self.playlists.every_one_of(user.id),
            playlist_items=self.playlist_items.every_one_of(user.id),
            shares=self.shares.every_one_of(user.id),
            notifications=self.notifications.every_one_of(user.id),
            audit=self.log.every_one_of(user.id),
        )

    def _watched(self, user_id: str) -> Iterator[Watched]:
        after: After | None = None
        while batch := self.history.newest_of(user_id, after=after, limit=BATCH):
            yield from batch
            after = After(batch[-1].watched_at, batch[-1].oid)
