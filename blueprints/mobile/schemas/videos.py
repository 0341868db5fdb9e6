"""The wire shapes of the mobile API: 001's field names, ObjectId ids, naive UTC times."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.http import filters
from blueprints.http.links import thumbnail
from blueprints.http.parsing import Lenient
from blueprints.http.shapes import ADDRESS, Shape
from blueprints.http.streams import DrmOut, position_in, stream_id_in
from blueprints.http.tracks import CaptionFileOut

DASHBOARD_LIMIT = 50


class Health(Shape):
    message = fields.String()
    status = fields.String()
    version = fields.String()


class DashboardQuery(filters.Repeated, Lenient):
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
    thumbnail_url = fields.Function(lambda page: thumbnail(page.video), metadata=ADDRESS)
    playback_token = fields.String()


class Dashboard(Shape):
    videos = fields.List(fields.Nested(DashboardVideo))


class StreamQuery(Lenient):
    token = fields.String(
        validate=validate.Length(max=4096), metadata={"description": "The playback token."}
    )


class StreamOut(Shape):
    """001's, and for what plays from here how a player says that it is still there."""

    stream_url = fields.String()
    video_id = fields.String()
    title = fields.String()
    stream_id = fields.String(
        metadata={"description": "What heartbeats are sent with; not for what plays elsewhere."}
    )
    heartbeat_seconds = fields.Integer()
    drm = fields.Nested(DrmOut, metadata={"description": "Of encrypted videos alone."})
    dash_url = fields.String()
    storyboard_url = fields.String(metadata={"description": "WebVTT of small pictures to seek by."})
    captions = fields.List(fields.Nested(CaptionFileOut))


class Watched(Lenient):
    stream_id = stream_id_in()
    position_seconds = position_in()
