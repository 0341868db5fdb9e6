"""004's `video.assets[]`: which files there are of a video, and where to ask for them."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.http.context import settings
from blueprints.http.dialect import Json
from blueprints.http.links import link
from blueprints.http.parsing import Lenient
from models.video import Video
from services.videos.keys import picture_key

TEXT = {"type": "string"}
# For the OpenAPI document: what `assets_of` answers.
ASSETS = {
    "type": "array",
    "description": "Stored files. `filePath` names one to this API; it is no path on any disk.",
    "items": {
        "type": "object",
        "properties": {
            "asset_type": {"type": "string", "enum": ["video", "thumbnail"]},
            "storageBackend": {"type": "string", "enum": ["local", "s3"]},
            "publicUrl": TEXT,
            "filePath": TEXT,
        },
    },
}


class MediaQuery(Lenient):
    token = fields.String(
        validate=validate.Length(max=4096), metadata={"description": "The playback token."}
    )


def assets_of(video: Video) -> list[Json]:
    """The one-file MP4 once it is made, and the picture where there is one."""
    names = {"video": "video.mp4" if video.progressive else None}
    names["thumbnail"] = "poster.jpg" if picture_key(video) else None
    return [_asset(kind, f"media/{video.id}/{name}") for kind, name in names.items() if name]


def _asset(kind: str, name: str) -> Json:
    return {
        "asset_type": kind,
        "storageBackend": settings().storage_backend,
        "publicUrl": link(f"/{name}"),
        "filePath": name,
    }
