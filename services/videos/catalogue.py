"""Finding videos: the dashboard, lists, the feed and one video's page.

What these answer are read models: a video together with all that a family may show beside it, so
that writing an answer asks nothing more of the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.documents import After
from models.listings import NEWEST, Listing
from models.reactions import Choice
from models.user import Author
from models.users import Users
from models.video import Video
from models.videos import Videos
from services.accounts.tokens import Tokens
from services.policies import Actor, may_edit, may_watch
from services.remembered import Remembered
from services.videos.own_reactions import OwnReactions
from services.videos.shelf import Shelf
from services.videos.visible import visible


# No `eq`: one page is told from another by which object it is, which costs nothing.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoPage:
    """One video as `actor` meets it.

    `playback_token` is None for who may not watch it, and in long lists, where signing one for
    each video would cost more than finding them.
    """

    video: Video
    author: Author | None
    playback_token: str | None = None
    # The owner and staff also see how processing goes.
    is_editable: bool = False
    # What `actor` thinks of it; None in lists, and for visitors.
    reaction: Choice | None = None
    # Whether others are shown this same object, for as long as it is on the shelf.
    is_shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoList:
    items: Sequence[VideoPage]
    has_more: bool
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedList:
    videos: VideoList
    # None where nobody asked.
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A page of a list. `skip` is for numbered pages, `after` for cursors."""

    listing: Listing = NEWEST
    after: After | None = None
    skip: int = 0
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueService:
    videos: Videos
    users: Users
    own_reactions: OwnReactions
    shelf: Shelf
    tokens: Tokens
    authors: Remembered[str, Author]

    def dashboard(self, actor: Actor, *, limit: int) -> list[VideoPage]:
        """001: the newest active videos, each with a playback token."""
        newest = self.shelf.page((limit,), lambda: self._found(Query(limit=limit)))
        return [self._shown(actor, video, None) for video in newest]

    def list(self, actor: Actor, query: Query) -> VideoList:
        """A page of a list that `actor` may see. Two queries, whatever its length."""
        # One more than asked for: whether there is more costs no second query.
        found = self._find(replace(query, limit=query.limit + 1))
        shown, sort = found[: query.limit], query.listing.sort
        return VideoList(
            items=[_met(actor, page) for page in shown],
            has_more=len(found) > query.limit,
            end=After(getattr(shown[-1].video, sort), shown[-1].video.oid) if shown else None,
        )

    def pages(self, actor: Actor, videos: Sequence[Video]) -> Sequence[VideoPage]:
        """As they are shown in lists."""
        return [_met(actor, page) for page in self._pages(videos)]

    def get(self, actor: Actor, reference: str) -> VideoPage:
        """One video by either id. One that is hidden from `actor` looks like one that is not."""
        video = visible(actor, self.shelf.get(actor, reference))
        return self.page(actor, video)

    def page(self, actor: Actor, video: Video) -> VideoPage:
        """One video in full, for who may see it."""
        author = self._authors_of([video]).get(video.author_id)
        return self._shown(actor, video, author, self.own_reactions.of(actor, video.id))

    def visible(self, actor: Actor, reference: str) -> Video:
        """As it is at this moment, not as it was a second ago. Raises `NotFound`."""
        return visible(actor, self.videos.get(reference))

    def _authors_of(self, videos: Sequence[Video]) -> dict[str, Author]:
        """Their names and pictures, up to a few seconds old."""
        return self.authors.many((video.author_id for video in videos), self.users.authors)

    def _find(self, query: Query) -> list[VideoPage]:
        """First pages come from the shelf; nobody asks twice for the others within a second.

        An owner's list does not, so that they see what they have just changed.
        """
        if query.after or query.skip or query.listing.any_state:
            return self._pages(self._found(query))
        key = (query.listing, query.limit)
        return self.shelf.page(key, lambda: self._pages(self._found(query), are_shared=True))

    def _found(self, query: Query) -> list[Video]:
        return self.videos.listed(
            query.listing, after=query.after, skip=query.skip, limit=query.limit
        )

    def _pages(self, videos: Sequence[Video], *, are_shared: bool = False) -> list[VideoPage]:
        """As they are shown to everybody."""
        authors = self._authors_of(videos)
        return [
            VideoPage(video=video, author=authors.get(video.author_id), is_shared=are_shared)
            for video in videos
        ]

    def _shown(
        self, actor: Actor, video: Video, author: Author | None, reaction: Choice | None = None
    ) -> VideoPage:
        watchable = actor.id is not None and video.playable and may_watch(actor, video)
        return VideoPage(
            video=video,
            author=author,
            playback_token=self.tokens.playback(actor.id, video) if watchable else None,  # type: ignore[arg-type]  # watchable implies an id
            is_editable=may_edit(actor, video),
            reaction=reaction,
        )


def _met(actor: Actor, page: VideoPage) -> VideoPage:
    """A page of everybody's, for who may do more with it than others."""
    return replace(page, is_editable=True, is_shared=False) if may_edit(actor, page.video) else page
