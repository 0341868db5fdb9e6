"""Lists of videos as JSON: what everybody is shown is written down once, not for each who asks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson

from blueprints.http.links import link
from blueprints.http.shapes import Shape
from services.videos.catalogue import VideoPage

# Of each shape; a few kilobytes each. A page that leaves the shelf is not asked for again.
KEPT = 1024


class Listed:
    """Writes pages in `shape`, for `jsonify`: dicts, and JSON where others are shown the same."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._kept = lru_cache(maxsize=KEPT)(self._json)

    def written(self, pages: Iterable[VideoPage]) -> list[Any]:
        # Links begin as the caller reached this CLUTCH.
        beginning = link("")
        return [
            self._kept(page, beginning) if page.is_shared else self._shape.dump(page)
            for page in pages
        ]

    def _json(self, page: VideoPage, _beginning: str) -> orjson.Fragment:
        return orjson.Fragment(orjson.dumps(self._shape.dump(page)))
