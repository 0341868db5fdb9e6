"""Finding videos: the dashboard, lists, the feed and one video's page.

What these answer are read models: a video together with all that a family may show beside it, so
that writing an answer asks nothing more of the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.documents import After
from models.errors import NotFound
from models.user import Author
from models.users import Users
from models.video import Sort, Video
from models.videos import Videos
from services.accounts.tokens import Tokens
from services.policies import Actor, may_edit, may_see, may_watch
from services.remembered import Remembered
from services.videos.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoList:
    items: Sequence[VideoPage]
    has_more: bool
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedList:
    videos: VideoList
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which public videos, in which order. `skip` is for numbered pages, `after` for cursors."""

    sort: Sort = Sort.LATEST
    category: str | None = None
    tags: tuple[str, ...] = ()
    after: After | None = None
    skip: int = 0
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueService:
    videos: Videos
    users: Users
    shelf: Shelf
    tokens: Tokens
    authors: Remembered[str, Author]
    counts: Remembered[str, int]

    def dashboard(self, actor: Actor, *, limit: int) -> list[VideoPage]:
        """001: the newest active videos, each with a playback token."""
        newest = self._public(Query(limit=limit))
        return [self._shown(actor, video, None) for video in newest]

    def list(self, actor: Actor, query: Query) -> VideoList:
        """A page of what everybody may see. Two queries, whatever its length."""
        # One more than asked for: whether there is more costs no second query.
        found = self._public(replace(query, limit=query.limit + 1))
        shown = found[: query.limit]
        authors = self._authors_of(shown)
        return VideoList(
            items=[
                VideoPage(
                    video=video,
                    author=authors.get(video.author_id),
                    is_editable=may_edit(actor, video),
                )
                for video in shown
            ],
            has_more=len(found) > query.limit,
            end=After(getattr(shown[-1], query.sort), shown[-1].oid) if shown else None,
        )

    def numbered(self, actor: Actor, query: Query) -> NumberedList:
        """A page, and how many videos all pages hold."""
        return NumberedList(videos=self.list(actor, query), total=self._count(query))

    def _count(self, query: Query) -> int:
        """Up to half a minute old."""
        key = f"{query.category or ''}|{','.join(sorted(query.tags))}"
        return self.counts.one(
            key,
            lambda: self.videos.count_public(category=query.category, tags=query.tags),
        )

    def get(self, actor: Actor, reference: str) -> VideoPage:
        """One video by either id. One that is hidden from `actor` looks like one that is not."""
        video = self.shelf.get(actor, reference)
        if video is None or not may_see(actor, video):
            raise NotFound("Video not found")
        return self._shown(actor, video, self._authors_of([video]).get(video.author_id))

    def _authors_of(self, videos: Sequence[Video]) -> dict[str, Author]:
        """Their names and pictures, up to a few seconds old."""
        return self.authors.many((video.author_id for video in videos), self.users.authors)

    def _public(self, query: Query) -> list[Video]:
        """First pages come from the shelf; nobody asks twice for the others within a second."""
        if query.after or query.skip:
            return self._found(query)
        key = (query.sort, query.category, query.tags, query.limit)
        return self.shelf.page(key, lambda: self._found(query))

    def _found(self, query: Query) -> list[Video]:
        return self.videos.public(
            query.sort,
            category=query.category,
            tags=query.tags,
            after=query.after,
            skip=query.skip,
            limit=query.limit,
        )

    def _shown(self, actor: Actor, video: Video, author: Author | None) -> VideoPage:
        watchable = actor.id is not None and video.playable and may_watch(actor, video)
        return VideoPage(
            video=video,
            author=author,
            playback_token=self.tokens.playback(actor.id, video) if watchable else None,  # type: ignore[arg-type]  # watchable implies an id
            is_editable=may_edit(actor, video),
        )
