"""Wiring: what people keep, and what they pass on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.database import Transactions
from services.container.notices import Notices
from services.container.parts import Parts
from services.people.people import PeopleService
from services.social.folding import OneAtATime
from services.social.playlist_contents import PlaylistContents
from services.social.playlists import PlaylistService
from services.social.shares import ShareService
from services.videos.catalogue import CatalogueService


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping(Notices):
    """A part of `Services`."""

    playlists: PlaylistService
    playlist_contents: PlaylistContents
    shares: ShareService


def keeping(parts: Parts, people: PeopleService, catalogue: CatalogueService) -> dict[str, Any]:
    """All of it, by the names that `Services` has for it."""
    lists = PlaylistService(
        playlists=parts.playlists,
        items=parts.playlist_items,
        users=parts.users,
        videos=parts.videos,
        people=people,
        transactions=Transactions(parts.mongo),
        now=parts.now,
        new_id=parts.new_id,
    )
    return {
        "playlists": lists,
        "playlist_contents": PlaylistContents(
            lists=lists,
            items=parts.playlist_items,
            videos=parts.videos,
            catalogue=catalogue,
            transactions=Transactions(parts.mongo),
            now=parts.now,
            new_id=parts.new_id,
        ),
        "shares": _shares(parts),
    }


def _shares(parts: Parts) -> ShareService:
    return ShareService(
        shares=parts.shares,
        videos=parts.videos,
        shelf=parts.shelf,
        transactions=Transactions(parts.mongo),
        one_at_a_time=OneAtATime(),
        secret=parts.settings.jwt_secret_key,
        base_url=parts.settings.base_url,
        now=parts.now,
        new_id=parts.new_id,
    )
