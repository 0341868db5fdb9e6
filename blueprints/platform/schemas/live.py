"""Live streams, on the wire of the platform API."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from blueprints.http.describing import Tags
from blueprints.http.parsing import Trimmed
from blueprints.http.shapes import Shape
from blueprints.platform.schemas.terms import Terms
from blueprints.platform.schemas.videos import VideoOut
from models.video import LiveStatus, Visibility
from services.live.broadcasts import LIST_LIMIT, LivePage
from services.videos.describing import Details


class NewLive(Trimmed, Terms):
    title = fields.String(required=True, validate=validate.Length(1, 100))
    description = fields.String(load_default="", validate=validate.Length(max=5000))
    category = fields.String(load_default="", validate=validate.Length(max=100))
    tags = Tags(load_default=())
    visibility = fields.Enum(Visibility, by_value=True, load_default=Visibility.PUBLIC)
    keep_replay = fields.Boolean(
        load_default=True,
        metadata={"description": "Whether it is a video like any other when it is over."},
    )

    @post_load
    def details(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        keep_replay = data.pop("keep_replay")
        return {"details": Details(**data), "keep_replay": keep_replay}


class LiveQuery(Schema):
    limit = fields.Integer(load_default=20, validate=validate.Range(1, LIST_LIMIT))


def problem(shown: LivePage) -> str | None:
    return (shown.broadcast.problem or None) if shown.page.is_editable else None


class LiveOut(Shape):
    """Reads a `LivePage`."""

    video_id = fields.String(attribute="broadcast.video_id")
    status = fields.Enum(LiveStatus, by_value=True, attribute="broadcast.status")
    viewer_count = fields.Integer(
        metadata={"description": "Players that opened it, or sent a heartbeat, in the last minute."}
    )
    peak_viewer_count = fields.Integer(attribute="broadcast.peak_viewers")
    started_at = fields.DateTime(attribute="broadcast.started_at", allow_none=True)
    ended_at = fields.DateTime(attribute="broadcast.ended_at", allow_none=True)
    end_reason = fields.String(attribute="broadcast.end_reason")
    keep_replay = fields.Boolean(attribute="broadcast.keep_replay")
    problem = fields.Function(
        problem,
        metadata={
            "type": ["string", "null"],
            "description": "For its owner: why what was sent last could not be shown.",
        },
    )
    ingest_url = fields.String(metadata={"description": "For its owner: where to send it."})
    video = fields.Nested(VideoOut, attribute="page")


class OwnLiveOut(LiveOut):
    """With what only its owner is told, and only once."""

    stream_key = fields.String(
        metadata={"description": "For the encoder, beside `ingest_url`. It is not shown again."}
    )


class LiveListOut(Shape):
    live = fields.List(fields.Nested(LiveOut))
