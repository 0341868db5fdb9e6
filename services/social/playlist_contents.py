"""What is in a playlist: adding, moving and removing videos, and going through them in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.database import Transactions, Within
from models.documents import After, identity
from models.errors import Conflict, Invalid, NotFound
from models.playlist_items import PlaylistItem, PlaylistItems
from models.playlists import Playlist
from models.ranks import between
from models.videos import Videos
from services.policies import Actor, may_see
from services.social.playlists import PlaylistService
from services.videos.catalogue import CatalogueService, VideoPage
from services.videos.visible import visible

MOST_ITEMS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPage:
    """A place in a list. `video` is None where `actor` may not see it, or it is gone."""

    item: PlaylistItem
    video: VideoPage | None
    # Of an addition: whether it was not there before.
    is_new: bool = False

    @property
    def is_available(self) -> bool:
        return self.video is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemList:
    items: Sequence[ItemPage]
    total: int
    has_more: bool
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something goes: at the end, at the beginning, or behind the item `after`."""

    first: bool = False
    after: str | None = None


LAST = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistContents:
    lists: PlaylistService
    items: PlaylistItems
    videos: Videos
    catalogue: CatalogueService
    transactions: Transactions
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def list(
        self,
        actor: Actor,
        reference: str,
        *,
        after: After | None = None,
        skip: int = 0,
        limit: int,
    ) -> ItemList:
        """What is in a list, in its order. Raises `NotFound`."""
        playlist = self.lists.visible(actor, reference)
        start = str(after.value) if after else ""
        # No list is so long that skipping would take long.
        skip = min(skip, MOST_ITEMS)
        found = self.items.page(playlist.id, after=start, skip=skip, limit=limit + 1)
        shown = found[:limit]
        return ItemList(
            items=self._pages(actor, shown),
            total=playlist.item_count,
            has_more=len(found) > limit,
            end=After(shown[-1].rank, shown[-1].oid) if shown else None,
        )

    def add(
        self,
        actor: Actor,
        reference: str,
        video: str,
        place: Place = LAST,
        request_id: str = "",
    ) -> ItemPage:
        """Put a video into one's own list. Where it is in it already, and may be once, it stays.

        Where it may be in it more than once, the same `request_id` is the same addition. Raises
        `NotFound` for a list or a video that one may not see, `Invalid` for a place that is not
        there, `Conflict` where the list is full.
        """
        playlist = self.lists.own(actor, reference)
        found = visible(actor, self.videos.get(video))
        copy = (request_id or self.new_id()) if playlist.allows_duplicates else ""
        added = self.transactions.run(
            lambda within: self._add(playlist, found.id, copy, place, within)
        )
        known = None if added else self.items.of_video(playlist.id, found.id, copy)
        item = added or known
        if item is None:
            raise Conflict("The playlist was changed meanwhile. Please try again.")
        (page,) = self._pages(actor, [item], is_new=added is not None)
        return page

    def move(self, actor: Actor, reference: str, item: str, place: Place) -> ItemPage:
        """Put something in one's own list elsewhere in it; nothing else is touched.

        Raises `NotFound`, `Forbidden`, or `Invalid` for a place that is not there.
        """
        playlist = self.lists.own(actor, reference)
        moved = self.transactions.run(lambda within: self._move(playlist, item, place, within))
        (page,) = self._pages(actor, [moved])
        return page

    def remove(self, actor: Actor, reference: str, item: str) -> None:
        """Take something out of one's own list: an item, or a video wherever it comes first.

        Raises `NotFound` or `Forbidden`.
        """
        playlist = self.lists.own(actor, reference)
        self.transactions.run(lambda within: self._remove(playlist, item, within))

    def _add(
        self, playlist: Playlist, video_id: str, copy: str, place: Place, within: Within
    ) -> PlaylistItem | None:
        """None if it is there already."""
        if self.items.of_video(playlist.id, video_id, copy, within):
            return None
        held = self._held(playlist, 1, within)
        if held.item_count > MOST_ITEMS:
            raise Conflict(f"A playlist holds {MOST_ITEMS:,} videos at most.")
        item = PlaylistItem(
            **identity(self.new_id()),
            playlist_id=playlist.id,
            owner_id=playlist.owner_id,
            video_id=video_id,
            rank=self._rank(playlist, place, None, within),
            added_at=self.now(),
            copy=copy,
        )
        self.items.add(item, within)
        self._cover(playlist, within)
        return item

    def _move(
        self, playlist: Playlist, reference: str, place: Place, within: Within
    ) -> PlaylistItem:
        self._held(playlist, 0, within)
        item = self._found(playlist, reference, within)
        if place.after in {item.id, item.oid}:
            return item
        self.items.move(item, self._rank(playlist, place, item, within), within)
        self._cover(playlist, within)
        return self._found(playlist, item.id, within)

    def _remove(self, playlist: Playlist, reference: str, within: Within) -> None:
        self._held(playlist, -1, within)
        self.items.remove(self._found(playlist, reference, within), within)
        self._cover(playlist, within)

    def _held(self, playlist: Playlist, added: int, within: Within) -> Playlist:
        """The list, which nobody else changes before this is done."""
        held = self.lists.playlists.hold(playlist.id, added, self.now(), within)
        if held is None:
            raise NotFound("Playlist not found")
        return held

    def _found(self, playlist: Playlist, reference: str, within: Within) -> PlaylistItem:
        """An item by either id of its own, or of its video."""
        item = self.items.get(playlist.id, reference, within)
        if item is None:
            # What is deleted is found by the id that the list shows.
            video = self.videos.get(reference)
            video_id = video.id if video else reference
            item = self.items.of_video(playlist.id, video_id, within=within)
        if item is None:
            raise NotFound("This is not in the playlist.")
        return item

    def _rank(
        self, playlist: Playlist, place: Place, moved: PlaylistItem | None, within: Within
    ) -> str:
        """A rank for `place`, as if what is moved were not in the list."""
        if place.after:
            before = self.items.get(playlist.id, place.after, within)
            if before is None:
                message = "This is not in the playlist."
                raise Invalid(message, fields={"after": [message]})
            behind = self._but(moved, self.items.behind(before, within), within)
            return between(before.rank, behind and behind.rank)
        if place.first:
            first = self._but(moved, self.items.first(playlist.id, within), within)
            return between(None, first and first.rank)
        last = self.items.last(playlist.id, within)
        if moved and last and last.id == moved.id:
            return moved.rank
        return between(last and last.rank, None)

    def _but(
        self, moved: PlaylistItem | None, found: PlaylistItem | None, within: Within
    ) -> PlaylistItem | None:
        """`found`, or what is behind it if that is what moves."""
        if moved and found and found.id == moved.id:
            return self.items.behind(found, within)
        return found

    def _cover(self, playlist: Playlist, within: Within) -> None:
        first = self.items.first(playlist.id, within)
        self.lists.playlists.show_first(playlist.id, first and first.video_id, within)

    def _pages(
        self, actor: Actor, items: Sequence[PlaylistItem], *, is_new: bool = False
    ) -> Sequence[ItemPage]:
        """Two queries, whatever their number."""
        known = self.videos.by_ids(item.video_id for item in items)
        seen = [video for video in known.values() if may_see(actor, video)]
        pages = {page.video.id: page for page in self.catalogue.pages(actor, seen)}
        return [
            ItemPage(item=item, video=pages.get(item.video_id), is_new=is_new) for item in items
        ]
