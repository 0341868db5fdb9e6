"""The catalogue, as the client API speaks of it: /videos, and what is related to one (002)."""

from __future__ import annotations

from dataclasses import replace

from flask import Response, jsonify

from blueprints.client.dialect import dialect
from blueprints.client.schemas.catalogue import (
    CatalogueOut,
    CatalogueQuery,
    CatalogueVideo,
    RelatedOut,
)
from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.lists import Listed
from services.videos.browsing import ME, Wish
from services.videos.catalogue import NumberedList

catalogue = FamilyBlueprint(dialect, "catalogue", "/videos", "Browse the catalogue.")

_VIDEO = CatalogueVideo()
_VIDEOS = Listed(_VIDEO)


@catalogue.route("")
@catalogue.arguments(CatalogueQuery, location="query")
@catalogue.response(200, CatalogueOut)
@for_visitors_too
def browse(asked: Json) -> Response:
    """List videos: filtered, sorted and searched as asked, page after page (002).

    `mine=true` lists all of one's own, `all=true` everything for staff. `page` counts pages, as
    far as the first 10,000 videos; `cursor` costs the same on every page.
    """
    wish = _wish(asked)
    return jsonify(_page(asked, wish, services().browsing.browse(caller(), wish)))


@catalogue.route("/<video_id>/related")
@catalogue.response(200, RelatedOut)
@for_visitors_too
def related(video_id: str) -> Response:
    """What to watch next: at most ten, the closest by tags, author and category first (002)."""
    found = services().related.of(caller(), video_id)
    return jsonify({"videos": _VIDEO.dump(found, many=True)})


def _wish(asked: Json) -> Wish:
    wish = Wish(
        listing=asked["listing"],
        author=ME if asked.get("mine") else asked.get("creatorId"),
        skip=(asked.get("page", 1) - 1) * asked["limit"],
        limit=asked["limit"],
        counted="page" in asked,
    )
    return replace(wish, after=from_cursor(wish.order, asked.get("cursor")))


def _page(asked: Json, wish: Wish, found: NumberedList) -> Json:
    more = found.videos.has_more
    body: Json = {"videos": _VIDEOS.written(found.videos.items), "hasMore": more}
    body |= {"nextCursor": to_cursor(wish.order, found.videos.end)} if more else {}
    numbers = {"page": asked.get("page"), "limit": wish.limit, "total": found.total}
    return body | (numbers if wish.counted else {})
