"""The client API, at the root: documents 002 and 004. camelCase, uuids, bare objects."""

from __future__ import annotations

from blueprints.client.dialect import dialect
from blueprints.client.streams import streams
from blueprints.client.uploads import uploads
from blueprints.client.users import users
from blueprints.client.videos import videos

PREFIXES = tuple(
    f"/{noun}/"
    for noun in (
        "users",
        "videos",
        "feed",
        "search",
        "stream",
        "upload",
        "payments",
        "revenue",
        "analytics",
        "media",
    )
)
BLUEPRINTS = (videos, streams, uploads, users)

__all__ = ["BLUEPRINTS", "PREFIXES", "dialect"]
