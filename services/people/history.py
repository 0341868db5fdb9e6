"""Watch history: noting what is played, and showing it to whoever watched it (002)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.documents import After, identity
from models.errors import NotFound
from models.history import History, Watched
from models.video import Video
from models.videos import Videos
from services.policies import Actor, may_see
from services.remembered import Remembered

KEPT_PER_PERSON = 1000
# Read at once when a page is not full yet, because some of its videos are gone by now.
BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A video that somebody watched. Nobody else is ever told."""

    video: Video
    watched_at: datetime
    position_seconds: float
    # Where a page that ends with this one ends.
    place: After


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    items: Sequence[Seen]
    has_more: bool
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedHistory:
    page: HistoryPage
    # With the entries whose videos are hidden by now.
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryService:
    history: History
    videos: Videos
    # What this process has noted within the last minute: playing costs no write each time.
    noted: Remembered[tuple[str, str], bool]
    # Whether somebody wants nothing noted for now (000's settings hold it).
    is_paused: Callable[[str], bool] = lambda _user_id: False
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def note(self, actor: Actor, video: Video) -> None:
        """`actor` plays `video` now. The oldest entry makes room for the 1001st."""
        if actor.id is None or self.noted.known((actor.id, video.id)):
            return
        if self.is_paused(actor.id):
            return
        is_new = self.history.note(
            Watched(
                **identity(self.new_id()),
                user_id=actor.id,
                video_id=video.id,
                watched_at=self.now(),
            )
        )
        if is_new:
            self.history.trim(actor.id, KEPT_PER_PERSON)
        self.noted.keep((actor.id, video.id), True)

    def reach(self, actor: Actor, video: Video, position_seconds: float) -> None:
        """How far `actor` is in `video`, to go on from there another time."""
        if self.is_paused(actor.id or ""):
            return
        self.history.reach(
            Watched(
                **identity(self.new_id()),
                user_id=actor.id or "",
                video_id=video.id,
                watched_at=self.now(),
                position_seconds=min(position_seconds, video.duration_seconds),
            )
        )

    def list(
        self, actor: Actor, *, after: After | None = None, skip: int = 0, limit: int
    ) -> HistoryPage:
        """What one watched, the latest first. Videos that one may no longer see are left out."""
        found: list[Seen] = []
        most = min(skip, KEPT_PER_PERSON) + limit
        for batch in self._batches(actor.id or "", after, most + 1):
            found += self._shown(actor, batch)
            if len(found) > most:
                break
        items = found[most - limit : most]
        end = items[-1].place if items else None
        return HistoryPage(items=items, has_more=len(found) > most, end=end)

    def numbered(
        self, actor: Actor, *, after: After | None = None, skip: int = 0, limit: int
    ) -> NumberedHistory:
        """A page, and how many entries there are."""
        page = self.list(actor, after=after, skip=skip, limit=limit)
        return NumberedHistory(page=page, total=self.history.count_of(actor.id or ""))

    def remove(self, actor: Actor, reference: str) -> None:
        """Forget that one watched a video, whatever has become of that. Raises `NotFound`."""
        video = self.videos.get(reference)
        video_id = video.id if video else reference
        if not self.history.remove(actor.id or "", video_id):
            raise NotFound("This is not in your history.")
        self.noted.forget((actor.id or "", video_id))

    def clear(self, actor: Actor) -> None:
        """Forget all that one watched."""
        self.history.forget_all_of(actor.id or "")

    def _batches(self, user_id: str, after: After | None, first: int) -> Iterator[list[Watched]]:
        """As a rule one is enough; however many videos are gone, it is six at most."""
        size = first
        while batch := self.history.newest_of(user_id, after=after, limit=size):
            yield batch
            if len(batch) < size:
                return
            after, size = After(batch[-1].watched_at, batch[-1].oid), BATCH

    def _shown(self, actor: Actor, entries: Sequence[Watched]) -> list[Seen]:
        videos = self.videos.by_ids(entry.video_id for entry in entries)
        return [
            Seen(
                video=video,
                watched_at=entry.watched_at,
                position_seconds=entry.position_seconds,
                place=After(entry.watched_at, entry.oid),
            )
            for entry in entries
            if (video := videos.get(entry.video_id)) is not None and may_see(actor, video)
        ]
