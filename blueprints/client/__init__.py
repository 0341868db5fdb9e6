"""The client API, at the root: documents 002 and 004. camelCase, uuids, bare objects."""

from __future__ import annotations

from blueprints.client.catalogue import catalogue
from blueprints.client.comments import comments
from blueprints.client.dialect import dialect
from blueprints.client.editing import editing
from blueprints.client.media import media
from blueprints.client.new_uploads import new_videos, thumbnails
from blueprints.client.notifications import notifications
from blueprints.client.playlists import channel_playlists, playlists
from blueprints.client.reactions import liked, reactions
from blueprints.client.shares import shares
from blueprints.client.streams import streams
from blueprints.client.tracks import tracks
from blueprints.client.uploads import uploads
from blueprints.client.users import users
from blueprints.client.videos import videos
from blueprints.client.views import views

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
        "playlists",
    )
)
BLUEPRINTS = (
    videos,
    editing,
    views,
    comments,
    shares,
    notifications,
    playlists,
    channel_playlists,
    reactions,
    liked,
    catalogue,
    streams,
    media,
    tracks,
    uploads,
    new_videos,
    thumbnails,
    users,
)

__all__ = ["BLUEPRINTS", "PREFIXES", "dialect"]
