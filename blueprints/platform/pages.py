"""Numbered pages, as 000 and 003 ask for and answer them; cursors beside them."""

from __future__ import annotations

from math import ceil

from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import Json
from blueprints.platform.schemas.videos import SORTS, VideoOut
from services.videos.catalogue import NumberedList, Query

DEFAULT_LIMIT = 20

_VIDEO = VideoOut()


def to_query(asked: Json) -> Query:
    """What a view was asked, in the core's words. With a cursor, `page` is only echoed."""
    limit = asked.get("limit") or asked.get("page_size") or DEFAULT_LIMIT
    after = from_cursor(asked["sort"], asked.get("cursor"))
    return Query(
        sort=SORTS[asked["sort"]],
        category=asked.get("category"),
        tags=asked["tags"],
        after=after,
        skip=0 if after else (asked["page"] - 1) * limit,
        limit=limit,
    )


def page_of(asked: Json, query: Query, found: NumberedList) -> Json:
    more = found.videos.has_more
    cursor = to_cursor(asked["sort"], found.videos.end) if more else None
    return {
        "videos": _VIDEO.dump(found.videos.items, many=True),
        "pagination": pagination(asked, query.limit, found.total, cursor),
    }


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


def place_of(asked: Json, order: str) -> Json:
    """Where a page begins: `after` what a cursor says, else having skipped the pages before."""
    after, size = from_cursor(order, asked.get("cursor")), asked["page_size"]
    skip = 0 if after else (asked["page"] - 1) * size
    return {"after": str(after.value) if after else "", "skip": skip, "limit": size}
