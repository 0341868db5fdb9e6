"""A person's channel: the list of their videos, where their profile may be seen."""

from __future__ import annotations

from dataclasses import dataclass

from models.documents import After
from models.user import User
from models.users import Users
from models.videos import Videos
from services.people.people import PeopleService
from services.policies import Actor, knows_all_of
from services.videos.catalogue import NumberedList, Query, VideoList, VideoPage


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelService:
    people: PeopleService
    users: Users
    videos: Videos

    def list(self, actor: Actor, reference: str, query: Query) -> VideoList:
        """Somebody's videos, the newest first: all of one's own, of others the public ones.

        Of `query`, its place and limit count. Raises `NotFound` where the profile is hidden.
        """
        return self._list(actor, self.people.visible(actor, reference), query)

    def numbered(self, actor: Actor, reference: str, query: Query) -> NumberedList:
        """A page, and how many videos all pages hold."""
        user = self.people.visible(actor, reference)
        total = self.videos.count_of(user.id, everything=knows_all_of(actor, user))
        return NumberedList(videos=self._list(actor, user, query), total=total)

    def _list(self, actor: Actor, user: User, query: Query) -> VideoList:
        everything = knows_all_of(actor, user)
        found = self.videos.of_author(
            user.id,
            everything=everything,
            after=query.after,
            skip=query.skip,
            limit=query.limit + 1,
        )
        shown = found[: query.limit]
        author = self.users.authors([user.id]).get(user.id)
        return VideoList(
            items=[VideoPage(video=v, author=author, is_editable=everything) for v in shown],
            has_more=len(found) > query.limit,
            end=After(shown[-1].created_at, shown[-1].oid) if shown else None,
        )
