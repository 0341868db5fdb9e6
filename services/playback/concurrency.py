"""How many streams one person may watch at a time: places, which players hold by heartbeats.

A place is taken when a stream is opened, held for `lease` after each heartbeat, and free again when
the player says that it stops, or is not heard of any more. A device that opens another video while
all places are taken moves its own place there; its player of the first one, if it is still there,
is told to stop by its next heartbeat.

A playback link cannot be taken back, so while there is a limit links are short, and each heartbeat
brings the next one (docs/streams.md).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.errors import NotFound, StreamLimitReached
from models.video import Video
from services.accounts.sessions import SessionService
from services.adapters.stream_leases import StreamLeases, Watching
from services.policies import Actor

STREAM_ID_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    leases: StreamLeases
    sessions: SessionService
    secret: str
    # 0: nobody is counted.
    limit: int
    lease: timedelta
    now: Callable[[], datetime]

    @property
    def heartbeat_seconds(self) -> int:
        """Two heartbeats may get lost."""
        return max(1, int(self.lease.total_seconds()) // 3)

    def stream_id(self, actor: Actor, video: Video) -> str:
        """The same for a device that opens the same video again.

        Signed: who knows it has opened the stream, with a playback token.
        """
        said = f"{actor.id} {actor.session_id} {video.id}".encode()
        digest = hmac.digest(f"stream {self.secret}".encode(), said, hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:STREAM_ID_BYTES]).decode().rstrip("=")

    def is_of(self, actor: Actor, video: Video, stream_id: str) -> bool:
        """Whether it is what this device was told when it opened the video."""
        return hmac.compare_digest(stream_id.encode(), self.stream_id(actor, video).encode())

    def open(self, actor: Actor, video: Video) -> None:
        """Take a place. Raises `StreamLimitReached` when others have them all."""
        self._take(actor, video, opens=True)

    def renew(self, actor: Actor, video: Video, stream_id: str) -> None:
        """Keep a place, or get it back. Raises `NotFound` for a stream of another device."""
        if not self.is_of(actor, video, stream_id):
            raise NotFound("This is no stream of yours on this device. Open the video again.")
        self._take(actor, video, opens=False)

    def end(self, actor: Actor, stream_id: str) -> None:
        """Free a place: of this device, or, from its list of what is in the way, of another."""
        if self.limit and actor.id:
            self.leases.end(actor.id, stream_id)

    def _take(self, actor: Actor, video: Video, *, opens: bool) -> None:
        if not self.limit or actor.id is None:
            return
        now = self.now()
        stream = Watching(
            stream_id=self.stream_id(actor, video),
            video_id=video.id,
            title=video.title,
            session_id=actor.session_id,
            began_at=now,
        )
        others = self.leases.take(
            actor.id, stream, limit=self.limit, until=now + self.lease, opens=opens
        )
        if others:
            raise self._refusal(actor, others)

    def _refusal(self, actor: Actor, others: Sequence[Watching]) -> StreamLimitReached:
        devices = {session.id: session.device for session in self.sessions.list(actor)}
        streams = "one stream" if self.limit == 1 else f"{self.limit} streams"
        return StreamLimitReached(
            f"Your account plays {streams} at a time, and that many are playing already."
            " Stop one of them and try again.",
            details={
                "limit": self.limit,
                "streams": [
                    {
                        "stream_id": other.stream_id,
                        "video_id": other.video_id,
                        "title": other.title,
                        "device": devices.get(other.session_id, ""),
                        "began_at": other.began_at.isoformat(),
                    }
                    for other in others
                ],
            },
        )
