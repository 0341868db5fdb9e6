"""Notifications: telling somebody what happened, once, and showing them what they were told.

Who does not want to know is not told (000's settings), nor is anybody told of themselves, or of
somebody whom they have blocked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.blocks import Blocks
from models.documents import After, identity
from models.errors import Invalid, NotFound
from models.notifications import Notification, NotificationKind, Notifications
from models.recipients import Recipient, Recipients
from models.user import Author
from models.users import Users
from models.video import Video
from models.videos import Videos
from services.adapters.events import Events
from services.policies import Actor, may_see
from services.social.sentences import sentence

# Within this, what is of one kind and about one thing is one notification.
WINDOW = timedelta(hours=24)
VIDEO, COMMENT, USER = "video", "comment", "user"
# How far numbered pages reach.
REACH = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What an event is about. A comment's `video_id` is the video that it is under."""

    type: str = ""
    id: str = ""
    video_id: str | None = None


NOTHING = Target()


def video_target(video_id: str) -> Target:
    return Target(type=VIDEO, id=video_id, video_id=video_id)


def user_target(user_id: str) -> Target:
    return Target(type=USER, id=user_id)


def comment_target(comment_id: str, video_id: str) -> Target:
    return Target(type=COMMENT, id=comment_id, video_id=video_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notification with what it names; who or what is gone by now is left out."""

    notification: Notification
    actors: Sequence[Author]
    video: Video | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationPage:
    items: Sequence[Told]
    total: int
    unread: int
    has_more: bool
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationService:
    notifications: Notifications
    recipients: Recipients
    blocks: Blocks
    users: Users
    videos: Videos
    events: Events
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def notify(
        self,
        user_id: str,
        kind: NotificationKind,
        actor_id: str | None = None,
        target: Target = NOTHING,
        *,
        event_id: str = "",
        at: datetime | None = None,
        text: str = "",
    ) -> None:
        """Tell `user_id` that `actor_id` did something to `target`, unless they do not want it.

        `event_id` tells one event from another (a comment's id); without it, somebody can do it to
        a target once within the window. `at` is when it happened: with both, telling of an event
        again, however late, changes nothing.
        """
        if actor_id == user_id:
            return
        recipient = self.recipients.one(user_id)
        if recipient is None or not wants(recipient, kind):
            return
        if actor_id and self.blocks.holds(user_id, actor_id):
            return
        event = event_id or actor_id or target.id or self.new_id()
        told = self.notifications.tell(
            self.row(recipient, kind, actor_id, target, at=at or self.now(), text=text), event
        )
        if told is None or not recipient.settings.notifications.push:
            return
        if kind is not NotificationKind.LIKE or _is_milestone(told.count):
            self.push(told)

    def row(
        self,
        recipient: Recipient,
        kind: NotificationKind,
        actor_id: str | None,
        target: Target,
        *,
        at: datetime,
        text: str = "",
    ) -> Notification:
        """As the first event of its group begins it."""
        new_id = self.new_id()
        return Notification(
            **identity(new_id),
            user_id=recipient.id,
            kind=kind,
            group=_group(kind, target, at, new_id),
            target_type=target.type,
            target_id=target.id,
            video_id=target.video_id,
            actor_ids=(actor_id,) if actor_id else (),
            text=text,
            created_at=at,
            updated_at=at,
            digest=recipient.settings.notifications.email,
        )

    def push(self, told: Notification) -> None:
        """To wherever they are connected."""
        (shown,) = self._shown(Actor(id=told.user_id), [told])
        self.events.publish(f"user:{told.user_id}", event_of(shown))

    def list(
        self,
        actor: Actor,
        *,
        unread: bool = False,
        after: After | None = None,
        skip: int = 0,
        limit: int,
    ) -> NotificationPage:
        """What one was told, the latest first. Raises `Invalid` for a page too far down."""
        if skip >= REACH:
            raise Invalid(
                "Numbered pages do not reach so far. Send the cursor of the page before.",
                fields={"page": ["Too far down: go on with `cursor`."]},
            )
        mine = actor.id or ""
        found = self.notifications.newest_of(
            mine, unread=unread, after=after, skip=skip, limit=limit + 1
        )
        shown, waiting = found[:limit], self.unread(actor)
        return NotificationPage(
            items=self._shown(actor, shown),
            total=waiting if unread else self.notifications.count_of(mine, unread=False),
            unread=waiting,
            has_more=len(found) > limit,
            end=After(shown[-1].updated_at, shown[-1].oid) if shown else None,
        )

    def unread(self, actor: Actor) -> int:
        """How many one has not read, exactly."""
        return self.notifications.count_of(actor.id or "", unread=True)

    def read(self, actor: Actor, ids: Sequence[str], before: datetime | None) -> int:
        """Mark these as read; without any, all until `before`, or until now. Answers the rest.

        Ids that are not one's own, or are gone, are left alone.
        """
        if ids:
            self.notifications.read(actor.id or "", ids)
        else:
            self.notifications.read_until(actor.id or "", before or self.now())
        return self.unread(actor)

    def remove(self, actor: Actor, reference: str) -> int:
        """Forget one; answers how many are unread then. Raises `NotFound`."""
        if not self.notifications.remove(actor.id or "", reference):
            raise NotFound("Notification not found")
        return self.unread(actor)

    def clear(self, actor: Actor) -> int:
        """Forget all that one was told."""
        self.notifications.clear(actor.id or "")
        return self.unread(actor)

    def in_words(self, actor: Actor, rows: Sequence[Notification]) -> Sequence[str]:
        """What each says."""
        return [told.message for told in self._shown(actor, rows)]

    def _shown(self, actor: Actor, rows: Sequence[Notification]) -> Sequence[Told]:
        """Two queries, whatever their number."""
        authors = self.users.authors(one for row in rows for one in row.actor_ids)
        videos = self.videos.by_ids(row.video_id for row in rows if row.video_id)
        return [_told(actor, row, authors, videos) for row in rows]


def wants(recipient: Recipient, kind: NotificationKind) -> bool:
    """000's settings by kind. What a system has to say, and one's own videos, are always told."""
    if not recipient.is_active or recipient.deleted_at is not None:
        return False
    chosen, general = recipient.settings.notifications, recipient.preferences.notifications
    if kind in {NotificationKind.COMMENT, NotificationKind.REPLY}:
        return general and chosen.comments
    if kind is NotificationKind.FOLLOWER:
        return general and chosen.followers
    return general or kind not in {NotificationKind.LIKE, NotificationKind.NEW_VIDEO}


def event_of(told: Told) -> dict[str, Any]:
    """What a WebSocket says of it, in 000's spelling."""
    row = told.notification
    return {
        "type": "notification",
        "notification": {
            "id": row.id,
            "kind": row.kind,
            "message": told.message,
            "count": row.count,
            "target_type": row.target_type,
            "target_id": row.target_id,
            "video_id": row.video_id,
            "updated_at": row.updated_at,
            "read": row.read,
        },
    }


def _is_milestone(count: int) -> bool:
    """1, 2, 5, 10, 20, 50 ...: who is liked by thousands is not told a thousand times."""
    digits = str(count)
    return digits[0] in "125" and not digits[1:].strip("0")


def _group(kind: NotificationKind, target: Target, at: datetime, new_id: str) -> str:
    if kind is NotificationKind.SYSTEM:
        return f"{kind}:{target.id or new_id}"
    window = int(at.timestamp() // WINDOW.total_seconds())
    return f"{kind}:{target.id}:{window}"


def _told(
    actor: Actor, row: Notification, authors: dict[str, Author], videos: dict[str, Video]
) -> Told:
    video = videos.get(row.video_id or "")
    video = video if video and may_see(actor, video) else None
    ids = dict.fromkeys(row.actor_ids)
    named = [authors[one] for one in ids if one in authors and authors[one].deleted_at is None]
    names = [author.display_name or author.username for author in named]
    title = video.title if video else ""
    said = sentence(row.kind, names, row.count, title, comment=row.target_type == COMMENT)
    return Told(notification=row, actors=named, video=video, message=row.text or said)
