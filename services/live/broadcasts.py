"""Live streams, as who sends them deals with them: a key, an address, how it goes, its end.

The key is shown once, and kept as a hash. What is sent must name it: `<video id>?key=<key>`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from models.broadcasts import Broadcast, Broadcasts
from models.documents import identity
from models.errors import Conflict, Invalid, NotFound
from models.users import Users
from models.video import LiveStatus, ProcessingStatus, Video, Visibility
from models.videos import Videos
from services.live.audience import Audience, is_on_air
from services.live.ending import EndingService
from services.people.activity import Activity
from services.policies import Actor, is_public, may_edit
from services.videos.catalogue import CatalogueService, VideoPage
from services.videos.describing import Describing, Details
from services.videos.editing import EditingService

KEY_BYTES = 24
LIST_LIMIT = 100
# For who begins to send, and is carried a moment later.
LEASE = timedelta(seconds=15)
# A server that it is fetched from says so again this often, thrice over (deploy/rtmp.conf).
ARRIVAL = timedelta(seconds=30)
NOT_ENCRYPTED = "A live stream is not encrypted; its replay can be."
NOT_SCHEDULED = "Choose public, unlisted or private: a live stream begins when you send it."
OVER = "This live stream is over. Create another."


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePage:
    """A live stream as `actor` meets it; `key` and `ingest_url` only where they are shown."""

    page: VideoPage
    broadcast: Broadcast
    viewer_count: int
    ingest_url: str = ""
    key: str = ""

    @property
    def stream_key(self) -> str:
        """What an encoder is told, beside the address."""
        return f"{self.broadcast.video_id}?key={self.key}" if self.key else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastService:
    broadcasts: Broadcasts
    videos: Videos
    users: Users
    catalogue: CatalogueService
    editing: EditingService
    describing: Describing
    audience: Audience
    ending: EndingService
    activity: Activity
    # How many of one person's may be open.
    per_person: int
    ingest_url: str
    secret: str
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def create(self, actor: Actor, details: Details, *, keep_replay: bool) -> LivePage:
        """A video to be sent live. Raises `Invalid`, or `Conflict` for too many at a time."""
        _check(details)
        self.describing.check(details)
        if self.broadcasts.open_of(actor.id or "") >= self.per_person:
            raise Conflict(
                f"You have {self.per_person} live streams that are not over. End one of them first."
            )
        key, now, video_id = secrets.token_urlsafe(KEY_BYTES), self.now(), self.new_id()
        video = Video(
            **identity(video_id),
            author_id=actor.id or "",
            **self.describing.fields_of(details),
            created_at=now,
            updated_at=now,
            processing_status=ProcessingStatus.READY,
            live_status=LiveStatus.WAITING,
        )
        broadcast = Broadcast(
            **identity(self.new_id()),
            video_id=video_id,
            author_id=video.author_id,
            key_hash=_hash(key),
            created_at=now,
            keep_replay=keep_replay,
        )
        self.broadcasts.add(broadcast)
        self.videos.add(video)
        self.activity.note(actor)
        return self._own(actor, video, broadcast, key)

    def show(self, actor: Actor, reference: str) -> LivePage:
        """How it stands. Raises `NotFound` for what is not there, or was never to be live."""
        video = self.catalogue.visible(actor, reference)
        broadcast = self._of(video)
        if may_edit(actor, video):
            return self._own(actor, video, broadcast)
        page = self.catalogue.get(actor, reference)
        return LivePage(page=page, broadcast=broadcast, viewer_count=self._viewers(video))

    def live_now(self, limit: int) -> list[LivePage]:
        """What everybody may watch live at this moment, the latest first."""
        found = self.broadcasts.live_now(min(limit, LIST_LIMIT))
        videos = self.videos.by_ids([one.video_id for one in found])
        authors = self.users.authors([video.author_id for video in videos.values()])
        return [
            LivePage(
                page=VideoPage(video=video, author=authors.get(video.author_id)),
                broadcast=one,
                viewer_count=self._viewers(video),
            )
            for one in found
            if (video := videos.get(one.video_id)) and is_public(video)
        ]

    def new_key(self, actor: Actor, reference: str) -> LivePage:
        """Another key; the old one opens nothing any more. Raises `Conflict` after the end."""
        video = self.editing.editable(actor, reference)
        self._of(video)
        key = secrets.token_urlsafe(KEY_BYTES)
        changed = self.broadcasts.change_key(video.id, _hash(key))
        if changed is None:
            raise Conflict(OVER)
        return self._own(actor, video, changed, key)

    def end(self, actor: Actor, reference: str) -> LivePage:
        """End it now; ending it twice is no error."""
        video = self.editing.editable(actor, reference)
        broadcast = self._of(video)
        ended = self.ending.end(video.id, "ended")
        return self._own(actor, video, ended or broadcast)

    # What is sent

    def admit(self, said: str) -> Broadcast | None:
        """Who sends this may: `<video id>?key=<key>`. They hold it then, under a lease."""
        broadcast = self._named(said)
        if broadcast is None or not self.users.is_active(broadcast.author_id):
            return None
        now = self.now()
        # As it was read: a key that was changed in between does not count.
        only = {"key_hash": broadcast.key_hash}
        until, lease = now + LEASE, self.new_id()
        return self.broadcasts.claim(broadcast.video_id, lease, now=now, until=until, only=only)

    def arrive(self, said: str, *, is_there: bool) -> bool:
        """Somebody begins, or ceases, to send it to a server that we fetch it from."""
        broadcast = self._named(said)
        if broadcast is None or (is_there and not self.users.is_active(broadcast.author_id)):
            return False
        if is_there:
            self.broadcasts.arrive(broadcast.video_id, self.now() + ARRIVAL)
        else:
            self.broadcasts.leave(broadcast.video_id)
        return True

    def may_stay(self, said: str, ticket: str) -> bool:
        """Whether who sends it to such a server, or fetches it there, may go on.

        Not with a key that was changed, nor after the end, nor what nobody could watch.
        """
        broadcast = self._named(said)
        if broadcast is None:
            return self.may_fetch(said.partition("?")[0], ticket)
        return self.broadcasts.stay(broadcast.video_id, self.now() + ARRIVAL)

    def next_to_fetch(self) -> Broadcast | None:
        """A stream that has arrived and that nobody carries, under a lease."""
        now = self.now()
        for video_id in self.broadcasts.to_fetch(now, LIST_LIMIT):
            held = self.broadcasts.claim(
                video_id, self.new_id(), now=now, until=now + LEASE, only={"arrived": True}
            )
            if held:
                return held
        return None

    def refuse(self, held: Broadcast, problem: str) -> None:
        """Let go of what cannot be carried; whoever sends it finds out why."""
        self.broadcasts.drop(held.video_id, held.lease or "", self.now(), problem)

    def address_at(self, url: str, held: Broadcast) -> str:
        """Where to fetch it from the server at `url`, which asks us who may."""
        return f"{url.rstrip('/')}/{held.video_id}?ticket={self._ticket(held.video_id)}"

    def may_fetch(self, video_id: str, ticket: str) -> bool:
        """Whether this came from `address_at`: viewers have no business there."""
        return hmac.compare_digest(ticket.encode(), self._ticket(video_id).encode())

    def _ticket(self, video_id: str) -> str:
        said = f"fetch {video_id}".encode()
        return hmac.digest(self.secret.encode(), said, hashlib.sha256).hex()

    def _named(self, said: str) -> Broadcast | None:
        video_id, _, query = said.partition("?")
        key = parse_qs(query).get("key", [""])[0]
        found = self.broadcasts.of(video_id)
        if found is None or not found.open or self.videos.get(video_id) is None:
            return None
        return found if hmac.compare_digest(found.key_hash, _hash(key)) else None

    def _of(self, video: Video) -> Broadcast:
        found = self.broadcasts.of(video.id) if video.live_status else None
        if found is None:
            raise NotFound("This video is no live stream.")
        return found

    def _viewers(self, video: Video) -> int:
        return self.audience.count(video.id) if is_on_air(video) else 0

    def _own(self, actor: Actor, video: Video, broadcast: Broadcast, key: str = "") -> LivePage:
        page = self.catalogue.get(actor, video.id)
        return LivePage(
            page=replace(page, is_editable=True),
            broadcast=broadcast,
            viewer_count=self._viewers(video),
            ingest_url=self.ingest_url,
            key=key,
        )


def _check(details: Details) -> None:
    if details.drm_enabled:
        raise Invalid(NOT_ENCRYPTED, fields={"drm_enabled": [NOT_ENCRYPTED]})
    if details.visibility is Visibility.SCHEDULED:
        raise Invalid(NOT_SCHEDULED, fields={"visibility": [NOT_SCHEDULED]})


def _hash(key: str) -> str:
    # What is random and this long needs no slow hash.
    return hashlib.sha256(key.encode()).hexdigest()
