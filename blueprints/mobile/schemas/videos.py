"""The wire shapes of the mobile API: 001's field names, ObjectId ids, naive UTC times."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.http.links import link, stream_url
from blueprints.http.parsing import Lenient
from blueprints.http.shapes import Shape

DASHBOARD_LIMIT = 50


class Health(Shape):
    message = fields.String()
    status = fields.String()
    version = fields.String()


class DashboardQuery(Lenient):
    limit = fields.Integer(
        validate=validate.Range(1, DASHBOARD_LIMIT),
        metadata={"description": "How many videos; 2 as 001 has it, unless configured."},
    )


class DashboardVideo(Shape):
    """Reads a `VideoPage`."""

    id = fields.String(attribute="video.oid")
    title = fields.String(attribute="video.title")
    description = fields.String(attribute="video.description")
    # Ours, never the source's: a picture's address must not give a YouTube id away.
    thumbnail_url = fields.Function(lambda page: link(f"/api/videos/{page.video.id}/thumbnail"))
    playback_token = fields.String()


class Dashboard(Shape):
    videos = fields.List(fields.Nested(DashboardVideo))


class StreamQuery(Lenient):
    token = fields.String(
        validate=validate.Length(max=4096), metadata={"description": "The playback token."}
    )


class StreamOut(Shape):
    """Reads a `Stream`."""

    stream_url = fields.Function(stream_url)
    video_id = fields.String(attribute="video.oid")
    title = fields.String(attribute="video.title")
