"""The wire shapes of streams in the client API (002)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validate

from blueprints.http.parsing import Lenient
from blueprints.http.shapes import Shape
from blueprints.http.streams import DrmOut, position_in, stream_id_in
from blueprints.http.tracks import CaptionFileOut


class StreamQuery(Lenient):
    token = fields.String(
        validate=validate.Length(max=4096), metadata={"description": "The playback token."}
    )
    quality = fields.String(
        validate=validate.Length(max=16),
        metadata={"description": "One rendition alone, such as 720p; all of them by default."},
    )


class Watched(Lenient):
    streamId = stream_id_in()  # noqa: N815 - the wire's spelling
    positionSeconds = position_in()  # noqa: N815 - the wire's spelling

    @post_load
    def named(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        names = {"streamId": "stream_id", "positionSeconds": "position_seconds"}
        return {names.get(name, name): value for name, value in data.items()}


class Heartbeat(Watched):
    quality = fields.String(
        validate=validate.Length(max=16),
        metadata={"description": "The one that is being watched, if the stream was of one alone."},
    )


class StreamOut(Shape):
    """002's stream. `stream_url` is the contract's name for it, the same in every family."""

    stream_url = fields.String()
    streamUrl = fields.String()  # noqa: N815 - the wire's spelling
    videoId = fields.String()  # noqa: N815 - the wire's spelling
    title = fields.String()
    type = fields.String(validate=validate.OneOf(["hls", "youtube"]))
    qualities = fields.List(fields.String())
    streamId = fields.String(  # noqa: N815 - the wire's spelling
        metadata={"description": "What heartbeats are sent with; not for what plays elsewhere."}
    )
    heartbeatSeconds = fields.Integer()  # noqa: N815 - the wire's spelling
    drm = fields.Nested(DrmOut, metadata={"description": "Of encrypted videos alone."})
    dash_url = fields.String()
    storyboard_url = fields.String(metadata={"description": "WebVTT of small pictures to seek by."})
    captions = fields.List(fields.Nested(CaptionFileOut))
