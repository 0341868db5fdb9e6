"""What lists of videos may be asked for (000 and 003, in any combination), on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validate, validates_schema

from blueprints.http import filters
from blueprints.http.tags import to_tags
from blueprints.platform.schemas.videos import LAST_PAGE, PAGE_LIMIT, PAGE_SIZE_LIMIT
from models.listings import Listing
from models.video import Sort, Visibility

SORTS = {"latest": Sort.LATEST, "popular": Sort.POPULAR, "trending": Sort.TRENDING}
SORTS_BY = {"created_at": Sort.CREATED, "view_count": Sort.POPULAR}
ORDERS = ("asc", "desc")
SAME = (("limit", "page_size"), ("sort", "sort_by"), ("category", "category_id"))


class ChannelQuery(filters.Repeated):
    """000's `page` and `limit`, or 003's `page_size`; `cursor` goes on where an answer ended."""

    page = fields.Integer(load_default=1, validate=validate.Range(1, LAST_PAGE))
    limit = fields.Integer(validate=validate.Range(1, PAGE_LIMIT))
    page_size = fields.Integer(validate=validate.Range(1, PAGE_SIZE_LIMIT))
    cursor = fields.String(validate=validate.Length(max=500))
    category = filters.category()
    category_id = filters.category(metadata={"description": "003's name for `category`."})
    tags = filters.tags()
    sort_by = fields.String(validate=validate.OneOf(list(SORTS_BY)))
    order = fields.String(load_default="desc", validate=validate.OneOf(ORDERS))

    @validates_schema
    def is_said_once(self, data: dict[str, Any], **_: Any) -> None:
        filters.alternatives(data, *SAME)

    @post_load
    def listing(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """What is asked, in the core's words, beside the rest."""
        sort = SORTS.get(data.get("sort", "")) or SORTS_BY.get(data.get("sort_by", ""))
        asked = Listing(
            sort=sort or Sort.LATEST,
            ascending=data["order"] == "asc",
            category=data.get("category") or data.get("category_id"),
            tags=to_tags(data.get("tags", "")),
            any_state=data.get("all", False),
            visibility=data.get("visibility"),
            status=filters.STATES.get(data.get("status", "")),
            min_seconds=data.get("min_duration"),
            max_seconds=data.get("max_duration"),
            words=data.get("q", ""),
        )
        return data | {"listing": asked}


class VideoQuery(ChannelQuery):
    """The same of everybody's videos, and more."""

    sort = fields.String(validate=validate.OneOf(list(SORTS)))
    uploaded_by = filters.person()
    mine = fields.Boolean(metadata={"description": "One's own, whatever their state."})
    all = fields.Boolean(metadata={"description": "Whatever their state; for staff."})
    visibility = fields.Enum(
        Visibility, by_value=True, metadata={"description": "With one's own, or for staff."}
    )
    status = filters.state()
    min_duration = filters.seconds("Seconds: as long as this, or longer.")
    max_duration = filters.seconds("Seconds: shorter than this.")
    q = filters.words()

    @validates_schema
    def is_possible(self, data: dict[str, Any], **_: Any) -> None:
        filters.whose(data, "mine", "uploaded_by")
        filters.ordered(data, "min_duration", "max_duration")
