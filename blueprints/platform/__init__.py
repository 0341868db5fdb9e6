"""The platform API, /api/*: documents 000 and 003. snake_case, uuids, `success` in failures."""

from __future__ import annotations

from blueprints.platform.administration import administration
from blueprints.platform.arrivals import arrivals
from blueprints.platform.audit import audit
from blueprints.platform.auth import auth
from blueprints.platform.categories import categories
from blueprints.platform.comments import comments
from blueprints.platform.configuration import configuration
from blueprints.platform.dialect import dialect
from blueprints.platform.editing import editing
from blueprints.platform.export import export
from blueprints.platform.follows import follows
from blueprints.platform.history import history
from blueprints.platform.invitations import invitations
from blueprints.platform.live import live
from blueprints.platform.mfa import mfa
from blueprints.platform.moderation import moderation
from blueprints.platform.notifications import notifications
from blueprints.platform.passwords import passwords
from blueprints.platform.playlists import channel_playlists, playlists
from blueprints.platform.processing import processing
from blueprints.platform.reactions import reactions
from blueprints.platform.sessions import sessions
from blueprints.platform.shares import shares
from blueprints.platform.tracks import tracks
from blueprints.platform.uploads import uploads
from blueprints.platform.users import users
from blueprints.platform.videos import videos
from blueprints.platform.views import views
from blueprints.platform.webhooks import webhooks

PREFIXES = ("/api/",)
BLUEPRINTS = (
    auth,
    passwords,
    mfa,
    sessions,
    users,
    follows,
    administration,
    export,
    invitations,
    audit,
    configuration,
    videos,
    tracks,
    editing,
    live,
    views,
    reactions,
    categories,
    comments,
    moderation,
    shares,
    history,
    notifications,
    playlists,
    channel_playlists,
    uploads,
    processing,
    webhooks,
    arrivals,
)

__all__ = ["BLUEPRINTS", "PREFIXES", "dialect"]
