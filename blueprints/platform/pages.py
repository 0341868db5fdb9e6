"""Numbered pages, as 000 and 003 ask for and answer them; cursors beside them."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import Json
from blueprints.http.lists import Listed
from blueprints.platform.schemas.videos import VideoOut
from models.documents import After
from services.videos.browsing import ME, Wish
from services.videos.catalogue import NumberedList, Query

DEFAULT_LIMIT = 20
CHANNEL_LIMIT = 10

_VIDEOS = Listed(VideoOut())


def to_wish(asked: Json) -> Wish:
    """What a view was asked, in the core's words. With a cursor, `page` is only echoed."""
    author = ME if asked.get("mine") else asked.get("uploaded_by")
    wish = Wish(listing=asked["listing"], author=author, limit=_limit(asked, DEFAULT_LIMIT))
    after, skip = _place(asked, wish.order, wish.limit)
    return replace(wish, after=after, skip=skip)


def to_query(asked: Json, order: str) -> Query:
    """The same of one person's videos; `order` is what their list is called."""
    limit = _limit(asked, CHANNEL_LIMIT)
    after, skip = _place(asked, order, limit)
    return Query(listing=asked["listing"], after=after, skip=skip, limit=limit)


def page_of(asked: Json, order: str, limit: int, found: NumberedList) -> Json:
    cursor = to_cursor(order, found.videos.end) if found.videos.has_more else None
    return {
        "videos": _VIDEOS.written(found.videos.items),
        "pagination": pagination(asked, limit, found.total or 0, cursor),
    }


def _limit(asked: Json, otherwise: int) -> int:
    return asked.get("limit") or asked.get("page_size") or otherwise


def _place(asked: Json, order: str, limit: int) -> tuple[After | None, int]:
    """What a page comes after, and else how much it skips."""
    after = from_cursor(order, asked.get("cursor"))
    return after, 0 if after else (asked["page"] - 1) * limit


def pagination(asked: Json, limit: int, total: int, next_cursor: str | None) -> Json:
    """What 003 says of a page; there is a next one where there is a cursor for it."""
    return {
        "current_page": asked["page"],
        "total_pages": ceil(total / limit),
        "total_items": total,
        "has_next": next_cursor is not None,
        "has_prev": asked["page"] > 1 or bool(asked.get("cursor")),
        "next_cursor": next_cursor,
    }


def stretch_of(asked: Json, order: str) -> Json:
    """What of the list named `order` is asked for: `after` a place, or having skipped so many."""
    limit = _limit(asked, DEFAULT_LIMIT)
    after, skip = _place(asked, order, limit)
    return {"after": after, "skip": skip, "limit": limit}


def place_of(asked: Json, order: str) -> Json:
    """Where a page begins: `after` what a cursor says, else having skipped the pages before."""
    after, size = from_cursor(order, asked.get("cursor")), asked["page_size"]
    skip = 0 if after else (asked["page"] - 1) * size
    return {"after": str(after.value) if after else "", "skip": skip, "limit": size}
