"""Playlists: making, finding, changing and removing them. Everybody has one to watch later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.database import Transactions, Within
from models.documents import After, Document, identity
from models.errors import Conflict, Forbidden, Invalid, NotFound
from models.playlist_items import PlaylistItems
from models.playlists import Playlist, PlaylistKind, Playlists, PlaylistVisibility
from models.user import Author
from models.users import Users
from models.video import Video
from models.videos import Videos
from services.people.people import PeopleService
from services.policies import Actor, may_open, may_see, owns_playlist

# Names one's own list of what to watch later, wherever an id of a list is asked for.
WATCH_LATER = "watch-later"
ME = "me"
MOST = 1_000
# How far numbered pages reach.
REACH = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistPage:
    """A list as `actor` meets it. The cover is None where they may not see that video."""

    playlist: Playlist
    owner: Author | None
    cover: Video | None
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistList:
    items: Sequence[PlaylistPage]
    total: int
    has_more: bool
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What somebody says of a list. What is None stays as it is."""

    title: str | None = None
    description: str | None = None
    visibility: PlaylistVisibility | None = None
    allows_duplicates: bool | None = None

    @property
    def values(self) -> Document:
        names = ("title", "description", "visibility", "allows_duplicates")
        return {name: said for name in names if (said := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistService:
    playlists: Playlists
    items: PlaylistItems
    users: Users
    videos: Videos
    people: PeopleService
    transactions: Transactions
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def create(self, actor: Actor, wording: Wording) -> PlaylistPage:
        """A new list of one's own. Raises `Conflict` for one too many."""
        if self.playlists.count_of(actor.id or "") >= MOST:
            raise Conflict(f"You have {MOST:,} playlists. Remove one to make another.")
        now = self.now()
        playlist = Playlist(
            **identity(self.new_id()),
            owner_id=actor.id or "",
            created_at=now,
            updated_at=now,
            **wording.values,
        )
        self.playlists.add(playlist)
        return self.page(actor, playlist)

    def get(self, actor: Actor, reference: str) -> PlaylistPage:
        """One list by either id; raises `NotFound` for one that is another's own affair."""
        return self.page(actor, self.visible(actor, reference))

    def list(
        self,
        actor: Actor,
        reference: str = ME,
        *,
        after: After | None = None,
        skip: int = 0,
        limit: int,
    ) -> PlaylistList:
        """Somebody's lists, the newest first: all of one's own, of others the public ones.

        Raises `NotFound` where the profile is hidden, `Invalid` for a page too far down.
        """
        if skip >= REACH:
            raise Invalid(
                "Numbered pages do not reach so far. Send the cursor of the page before.",
                fields={"page": ["Too far down: go on with `cursor`."]},
            )
        mine = reference in {ME, actor.id}
        owner_id = (actor.id or "") if mine else self.people.visible(actor, reference).id
        shown_to = None if owner_id == actor.id else PlaylistVisibility.PUBLIC
        if owner_id == actor.id:
            self.watch_later(actor)
        found = self.playlists.listed(owner_id, shown_to, after=after, skip=skip, limit=limit + 1)
        shown = found[:limit]
        return PlaylistList(
            items=self.pages(actor, shown),
            total=self.playlists.count_of(owner_id, shown_to),
            has_more=len(found) > limit,
            end=After(shown[-1].created_at, shown[-1].oid) if shown else None,
        )

    def change(self, actor: Actor, reference: str, wording: Wording) -> PlaylistPage:
        """Say something else of one's own list.

        Raises `NotFound`, or `Forbidden` for another's and for the one to watch later.
        """
        playlist = self.custom(actor, reference)
        changed = self.playlists.change(playlist.id, wording.values | {"updated_at": self.now()})
        if changed is None:
            raise _not_found()
        return self.page(actor, changed)

    def remove(self, actor: Actor, reference: str) -> None:
        """Remove one's own list, and what is in it. Raises as `change` does."""
        playlist = self.custom(actor, reference)

        def remove(within: Within) -> None:
            if self.playlists.remove(playlist.id, within):
                self.items.remove_all(playlist.id, within)

        self.transactions.run(remove)

    def visible(self, actor: Actor, reference: str) -> Playlist:
        """Raises `NotFound`."""
        if reference == WATCH_LATER and actor.id:
            return self.watch_later(actor)
        playlist = self.playlists.get(reference)
        if playlist is None or not may_open(actor, playlist):
            raise _not_found()
        return playlist

    def own(self, actor: Actor, reference: str) -> Playlist:
        """Raises `NotFound`, or `Forbidden` for one that is shown, and another's."""
        playlist = self.visible(actor, reference)
        if not owns_playlist(actor, playlist):
            raise Forbidden("You can change your own playlists only.")
        return playlist

    def custom(self, actor: Actor, reference: str) -> Playlist:
        """One's own, made by oneself."""
        playlist = self.own(actor, reference)
        if playlist.kind is not PlaylistKind.CUSTOM:
            raise Forbidden("This playlist is built in: only what is in it can be changed.")
        return playlist

    def watch_later(self, actor: Actor) -> Playlist:
        """One's own; it is there from the first time that somebody asks."""
        now = self.now()
        return self.playlists.built_in(
            Playlist(
                **identity(self.new_id()),
                owner_id=actor.id or "",
                kind=PlaylistKind.WATCH_LATER,
                title="Watch later",
                created_at=now,
                updated_at=now,
            )
        )

    def page(self, actor: Actor, playlist: Playlist) -> PlaylistPage:
        return self.pages(actor, [playlist])[0]

    def pages(self, actor: Actor, playlists: Sequence[Playlist]) -> Sequence[PlaylistPage]:
        """As they are shown: two queries, whatever their number."""
        owners = self.users.authors(playlist.owner_id for playlist in playlists)
        covers = self.videos.by_ids(one.cover_video_id for one in playlists if one.cover_video_id)
        return [
            PlaylistPage(
                playlist=playlist,
                owner=owners.get(playlist.owner_id),
                cover=_visible(actor, covers.get(playlist.cover_video_id or "")),
                is_own=owns_playlist(actor, playlist),
            )
            for playlist in playlists
        ]


def _visible(actor: Actor, video: Video | None) -> Video | None:
    return video if video is not None and may_see(actor, video) else None


def _not_found() -> NotFound:
    return NotFound("Playlist not found")
