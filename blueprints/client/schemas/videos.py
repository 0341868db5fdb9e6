"""The wire shapes of the client API, spelled as 002 and 004 spell each field."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.client.schemas.assets import ASSETS, assets_of
from blueprints.http import filters
from blueprints.http.links import link, thumbnail
from blueprints.http.parsing import Lenient
from blueprints.http.shapes import ADDRESS, NAME, Shape
from blueprints.http.states import STATUS_WORDS

FEED_LIMIT = 50


class FeedQuery(filters.Repeated, Lenient):
    cursor = fields.String(validate=validate.Length(max=500))
    limit = fields.Integer(load_default=20, validate=validate.Range(1, FEED_LIMIT))


class ClientVideo(Shape):
    """004's `Video`, and what 002's detail adds. Reads a `VideoPage`."""

    id = fields.String(attribute="video.id")
    prompt = fields.String(
        attribute="video.title",
        dump_only=True,
        metadata={"description": "The title, of an upload."},
    )
    title = fields.String(attribute="video.title")
    description = fields.String(attribute="video.description")
    videoUrl = fields.Function(  # noqa: N815 - the wire's spelling
        lambda page: link(f"/stream/{page.video.id}"), metadata=ADDRESS
    )
    thumbnailUrl = fields.Function(  # noqa: N815 - the wire's spelling
        lambda page: thumbnail(page.video), metadata=ADDRESS
    )
    userId = fields.String(attribute="video.author_id")  # noqa: N815 - the wire's spelling
    username = fields.Function(
        lambda page: page.author.username if page.author else None, metadata=NAME
    )
    category = fields.String(attribute="video.category")
    tags = fields.List(fields.String(), attribute="video.tags")
    duration = fields.Float(attribute="video.duration_seconds")
    likes = fields.Integer(attribute="video.like_count")
    dislikes = fields.Integer(attribute="video.dislike_count")
    views = fields.Integer(attribute="video.view_count")
    createdAt = fields.DateTime(attribute="video.created_at")  # noqa: N815 - the wire's spelling
    status = fields.Function(
        lambda page: STATUS_WORDS[page.video.processing_status],
        metadata={"enum": list(STATUS_WORDS.values()), "type": "string"},
    )
    ranking_score = fields.Float(attribute="video.ranking_score")
    assets = fields.Function(lambda page: assets_of(page.video), metadata=ASSETS)
    playbackToken = fields.String(  # noqa: N815 - the wire's spelling
        attribute="playback_token",
        allow_none=True,
        metadata={"description": "For who is signed in and may watch; not in the feed."},
    )


class FeedOut(Shape):
    videos = fields.List(fields.Nested(ClientVideo))
    nextCursor = fields.String()  # noqa: N815 - the wire's spelling
    hasMore = fields.Boolean()  # noqa: N815 - the wire's spelling
