"""One's own data on the wire: what CLUTCH knows, and no secret. camelCase nowhere, ids as uuids."""

from __future__ import annotations

from marshmallow import fields

from blueprints.http.shapes import Shape
from blueprints.platform.schemas.membership import AuditEntryOut, shown
from blueprints.platform.schemas.users import Preferences, Settings
from models.notifications import NotificationKind
from models.playlists import PlaylistKind, PlaylistVisibility
from models.user import SubscriptionStatus
from models.video import LiveStatus, ProcessingStatus, Visibility
from services.accounts.standing import has_second_factor


class ExportedProfile(Shape):
    id = fields.String()
    username = fields.String()
    email = fields.String()
    email_verified = fields.Boolean()
    display_name = fields.String()
    avatar_url = fields.String()
    bio = fields.String()
    role = fields.Function(shown, metadata={"type": "string"})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    last_login = fields.DateTime(allow_none=True)
    last_active_at = fields.DateTime(allow_none=True)
    password_changed_at = fields.DateTime(allow_none=True)
    has_second_factor = fields.Function(has_second_factor, metadata={"type": "boolean"})


class ExportedSubscription(Shape):
    plan_id = fields.String()
    start_date = fields.DateTime()
    end_date = fields.DateTime()
    status = fields.Enum(SubscriptionStatus, by_value=True)


class ExportedSession(Shape):
    id = fields.String()
    device = fields.String()
    user_agent = fields.String()
    address = fields.String()
    created_at = fields.DateTime()
    last_seen_at = fields.DateTime()
    expires_at = fields.DateTime()
    revoked_at = fields.DateTime(allow_none=True)


class ExportedInvitation(Shape):
    id = fields.String()
    email = fields.String(allow_none=True)
    created_at = fields.DateTime()
    expires_at = fields.DateTime()
    used = fields.Boolean()


class ExportedVideo(Shape):
    id = fields.String()
    title = fields.String()
    description = fields.String()
    category = fields.String()
    tags = fields.List(fields.String())
    visibility = fields.Enum(Visibility, by_value=True)
    processing_status = fields.Enum(ProcessingStatus, by_value=True)
    duration = fields.Float(attribute="duration_seconds")
    view_count = fields.Integer()
    like_count = fields.Integer()
    created_at = fields.DateTime()
    published_at = fields.DateTime(allow_none=True)


class ExportedLiveStream(Shape):
    video_id = fields.String()
    status = fields.Enum(LiveStatus, by_value=True)
    created_at = fields.DateTime()
    started_at = fields.DateTime(allow_none=True)
    ended_at = fields.DateTime(allow_none=True)
    end_reason = fields.String()
    peak_viewer_count = fields.Integer(attribute="peak_viewers")
    keep_replay = fields.Boolean()


class ExportedView(Shape):
    video_id = fields.String()
    watched_at = fields.DateTime()
    position_seconds = fields.Float()


class ExportedEdit(Shape):
    content = fields.String()
    until = fields.DateTime(attribute="at")


class ExportedComment(Shape):
    id = fields.String()
    video_id = fields.String()
    parent_comment_id = fields.String(allow_none=True)
    content = fields.String()
    like_count = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    edits = fields.List(fields.Nested(ExportedEdit))


class ExportedPlaylist(Shape):
    id = fields.String()
    kind = fields.Enum(PlaylistKind, by_value=True)
    title = fields.String()
    description = fields.String()
    visibility = fields.Enum(PlaylistVisibility, by_value=True)
    created_at = fields.DateTime()


class ExportedPlaylistItem(Shape):
    playlist_id = fields.String()
    video_id = fields.String()
    added_at = fields.DateTime()


class ExportedShare(Shape):
    video_id = fields.String()
    channel = fields.String()
    created_at = fields.DateTime()


class ExportedNotification(Shape):
    id = fields.String()
    kind = fields.Enum(NotificationKind, by_value=True)
    target_type = fields.String()
    target_id = fields.String()
    count = fields.Integer()
    text = fields.String()
    read = fields.Boolean()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class ExportOut(Shape):
    exported_at = fields.DateTime()
    profile = fields.Nested(ExportedProfile)
    settings = fields.Nested(Settings)
    preferences = fields.Nested(Preferences)
    subscriptions = fields.List(fields.Nested(ExportedSubscription))
    sessions = fields.List(fields.Nested(ExportedSession))
    invitations = fields.List(fields.Nested(ExportedInvitation))
    videos = fields.List(fields.Nested(ExportedVideo))
    live_streams = fields.List(fields.Nested(ExportedLiveStream))
    watch_history = fields.List(fields.Nested(ExportedView))
    comments = fields.List(fields.Nested(ExportedComment))
    playlists = fields.List(fields.Nested(ExportedPlaylist))
    playlist_items = fields.List(fields.Nested(ExportedPlaylistItem))
    shares = fields.List(fields.Nested(ExportedShare))
    notifications = fields.List(fields.Nested(ExportedNotification))
    audit = fields.List(fields.Nested(AuditEntryOut))
