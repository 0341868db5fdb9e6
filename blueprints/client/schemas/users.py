"""People on the wire of the client API, spelled as 002 and 004 spell each field."""

# ruff: noqa: N815 - the wire's spelling

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, fields, pre_load, validate

from blueprints.http import profiles
from blueprints.http.links import avatar, thumbnail
from blueprints.http.parsing import Lenient
from blueprints.http.shapes import Shape
from models.user import ProfileVisibility, Role, SubscriptionStatus

LIMIT = 50
STATUSES = [*(status.value for status in SubscriptionStatus), "none"]


class PageQuery(Lenient):
    cursor = fields.String(validate=validate.Length(max=500))
    limit = fields.Integer(load_default=20, validate=validate.Range(1, LIMIT))


# What is sent, and answered in the same form


class Preferences(Shape):
    quality = profiles.quality()
    notifications = fields.Boolean()
    autoplay = fields.Boolean()


class Notifications(Shape):
    email = fields.Boolean()
    push = fields.Boolean()
    comments = fields.Boolean()
    followers = fields.Boolean()


class Privacy(Shape):
    profileVisibility = fields.Enum(
        ProfileVisibility, by_value=True, attribute="profile_visibility"
    )
    showFollowing = fields.Boolean(attribute="show_following")
    showFollowers = fields.Boolean(attribute="show_followers")
    historyPaused = fields.Boolean(
        attribute="history_paused", metadata={"description": "Note nothing of what is watched."}
    )


class Settings(Shape):
    notifications = fields.Nested(Notifications, unknown=EXCLUDE)
    privacy = fields.Nested(Privacy, unknown=EXCLUDE)


# What is sent


class SpeltEitherWay(Lenient):
    """004's table has `avatar_url`, and 000's family `current_password`."""

    @pre_load
    def in_camel_case(self, data: Any, **_: Any) -> Any:
        either = {"avatar_url": "avatarUrl", "current_password": "currentPassword"}
        if not isinstance(data, dict):
            return data
        return {either.get(name, name): value for name, value in data.items()}


class ProfileChange(SpeltEitherWay):
    """004's `Partial<UserProfile>`, of which these can be changed. The rest is left unread."""

    username = profiles.username()
    avatarUrl = profiles.picture_url(attribute="avatar_url")


class MeChange(SpeltEitherWay):
    """002: only what is sent changes."""

    name = profiles.display_name(attribute="display_name")
    username = profiles.username()
    email = profiles.email()
    currentPassword = profiles.current_password(attribute="current_password")
    bio = profiles.bio()
    profileImage = profiles.picture_url(attribute="avatar_url")
    preferences = fields.Nested(Preferences, unknown=EXCLUDE)
    settings = fields.Nested(Settings, unknown=EXCLUDE)


# What is answered


class UserProfile(Shape):
    """004's `UserProfile`. Reads a `ProfilePage`."""

    id = fields.String(attribute="user.id")
    username = fields.String(attribute="user.username")
    email = fields.String(
        metadata={"description": "One's own, and any for an admin; of others an empty text."}
    )
    avatarUrl = fields.Function(
        lambda page: avatar(page.user.avatar_url), metadata={"type": "string"}
    )
    videosCreated = fields.Integer(attribute="total_videos")
    totalLikes = fields.Integer(attribute="user.total_likes_received")
    totalDislikes = fields.Integer(attribute="user.total_dislikes_received")
    lastActiveAt = fields.DateTime(attribute="last_active_at")
    createdAt = fields.DateTime(attribute="user.created_at")


class SubscriptionOut(Shape):
    planId = fields.String(attribute="plan_id")
    startDate = fields.DateTime(attribute="start_date")
    endDate = fields.DateTime(attribute="end_date")
    status = fields.Enum(SubscriptionStatus, by_value=True)


class SeenOut(Shape):
    """Reads a `Seen`."""

    videoId = fields.String(attribute="video.id")
    title = fields.String(attribute="video.title")
    thumbnailUrl = fields.Function(lambda seen: thumbnail(seen.video), metadata={"type": "string"})
    watchedAt = fields.DateTime(attribute="watched_at")
    positionSeconds = fields.Float(attribute="position_seconds")


class MeOut(Shape):
    """002's user, without what only the server knows. Reads an `Overview`."""

    id = fields.String(attribute="user.id")
    name = fields.String(attribute="user.display_name")
    username = fields.String(attribute="user.username")
    email = fields.String(attribute="user.email")
    emailVerified = fields.Boolean(attribute="user.email_verified")
    role = fields.Enum(Role, by_value=True, attribute="user.role")
    bio = fields.String(attribute="user.bio")
    profileImage = fields.Function(
        lambda seen: avatar(seen.user.avatar_url), metadata={"type": "string"}
    )
    subscriptions = fields.List(fields.Nested(SubscriptionOut), attribute="user.subscriptions")
    subscriptionStatus = fields.String(
        attribute="subscription_status", validate=validate.OneOf(STATUSES)
    )
    devices = fields.List(
        fields.String(), metadata={"description": "Where one is signed in, the newest first."}
    )
    preferences = fields.Nested(Preferences, attribute="user.preferences")
    settings = fields.Nested(Settings, attribute="user.settings")
    watchHistory = fields.List(
        fields.Nested(SeenOut),
        attribute="history",
        metadata={"description": "The newest 20; the rest is at /users/me/history."},
    )
    createdAt = fields.DateTime(attribute="user.created_at")
    updatedAt = fields.DateTime(attribute="user.updated_at")


class HistoryOut(Shape):
    history = fields.List(fields.Nested(SeenOut))
    nextCursor = fields.String()
    hasMore = fields.Boolean()


class Done(Shape):
    success = fields.Boolean()
